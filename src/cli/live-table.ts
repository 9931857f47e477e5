/** The table of `get -w` on a terminal: drawn again in its place whenever a row or an age changes. */
import type { KubernetesObject } from "../spec/resources.ts";
import type { ObjectTable } from "./object-table.ts";
import type { Screen } from "./screen.ts";

/** Ages are shown to the second. */
const tickMs = 1000;

export class LiveTable {
  readonly #screen: Screen;
  /** A table that has printed nothing: widths fit what is there now. */
  readonly #newTable: () => ObjectTable;
  readonly #objects = new Map<string, KubernetesObject>();
  #drawn: readonly string[] = [];

  constructor(screen: Screen, newTable: () => ObjectTable) {
    this.#screen = screen;
    this.#newTable = newTable;
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
    const all = this.#newTable().lines([...this.#objects.values()], Date.now());
    const lines = cut(all, this.#screen);
    if (lines.join("\n") === this.#drawn.join("\n")) return;
    const up = this.#drawn.length;
    // To the first line of the table before, and everything below it away.
    if (up > 0) this.#screen.write(`\x1b[${up}A\r\x1b[J`);
    for (const line of lines) this.#screen.print(line);
    this.#drawn = lines;
  }
}

/** What fits on the screen: lines that wrap or scroll away could not be drawn over. */
function cut(lines: readonly string[], { rows, columns }: Screen): readonly string[] {
  const room = Math.max(2, rows - 1);
  const fitting = lines.map((line) => [...line].slice(0, columns).join(""));
  if (fitting.length <= room) return fitting;
  return [...fitting.slice(0, room - 1), `… and ${fitting.length - room + 1} more`];
}

function keyOf({ metadata }: KubernetesObject): string {
  return `${metadata.namespace}/${metadata.name}`;
}
