// What a run of `make torture` has measured, beside what is promised.

/** PERCENT=5 makes everything a twentieth, for a quick look. */
const percent = Number(process.env["PERCENT"] ?? "100");

/** A number of the promise, made smaller as the run is; at least 1. */
export function share(count: number): number {
  return Math.max(1, Math.round((count * percent) / 100));
}

interface Figure {
  readonly id: string;
  readonly what: string;
  readonly wanted: string;
  readonly measured: string;
  readonly isMet: boolean;
}

export class Figures {
  readonly #figures: Figure[] = [];

  /** @param id - row of the table of safety. */
  add(id: string, what: string, wanted: string, measured: string | number, isMet: boolean): void {
    const figure = { id, what, wanted, measured: String(measured), isMet };
    this.#figures.push(figure);
    console.log(row(figure));
  }

  /** Something that must be none. */
  none(id: string, what: string, found: readonly unknown[]): void {
    if (found.length > 0) console.log(found.slice(0, 20));
    this.add(id, what, "0", found.length, found.length === 0);
  }

  /** A part of the run that ended early. */
  failed(name: string, error: unknown): void {
    console.error(error);
    this.add("-", name, "an end", error instanceof Error ? error.message : String(error), false);
  }

  get areMet(): boolean {
    return this.#figures.every(({ isMet }) => isMet);
  }

  print(): void {
    console.log(`\n${row({ id: "id", what: "what", wanted: "wanted", measured: "measured" })}`);
    for (const figure of this.#figures) console.log(row(figure));
    const met = this.#figures.filter(({ isMet }) => isMet).length;
    console.log(`${met} passed, ${this.#figures.length - met} failed`);
  }
}

function row({
  id,
  what,
  wanted,
  measured,
  isMet,
}: Omit<Figure, "isMet"> & { isMet?: boolean }): string {
  const mark = isMet === undefined ? "    " : isMet ? "ok  " : "FAIL";
  return [mark, id.padEnd(5), what.padEnd(64), wanted.padEnd(12), measured.split("\n")[0]].join(
    " ",
  );
}
