/**
 * What `run --wait` shows while it waits: each warning about the pods once, as a line; and on a terminal one line,
 * written again and again, with what is missing.
 */
import type { Event } from "../spec/event.ts";
import type { Pod } from "../spec/pod.ts";
import type { KubernetesObject } from "../spec/resources.ts";
import type { Context } from "./context.ts";
import { parseResource } from "./object-arguments.ts";
import { watchObjects } from "./objects.ts";
import { pause } from "./pause.ts";
import { describeWaiting } from "./pod-outcome.ts";

/** Most pods run before: they have no warnings, and asking for some would delay their start. None is lost by it. */
const quietMs = 250;

export class WaitProgress implements Disposable {
  readonly #context: Context;
  readonly #abort = new AbortController();
  readonly #told = new Set<string>();
  #line = "";

  constructor(context: Context) {
    this.#context = context;
  }

  /** Begins to tell of a pod. */
  watch(pod: Pod): void {
    // The wait goes on without the remarks: an extra must not end it.
    void this.#tellWarnings(pod).catch(() => undefined);
    this.update(pod);
  }

  /** The state of a pod that is not there yet. */
  update(pod: Pod): void {
    if (this.#abort.signal.aborted) return;
    this.#line = `Waiting for pod "${pod.metadata.name}": ${describeWaiting(pod)}`;
    this.#draw(this.#line);
  }

  [Symbol.dispose](): void {
    this.#abort.abort();
    this.#draw("");
  }

  async #tellWarnings({ metadata }: Pod): Promise<void> {
    const { client, screen } = this.#context;
    const { namespace, name, uid } = metadata;
    const fieldSelector = `involvedObject.name=${name},involvedObject.uid=${uid},type=Warning`;
    const selection = { resource: parseResource("events"), namespace, fieldSelector };
    const { signal } = this.#abort;
    await pause(quietMs, signal);
    for await (const { type, object } of watchObjects(client, selection, { signal })) {
      if (type === "BOOKMARK" || type === "DELETED") continue;
      const text = warningText(object);
      if (this.#told.has(text)) continue;
      this.#told.add(text);
      this.#draw("");
      screen.remark(`nspod: ${text}`);
      this.#draw(this.#line);
    }
  }

  #draw(text: string): void {
    const { screen } = this.#context;
    if (screen.isRemarkTerminal) screen.progress(text.slice(0, screen.columns - 1));
  }
}

/** `Pod "web", container "app": Readiness probe failed: …`. @param object - an event, as the API says. */
function warningText(object: KubernetesObject): string {
  const { involvedObject, message } = object as unknown as Event;
  const container = /\{(.+)\}$/.exec(involvedObject.fieldPath ?? "")?.[1];
  const whose = container === undefined ? "" : `, container "${container}"`;
  return `Pod "${involvedObject.name ?? ""}"${whose}: ${(message ?? "").trim()}`;
}
