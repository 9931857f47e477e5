/**
 * The work of one unpack helper: packed layer in, files and a verified diffID out.
 *
 *   fd 3 ─▶ count ─▶ decompress ─▶ count, sha256 ─▶ TarGuard ─▶ headers ─▶ LayerUnpacker
 *   fd 3, a plain tar that is verified elsewhere ─▶ TarGuard, headers only ─▶ headers ─▶ LayerUnpacker
 */
import { createHash, type Hash } from "node:crypto";
import { closeSync, constants, fstatSync, openSync, statfsSync } from "node:fs";
import { PodError } from "../base/errors.ts";
import type { Digest } from "../base/ids.ts";
import { K } from "../sys/abi.ts";
import { run } from "../sys/ffi.ts";
import { InflateLibrary } from "../sys/inflate.ts";
import { Program } from "../sys/program.ts";
import { confine, noFolder, unpackCapabilities } from "./confine.ts";
import { type Compression, decompress } from "./decompress.ts";
import type { Growth } from "./growth.ts";
import { LayerUnpacker } from "./layer-unpacker.ts";
import { LayerWriter } from "./layer-writer.ts";
import type { ImportLimits } from "./limits.ts";
import { LowerLayers } from "./lower-layers.ts";
import type { EarlyResult, EarlyUnpackTask, UnpackResult, UnpackTask } from "./messages.ts";
import { readChunks } from "./read-chunks.ts";
import { readTar, readTarFile, type TarFile } from "./read-tar.ts";
import { splitHeaders } from "./tar-header.ts";
import { verify } from "./verify-layer.ts";
import { source, type Workplace } from "./workplace.ts";

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
  openSource(task.source);
  const counter = new Counter(boundToDisk(task), hooks.onProgress, !task.isVerified);
  const packing = packingOf(task);
  if (task.folder === undefined) confine(noFolder, []);
  else confine(task.folder, unpackCapabilities);

  if (task.folder === undefined) {
    for await (const _ of counter.unpacked(packing));
    verify(counter.digest(), task.diffId);
    return { fileBytes: 0, dependsOnLower: false };
  }
  const writer = new LayerWriter("Cannot unpack");
  const lowerReady = async (): Promise<LowerLayers> => {
    if (!lower.isEmpty) await hooks.lowerReady();
    // What is written so far must be there before something is copied up beside it.
    await writer.flush();
    return lower;
  };
  const unpacker = new LayerUnpacker({
    writer,
    limits: counter.limits,
    warn: hooks.warn,
    lower: lowerReady,
    rootBelow: async () => (await lowerReady()).find("")?.attributes,
  });
  await readLayer(packing, counter, unpacker);
  verify(counter.digest(), task.diffId);
  await unpacker.finish();
  return { fileBytes: unpacker.fileBytes, dependsOnLower: unpacker.dependsOnLower };
}

/**
 * Unpacks a layer whose place in an image is not known yet, while its file grows. Nothing of it goes on afterwards.
 * @returns its digest for the caller to verify, or that it cannot be unpacked alone.
 */
export async function unpackEarly(
  task: EarlyUnpackTask,
  workplace: Workplace,
  growth: Growth,
  hooks: Omit<UnpackHooks, "lowerReady">,
): Promise<EarlyResult> {
  const packing = packingOf(task);
  workplace.enter(task);
  const limits = boundToDisk({ folder: ".", limits: task.limits });
  const counter = new Counter(limits, hooks.onProgress, task.compression !== "none");
  const unpacker = new LayerUnpacker({
    writer: new LayerWriter("Cannot unpack"),
    limits: counter.limits,
    warn: hooks.warn,
    lower: () => Promise.reject(new NeedsLower()),
    // The caller sets it, when those layers are there.
    rootBelow: () => Promise.resolve(undefined),
  });
  try {
    await readLayer(packing, counter, unpacker, (position) => growth.beyond(position));
    await unpacker.finish();
  } catch (error) {
    if (error instanceof NeedsLower) return { needsLower: true };
    throw error;
  }
  const { fileBytes, dependsOnLower, isRootDescribed } = unpacker;
  const diffId = counter.digest();
  return {
    fileBytes,
    dependsOnLower,
    isRootDescribed,
    ...(diffId === undefined ? {} : { diffId }),
  };
}

/** Puts the layer on the descriptor where everybody here and LayerWriter look for it. */
function openSource(path: string): void {
  const fd = openSync(path, constants.O_RDONLY);
  run("Cannot open the layer", new Program("image helper").call("dup3", [fd, source, K.O_CLOEXEC]));
  closeSync(fd);
}

/** How a layer is packed, and what unpacks it. */
interface Packing {
  readonly compression: Compression;
  readonly inflate: InflateLibrary | undefined;
}

/** Libraries are out of reach when the process is confined. */
function packingOf({ compression }: Pick<UnpackTask, "compression">): Packing {
  return { compression, inflate: compression === "gzip" ? InflateLibrary.load() : undefined };
}

/** @param beyond - as of TarFile, for a file that grows; default: the file is complete. */
async function readLayer(
  packing: Packing,
  counter: Counter,
  unpacker: LayerUnpacker,
  beyond?: TarFile["beyond"],
): Promise<void> {
  const options = { ...counter.limits, needsEndMark: false, headers: splitHeaders };
  if (packing.compression !== "none" || counter.isHashed) {
    return await readTar(counter.unpacked(packing, beyond), unpacker, options);
  }
  const { size } = fstatSync(source);
  const inFile = beyond ?? ((position) => size - position);
  await readTarFile({ fd: source, beyond: counter.passed(inFile) }, unpacker, options);
}

/** An entry asks for the layers below. */
class NeedsLower extends Error {}

/** A layer may take 90 % of the space that is free. */
function boundToDisk({ folder, limits }: Pick<UnpackTask, "folder" | "limits">): ImportLimits {
  if (folder === undefined) return limits;
  const { bavail, bsize } = statfsSync(folder);
  return { ...limits, unpackedBytes: Math.min(limits.unpackedBytes, bavail * bsize * 0.9) };
}

/** Watches both sides of the decompressor. */
class Counter {
  readonly limits: ImportLimits;
  readonly #onProgress: (bytes: number) => void;
  readonly #hash: Hash | undefined;
  #packed = 0;
  #unpacked = 0;

  constructor(limits: ImportLimits, onProgress: (bytes: number) => void, isHashed: boolean) {
    this.limits = limits;
    this.#onProgress = onProgress;
    this.#hash = isHashed ? createHash("sha256") : undefined;
  }

  get isHashed(): boolean {
    return this.#hash !== undefined;
  }

  /** Takes note of how far a plain file was read; its entries and its size have bounds of their own. */
  passed(beyond: TarFile["beyond"]): TarFile["beyond"] {
    return (position) => {
      this.#onProgress(position);
      return beyond(position);
    };
  }

  async *#packedChunks(beyond: TarFile["beyond"] | undefined): AsyncGenerator<Buffer> {
    for await (const bytes of readChunks(source, beyond)) {
      this.#packed += bytes.length;
      this.#onProgress(this.#packed);
      yield bytes;
    }
  }

  /** The layer's bytes, unpacked. */
  async *unpacked(
    { compression, inflate }: Packing,
    beyond?: TarFile["beyond"],
  ): AsyncGenerator<Buffer> {
    const { ratio, ratioFreeBytes, unpackedBytes } = this.limits;
    for await (const chunk of decompress(this.#packedChunks(beyond), compression, inflate)) {
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
      this.#hash?.update(chunk);
      yield chunk;
    }
  }

  /** Of the unpacked bytes; undefined when they were not hashed. Once, at the end. */
  digest(): Digest | undefined {
    return this.#hash === undefined ? undefined : (`sha256:${this.#hash.digest("hex")}` as Digest);
  }
}
