/**
 * Waits until applied objects are up, and shows how far each is: on a terminal in lines that are drawn again, elsewhere
 * in a line when it is up. Warnings about their pods are told once.
 */
import type { Event } from "../spec/event.ts";
import type { Pod } from "../spec/pod.ts";
import type { KubernetesObject } from "../spec/resources.ts";
import { resourceOf } from "./commands/apply.ts";
import type { Context } from "./context.ts";
import { currentObject, followObject } from "./follow-object.ts";
import { LiveLines } from "./live-lines.ts";
import { parseResource } from "./object-arguments.ts";
import { watchObjects } from "./objects.ts";
import { labelOf } from "./output-format.ts";
import { podsOf } from "./up-pods.ts";
import { awaitedKinds, type UpState, upState } from "./up-state.ts";

/** @returns whether all are up; what went wrong is told. `signal` ends the wait. */
export async function waitUntilUp(
  context: Context,
  objects: readonly KubernetesObject[],
  signal: AbortSignal,
): Promise<boolean> {
  const awaited = objects.filter(({ kind }) => awaitedKinds.includes(kind));
  using board = new Board(context.screen);
  using warnings = new Warnings(context, awaited, (text) => board.remark(text));
  warnings.start();
  const results = await Promise.all(
    awaited.map((object) => waitForOne(context, object, { board, signal })),
  );
  return results.every(Boolean);
}

async function waitForOne(
  context: Context,
  start: KubernetesObject,
  { board, signal }: { readonly board: Board; readonly signal: AbortSignal },
): Promise<boolean> {
  const label = labelOf(start);
  const last = await followUntil(context, start, signal, (state) => {
    board.set(label, state);
    return state.state !== "waiting";
  });
  if (last.state === "up" || last.state === "ended") return true;
  if (last.state === "failed") board.remark(`nspod: ${label}: ${last.text}`);
  else if (signal.aborted) board.remark(`nspod: ${label} is not up: ${last.text}`);
  else board.remark(`nspod: ${label} was deleted while we waited`);
  return false;
}

/** Follows an object until `isEnough`, until it is gone or `signal` fires. @returns its last state. */
export async function followUntil(
  { client }: Context,
  start: KubernetesObject,
  signal: AbortSignal,
  isEnough: (state: UpState) => boolean,
): Promise<UpState> {
  const resource = resourceOf(start);
  // The answer of a PATCH may be older than what its controller has done since.
  const now = (await currentObject(client, resource, start)) ?? start;
  let last = upState(now);
  if (isEnough(last)) return last;
  for await (const object of followObject(client, resource, now, signal)) {
    last = upState(object);
    if (isEnough(last)) break;
  }
  return last;
}

/** One line per object. */
class Board implements Disposable {
  readonly #screen: Context["screen"];
  readonly #lines: LiveLines;
  readonly #states = new Map<string, UpState>();

  constructor(screen: Context["screen"]) {
    this.#screen = screen;
    this.#lines = new LiveLines(screen);
  }

  set(label: string, state: UpState): void {
    const before = this.#states.get(label);
    this.#states.set(label, state);
    if (this.#screen.isTerminal) {
      this.#draw();
    } else if (state.state !== before?.state && (state.state === "up" || state.state === "ended")) {
      this.#screen.print(`${label} ${state.text}`);
    }
  }

  /** A line that stays. */
  remark(text: string): void {
    if (this.#screen.isTerminal) this.#lines.clear();
    this.#screen.remark(text);
    if (this.#screen.isTerminal) this.#draw();
  }

  #draw(): void {
    const width = Math.max(...[...this.#states.keys()].map((label) => label.length));
    this.#lines.draw(
      [...this.#states].map(([label, { text }]) => `${label.padEnd(width)}  ${text}`),
    );
  }

  /** The last state of each stays on the screen. */
  [Symbol.dispose](): void {
    this.#states.clear();
  }
}

/** Tells warnings about objects and their pods, each text once. */
class Warnings implements Disposable {
  readonly #context: Context;
  readonly #objects: readonly KubernetesObject[];
  readonly #tell: (text: string) => void;
  readonly #abort = new AbortController();
  readonly #told = new Set<string>();

  constructor(
    context: Context,
    objects: readonly KubernetesObject[],
    tell: (text: string) => void,
  ) {
    this.#context = context;
    this.#objects = objects;
    this.#tell = tell;
  }

  start(): void {
    const namespaces = new Set(this.#objects.map(({ metadata }) => metadata.namespace));
    // The wait goes on without the remarks: an extra must not end it.
    for (const namespace of namespaces) void this.#follow(namespace).catch(() => undefined);
  }

  [Symbol.dispose](): void {
    this.#abort.abort();
  }

  async #follow(namespace: string): Promise<void> {
    const { client } = this.#context;
    const { signal } = this.#abort;
    const [events, pods] = [parseResource("events"), parseResource("pods")];
    const isOurs = podsOf(this.#objects);
    const startMs = Date.now() - 1000;
    const selection = { resource: events, namespace, fieldSelector: "type=Warning" };
    for await (const { type, object } of watchObjects(client, selection, { signal })) {
      if (type !== "ADDED" && type !== "MODIFIED") continue;
      const event = object as unknown as Event;
      const { kind = "", name = "", uid = "" } = event.involvedObject;
      if (Date.parse(event.lastTimestamp) < startMs) continue;
      const known = this.#objects.some(({ metadata }) => metadata.uid === uid);
      if (!known) {
        if (kind !== "Pod") continue;
        const target = { kind, apiVersion: "v1", metadata: { namespace, name, uid } };
        const pod = await currentObject(client, pods, target as KubernetesObject);
        if (pod === undefined || !isOurs(pod as Pod)) continue;
      }
      const text = `${kind} "${name}": ${(event.message ?? event.reason ?? "").trim()}`;
      if (this.#told.has(text) || signal.aborted) continue;
      this.#told.add(text);
      this.#tell(`nspod: ${text}`);
    }
  }
}
