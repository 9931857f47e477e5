/**
 * Unpacks gzip by ISA-L through libnspod-inflate.so (native/inflate.h), in half of the time that zlib
 * takes. Optional: it is built where ISA-L's header is, and loads where libisal.so.2 is.
 */
import { loadLibrary } from "./ffi.ts";
import { nativePath } from "./native-path.ts";

interface Library {
  readonly nspod_inflate_size: () => number;
  readonly nspod_inflate: { readonly async: InflateAsync };
}

type InflateAsync = (
  state: Buffer,
  input: Buffer,
  inputSize: number,
  output: Buffer,
  outputSize: number,
  progress: Buffer,
  done: (error: Error | null, result: number) => void,
) => void;

/** What one step has done. */
export interface InflateStep {
  /** Bytes of the input. */
  readonly taken: number;
  /** Bytes of the output. */
  readonly written: number;
  /** The stream may end here. */
  readonly isWhole: boolean;
}

/** A stream that is damaged: what ISA-L found. */
export class InflateError extends Error {}

/** Negative results, from igzip_lib.h. */
const damages: Readonly<Record<number, string>> = {
  [-1]: "invalid block",
  [-2]: "invalid symbol",
  [-3]: "invalid distance",
  [-4]: "incorrect header check",
  [-5]: "unknown compression method",
  [-6]: "incorrect data check",
};

/** The library, loaded once; what it unpacks is a stream of its own per `InflateStream`. */
export class InflateLibrary {
  readonly #library: Library;
  readonly #stateSize: number;

  private constructor(library: Library) {
    this.#library = library;
    this.#stateSize = library.nspod_inflate_size();
  }

  /** @returns undefined where it is not. To be called before a process is confined. */
  static load(): InflateLibrary | undefined {
    try {
      const library = loadLibrary(nativePath("libnspod-inflate.so"), {
        // SAFETY: takes nothing. BLOCKS: never.
        nspod_inflate_size: ["uint32", []],
        // SAFETY: the state has the size that the library asks for and is used by one call at a time; the
        // other buffers live until the call is over, which their sizes go with.
        // BLOCKS: for the time of unpacking so many bytes; called in libuv's pool only.
        nspod_inflate: ["int", ["pointer", "pointer", "uint32", "pointer", "uint32", "pointer"]],
      });
      return new InflateLibrary(library as Library);
    } catch {
      // Not built, or without libisal.so.2: zlib does the work.
      return undefined;
    }
  }

  stream(): InflateStream {
    return new InflateStream(this.#library.nspod_inflate.async, Buffer.alloc(this.#stateSize));
  }
}

/** A gzip stream of one or more members. */
export class InflateStream {
  readonly #inflate: InflateAsync;
  readonly #state: Buffer;
  /** struct inflate_progress. */
  readonly #progress: Buffer = Buffer.alloc(12);

  constructor(inflate: InflateAsync, state: Buffer) {
    this.#inflate = inflate;
    this.#state = state;
  }

  /**
   * Goes on in a thread of libuv, until the input is used or the output is full; one call at a time,
   * and the buffers must not be touched before it is over.
   * @throws InflateError when the stream is damaged.
   */
  next(input: Buffer, output: Buffer): Promise<InflateStep> {
    const { promise, resolve, reject } = Promise.withResolvers<InflateStep>();
    const progress = this.#progress;
    this.#inflate(
      this.#state,
      input,
      input.length,
      output,
      output.length,
      progress,
      (error, result) => {
        if (error !== null) reject(error);
        else if (result < 0) reject(new InflateError(damages[result] ?? `error ${result}`));
        else {
          resolve({
            taken: progress.readUInt32LE(0),
            written: progress.readUInt32LE(4),
            isWhole: progress.readUInt32LE(8) === 1,
          });
        }
      },
    );
    return promise;
  }
}
