/**
 * Ctrl-P Ctrl-Q leaves an attached terminal without ending the container, as docker does. A Ctrl-P
 * that is followed by something else goes inside with it.
 */
import { Transform, type TransformCallback } from "node:stream";

const ctrlP = 0x10;
const ctrlQ = 0x11;

export class DetachKeys extends Transform {
  readonly #onDetach: () => void;
  #holdsCtrlP = false;

  constructor(onDetach: () => void) {
    super();
    this.#onDetach = onDetach;
  }

  override _transform(chunk: Buffer, _encoding: BufferEncoding, done: TransformCallback): void {
    const out: number[] = [];
    for (const byte of chunk) {
      if (this.#holdsCtrlP && byte === ctrlQ) {
        this.#onDetach();
        done(null, Buffer.from(out));
        return;
      }
      if (this.#holdsCtrlP) out.push(ctrlP);
      this.#holdsCtrlP = byte === ctrlP;
      if (!this.#holdsCtrlP) out.push(byte);
    }
    done(null, Buffer.from(out));
  }
}
