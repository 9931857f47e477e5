/** Lines on a terminal that are drawn again in their place. */
import type { Screen } from "./screen.ts";

export class LiveLines {
  readonly #screen: Screen;
  #drawn: readonly string[] = [];

  constructor(screen: Screen) {
    this.#screen = screen;
  }

  draw(all: readonly string[]): void {
    const lines = cut(all, this.#screen);
    if (lines.join("\n") === this.#drawn.join("\n")) return;
    this.clear();
    for (const line of lines) this.#screen.print(line);
    this.#drawn = lines;
  }

  /** Takes them away, so that other lines can be printed. */
  clear(): void {
    const up = this.#drawn.length;
    // To the first of the lines before, and everything below it away.
    if (up > 0) this.#screen.write(`\x1b[${up}A\r\x1b[J`);
    this.#drawn = [];
  }
}

/** What fits on the screen: lines that wrap or scroll away could not be drawn over. */
function cut(lines: readonly string[], { rows, columns }: Screen): readonly string[] {
  const room = Math.max(2, rows - 1);
  const fitting = lines.map((line) => [...line].slice(0, columns).join(""));
  if (fitting.length <= room) return fitting;
  return [...fitting.slice(0, room - 1), `… and ${fitting.length - room + 1} more`];
}
