/** What native/log_text.h does, as a function. */
import { takeLogText } from "./ffi.ts";

/** What becomes of lines, and what is known of them from one block to the next. */
export class LogTextState {
  /** struct log_text. */
  readonly #bytes = Buffer.alloc(44);

  /**
   * @param hasTimes - the time stands before each line.
   * @param since - lines with smaller times are left out: as shims write them, "2026-01-02T03:04:05.000000001Z".
   */
  constructor(hasTimes: boolean, since: string = "") {
    this.#bytes.writeUInt8(Number(hasTimes), 8);
    this.#bytes.write(since, 12, "latin1");
  }

  /** Whether the next entry of the stream goes on with a line. */
  isContinued(stream: "stdout" | "stderr"): boolean {
    return this.#bytes[placeOf(stream)] === 1;
  }

  setContinued(stream: "stdout" | "stderr", isContinued: boolean): void {
    this.#bytes[placeOf(stream)] = Number(isContinued);
  }

  /**
   * Writes the text of the lines at the start of a block over them, up to the first that no shim has written.
   * @returns how many bytes are done with, and how many bytes of text there are.
   */
  take(block: Buffer): { readonly used: number; readonly size: number } {
    takeLogText(block, this.#bytes);
    return { used: this.#bytes.readUInt32LE(0), size: this.#bytes.readUInt32LE(4) };
  }
}

function placeOf(stream: "stdout" | "stderr"): number {
  return stream === "stdout" ? 9 : 10;
}
