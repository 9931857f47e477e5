/** The objects that were read or written last, in memory: most questions are about them. */
import type { StoredText } from "./stored-text.ts";

/** Some pods that are about to start or end, and what they refer to; about 1 MiB of pods. */
const defaultLimit = 100;

export class RecentObjects {
  readonly #limit: number;
  /** The one that was not asked for longest comes first. */
  readonly #bodies = new Map<string, StoredText>();

  constructor(limit: number = defaultLimit) {
    this.#limit = limit;
  }

  get(kind: string, namespace: string, name: string): StoredText | undefined {
    const key = keyOf(kind, namespace, name);
    const body = this.#bodies.get(key);
    if (body === undefined) return undefined;
    this.#bodies.delete(key);
    this.#bodies.set(key, body);
    return body;
  }

  set(kind: string, namespace: string, name: string, body: StoredText): void {
    const key = keyOf(kind, namespace, name);
    this.#bodies.delete(key);
    this.#bodies.set(key, body);
    if (this.#bodies.size <= this.#limit) return;
    const [oldest] = this.#bodies.keys();
    if (oldest !== undefined) this.#bodies.delete(oldest);
  }

  delete(kind: string, namespace: string, name: string): void {
    this.#bodies.delete(keyOf(kind, namespace, name));
  }
}

/** No name has a "/" in it. */
function keyOf(kind: string, namespace: string, name: string): string {
  return `${kind}/${namespace}/${name}`;
}
