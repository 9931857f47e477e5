/**
 * The work of one unpack helper: packed layer in, files and a verified diffID out.
 *
 *   fd 3 ─▶ count ─▶ decompress ─▶ count, sha256 ─▶ TarGuard ─▶ tar-stream ─▶ LayerUnpacker
 */
import { createHash } from "node:crypto";
import { constants, openSync, statfsSync } from "node:fs";
import { PodError } from "../base/errors.ts";
import { confine, unpackCapabilities } from "./confine.ts";
import { decompress } from "./decompress.ts";
import { LayerUnpacker } from "./layer-unpacker.ts";
import { LayerWriter } from "./layer-writer.ts";
import type { ImportLimits } from "./limits.ts";
import { LowerLayers } from "./lower-layers.ts";
import type { UnpackResult, UnpackTask } from "./messages.ts";
import { readChunks } from "./read-chunks.ts";
import { readTar } from "./read-tar.ts";

/** Stays in the CPU's cache on its way from the page cache to the batch. */
const chunkSize = 256 << 10;

export interface UnpackHooks {
  /** Packed bytes so far. */
  readonly onProgress: (bytes: number) => void;
  readonly warn: (sentence: string) => void;
  /** Resolves when the layers below are complete. */
  readonly lowerReady: () => Promise<void>;
}

/** @throws PodError whose sentence goes on after `layer sha256:…: `. */
export async function unpackLayer(task: UnpackTask, hooks: UnpackHooks): Promise<UnpackResult> {
  const flags = constants.O_RDONLY | constants.O_DIRECTORY;
  const lower = new LowerLayers(task.lower.map((folder) => openSync(folder, flags)));
  const limits = boundToDisk(task);
  const counter = new Counter(task, limits, hooks.onProgress);
  if (task.folder !== undefined) confine(task.folder, unpackCapabilities);

  const unpacked = counter.unpacked(decompress(counter.packed(), task.compression));
  if (task.folder === undefined) {
    for await (const _ of unpacked);
    counter.verify();
    return { fileBytes: 0, dependsOnLower: false };
  }
  const writer = new LayerWriter("Cannot unpack");
  const unpacker = new LayerUnpacker({
    writer,
    limits,
    warn: hooks.warn,
    lower: async () => {
      if (!lower.isEmpty) await hooks.lowerReady();
      // What is written so far must be there before something is copied up beside it.
      await writer.flush();
      return lower;
    },
  });
  await readTar(unpacked, unpacker, { ...limits, needsEndMark: false });
  counter.verify();
  await unpacker.finish();
  return { fileBytes: unpacker.fileBytes, dependsOnLower: unpacker.dependsOnLower };
}

/** A layer may take 90 % of the space that is free. */
function boundToDisk({ folder, limits }: UnpackTask): ImportLimits {
  if (folder === undefined) return limits;
  const { bavail, bsize } = statfsSync(folder);
  return { ...limits, unpackedBytes: Math.min(limits.unpackedBytes, bavail * bsize * 0.9) };
}

/** Watches both sides of the decompressor. */
class Counter {
  readonly #task: UnpackTask;
  readonly #limits: ImportLimits;
  readonly #onProgress: (bytes: number) => void;
  readonly #hash = createHash("sha256");
  #packed = 0;
  #unpacked = 0;

  constructor(task: UnpackTask, limits: ImportLimits, onProgress: (bytes: number) => void) {
    this.#task = task;
    this.#limits = limits;
    this.#onProgress = onProgress;
  }

  async *packed(): AsyncGenerator<Buffer> {
    for await (const bytes of readChunks(3, chunkSize)) {
      this.#packed += bytes.length;
      this.#onProgress(this.#packed);
      yield bytes;
    }
  }

  async *unpacked(source: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
    const { ratio, ratioFreeBytes, unpackedBytes } = this.#limits;
    for await (const chunk of source) {
      this.#unpacked += chunk.length;
      if (this.#unpacked > ratioFreeBytes && this.#unpacked > ratio * this.#packed) {
        throw new PodError(
          "ResourceExhausted",
          `it unpacks to more than ${ratio} times its size: this looks like a decompression bomb`,
        );
      }
      // Headers come on top of the files, so the bound is not exact; it stops endless headers.
      if (this.#unpacked > 2 * unpackedBytes + ratioFreeBytes) {
        throw new PodError("ResourceExhausted", "it unpacks to more than the allowed size");
      }
      if (!this.#task.isVerified) this.#hash.update(chunk);
      yield chunk;
    }
  }

  /** @throws PodError InvalidArgument when the bytes were not those of the diffID. */
  verify(): void {
    if (this.#task.isVerified) return;
    const found = `sha256:${this.#hash.digest("hex")}`;
    if (found === this.#task.diffId) return;
    throw new PodError(
      "InvalidArgument",
      `its unpacked digest is ${found}: the archive is damaged or was edited`,
    );
  }
}
