/** The table of `get -w` on a terminal: drawn again in its place whenever a row or an age changes. */
import type { KubernetesObject } from "../spec/resources.ts";
import { LiveLines } from "./live-lines.ts";
import type { ObjectTable } from "./object-table.ts";
import type { Screen } from "./screen.ts";

/** Ages are shown to the second. */
const tickMs = 1000;

export class LiveTable {
  /** A table that has printed nothing: widths fit what is there now. */
  readonly #newTable: () => ObjectTable;
  readonly #lines: LiveLines;
  readonly #objects = new Map<string, KubernetesObject>();

  constructor(screen: Screen, newTable: () => ObjectTable) {
    this.#newTable = newTable;
    this.#lines = new LiveLines(screen);
  }

  /** Draws the first table, and its ages as they grow, until the process ends. */
  start(objects: readonly KubernetesObject[]): void {
    for (const object of objects) this.#objects.set(keyOf(object), object);
    this.#draw();
    setInterval(() => this.#draw(), tickMs).unref();
  }

  change(type: string, object: KubernetesObject): void {
    if (type === "DELETED") this.#objects.delete(keyOf(object));
    else this.#objects.set(keyOf(object), object);
    this.#draw();
  }

  #draw(): void {
    this.#lines.draw(this.#newTable().lines([...this.#objects.values()], Date.now()));
  }
}

function keyOf({ metadata }: KubernetesObject): string {
  return `${metadata.namespace}/${metadata.name}`;
}
