/** Words for resources as kubectl takes them: `pods`, `po`, `pod/web`, `events`. */
import { PodError } from "../base/errors.ts";
import { suggestion } from "../spec/suggest.ts";

export type Resource = "pods" | "events";

const words: Readonly<Record<string, Resource>> = {
  pods: "pods",
  pod: "pods",
  po: "pods",
  events: "events",
  event: "events",
  ev: "events",
};

/** The resource that a word names; undefined when it names none. */
export function resourceOf(word: string): Resource | undefined {
  return Object.hasOwn(words, word.toLowerCase()) ? words[word.toLowerCase()] : undefined;
}

/** @throws PodError InvalidArgument with the nearest known word. */
export function parseResource(word: string): Resource {
  const resource = resourceOf(word);
  if (resource === undefined) {
    throw new PodError(
      "InvalidArgument",
      `The server does not have a resource type "${word}"${suggestion(word, Object.keys(words))}`,
    );
  }
  return resource;
}

/**
 * Names of pods from arguments: `web`, `pod/web`, or a leading `pod` that the rest belongs to.
 * @throws PodError InvalidArgument for another resource than pods.
 */
export function podNames(words: readonly string[]): readonly string[] {
  const [first = "", ...rest] = words;
  const isTyped = resourceOf(first) === "pods";
  return (isTyped ? rest : words).map(podName);
}

/** `web` or `pod/web` → `web`. */
export function podName(word: string): string {
  const slash = word.indexOf("/");
  if (slash === -1) return word;
  const resource = parseResource(word.slice(0, slash));
  if (resource !== "pods") {
    throw new PodError("InvalidArgument", `"${word}" is no pod: this command works on pods only`);
  }
  return word.slice(slash + 1);
}
