/**
 * Which objects the arguments of a command mean, as kubectl reads them:
 *
 *   pods              all of a resource          pods,cm,secret     of several
 *   pod web db        by name                    pod/web cm/settings
 *   all               what `kubectl get all` means by it
 *
 * Words are those of `spec/resources.ts`; what they mean is decided before anything is asked of the daemon.
 */
import { PodError } from "../base/errors.ts";
import { type Resource, resourceOfWord, resources } from "../spec/resources.ts";
import { nearestName, suggestion } from "../spec/suggest.ts";

/** Objects of one resource. */
export interface Wanted {
  readonly resource: Resource;
  /** undefined: all of them, or those that a selector finds. */
  readonly name: string | undefined;
}

interface NamedObject extends Wanted {
  readonly name: string;
}

/** The kinds that "all" stands for. */
const categories: Readonly<Record<string, readonly string[]>> = {
  all: ["Pod", "Service", "DaemonSet", "Deployment", "ReplicaSet", "StatefulSet", "CronJob", "Job"],
};

/** @throws PodError InvalidArgument with the nearest known word. */
export function parseResource(word: string): Resource {
  const resource = resourceOfWord(unqualified(word));
  if (resource !== undefined) return resource;
  throw new PodError(
    "InvalidArgument",
    `The server does not have a resource type "${word}"${suggestion(word, resourceWords())}`,
  );
}

/** `pods`, `po,cm`, `all` → the resources. @throws PodError as `parseResource`. */
export function parseResourceList(text: string): readonly Resource[] {
  const found = text
    .split(",")
    .filter((word) => word !== "")
    .flatMap((word) => {
      const kinds = categories[word.toLowerCase()];
      return kinds === undefined
        ? [parseResource(word)]
        : resources.filter(({ kind }) => kinds.includes(kind));
    });
  return [...new Set(found)];
}

/** Whether a word names a resource or several. */
export function isResourceList(text: string): boolean {
  return text
    .split(",")
    .every(
      (word) =>
        Object.hasOwn(categories, word.toLowerCase()) ||
        resourceOfWord(unqualified(word)) !== undefined,
    );
}

/**
 * Arguments that begin with a resource: `TYPE[,TYPE] [NAME…]` or `TYPE/NAME…`.
 * @throws PodError InvalidArgument for an unknown word, and when both forms are mixed.
 */
export function parseObjects(words: readonly string[]): readonly Wanted[] {
  const [first = "", ...rest] = words;
  if (words.some((word) => word.includes("/"))) return words.map(parseSlashed);
  const types = parseResourceList(first);
  if (types.length === 0) {
    throw new PodError(
      "InvalidArgument",
      `You must specify the type of resource, such as ${resourceWords().slice(0, 5).join(", ")} or pods`,
    );
  }
  const names: readonly (string | undefined)[] = rest.length === 0 ? [undefined] : rest;
  return names.flatMap((name) => types.map((resource) => ({ resource, name })));
}

/**
 * The same for commands that mean pods when no type is given: `web`, `web db`.
 * @throws PodError InvalidArgument, also when the first of several words looks like a mistyped resource.
 */
export function parseObjectsOrPods(words: readonly string[]): readonly Wanted[] {
  const [first] = words;
  if (first === undefined) return [];
  if (first.includes("/") || isResourceList(first)) return parseObjects(words);
  if (words.length > 1 && nearestName(first, resourceWords()) !== undefined) parseResource(first);
  const resource = parseResource("pods");
  return words.map((word) => (word.includes("/") ? parseSlashed(word) : { resource, name: word }));
}

/** `web`, `pod/web`, `deployment/web`: one object; a name alone is that of a pod. @throws PodError InvalidArgument. */
export function parseObject(word: string): NamedObject {
  return word.includes("/") ? parseSlashed(word) : { resource: parseResource("pods"), name: word };
}

function parseSlashed(word: string): NamedObject {
  const [type = "", name = "", ...more] = word.split("/");
  if (type !== "" && name !== "" && more.length === 0) {
    return { resource: parseResource(type), name };
  }
  throw new PodError(
    "InvalidArgument",
    name === "" || type === ""
      ? `"${word}" is no object: write TYPE/NAME, and every argument in that form`
      : `"${word}" is no object: write TYPE/NAME`,
  );
}

/** `web` or `pod/web` → `web`. @throws PodError InvalidArgument for another resource than pods. */
export function podName(word: string): string {
  const { resource, name } = parseObject(word);
  if (resource.kind === "Pod") return name;
  throw new PodError("InvalidArgument", `"${word}" is no pod: this command works on pods only`);
}

/** What the words of all resources are, for suggestions and completion. */
export function resourceWords(): readonly string[] {
  return [
    ...resources.flatMap(({ plural, singular, shortNames }) => [plural, singular, ...shortNames]),
    ...Object.keys(categories),
  ];
}

/** `pod/web`, `storageclass.storage.k8s.io/fast`: how kubectl names an object in its answers. */
export function objectLabel({ singular, apiVersion }: Resource, name: string): string {
  return `${qualified(singular, apiVersion)}/${name}`;
}

/** `pod`, `storageclass.storage.k8s.io`. */
export function qualified(word: string, apiVersion: string): string {
  const [group, version] = apiVersion.split("/");
  return version === undefined ? word : `${word}.${group}`;
}

/** `storageclasses.storage.k8s.io`, `storageclasses.v1.storage.k8s.io` → `storageclasses`. */
function unqualified(word: string): string {
  const dot = word.indexOf(".");
  if (dot === -1) return word;
  const resource = resourceOfWord(word.slice(0, dot));
  if (resource === undefined) return word;
  const [group = "", version] = resource.apiVersion.split("/");
  const known = version === undefined ? ["v1", "v1."] : [group, `${version}.${group}`];
  return known.includes(word.slice(dot + 1)) ? word.slice(0, dot) : word;
}
