/**
 * Unpacks a layer while the archive is still being read: from the file that the read helper is
 * writing, as far as it says that it has written. What comes of it counts only when the archive
 * turns out to have an image with this layer, and blob and content have the digests that the image
 * names; a layer that needs something of the layers below is unpacked again, with them.
 *
 *   read helper ── member, grown … complete ──▶ import ── grown … complete ──▶ unpack helper
 */
import { statSync } from "node:fs";
import { basename, dirname } from "node:path";
import { PodError } from "../base/errors.ts";
import { K } from "../sys/abi.ts";
import { run } from "../sys/ffi.ts";
import { Program } from "../sys/program.ts";
import type { Helpers } from "./helpers.ts";
import type { ImportLimits } from "./limits.ts";
import type { EarlyFiles, EarlyResult, EarlyUnpackTask, MemberReport } from "./messages.ts";
import { runWorker, type Worker, type WorkerHooks } from "./run-worker.ts";
import type { Semaphore } from "./semaphore.ts";

export interface EarlyUnpackingOptions {
  readonly member: MemberReport;
  /** Folder of the file that grows. */
  readonly staging: string;
  /** Empty folder. */
  readonly folder: string;
  readonly limits: ImportLimits;
  /** Waits for its turn among the layers. */
  readonly inTurn: Semaphore["run"];
  readonly helpers: Helpers;
  readonly hooks: WorkerHooks;
}

export class EarlyUnpacking {
  readonly folder: string;
  readonly #options: EarlyUnpackingOptions;
  readonly #done: Promise<EarlyResult | undefined>;
  #grown: { readonly grown: number; readonly isComplete: boolean };
  #worker: Worker | undefined;
  #isGivenUp = false;

  constructor(options: EarlyUnpackingOptions) {
    this.#options = options;
    this.folder = options.folder;
    this.#grown = { grown: 0, isComplete: false };
    this.#done = options.inTurn(() => this.#run());
    // Whoever wants the layer gets the error.
    this.#done.catch(() => undefined);
  }

  async #run(): Promise<EarlyResult | undefined> {
    const { helpers, hooks } = this.#options;
    if (this.#isGivenUp || hooks.signal?.aborted === true) return undefined;
    const task = this.#task();
    const worker = helpers.begin(task, hooks);
    this.#worker = worker;
    worker.note(this.#grown);
    let result: EarlyResult | undefined;
    try {
      result = (await worker.done) as EarlyResult;
      return result;
    } finally {
      this.#worker = undefined;
      // One that has stopped halfway may still be writing.
      if (result === undefined || "needsLower" in result) await worker.stop();
      else await helpers.takeBack(worker, task);
    }
  }

  #task(): EarlyUnpackTask {
    const { member, staging, folder, limits } = this.#options;
    const { file, size: packedSize, compression } = member;
    // Plain layers share a helper, and so its root.
    const isAlone = compression !== "none";
    return {
      task: "unpack-early",
      root: isAlone ? folder : dirname(folder),
      folder: isAlone ? "/" : `/${basename(folder)}`,
      sources: staging,
      source: String(file),
      packedSize,
      compression,
      limits,
    };
  }

  grow(grown: number, isComplete: boolean): void {
    this.#grown = { grown, isComplete };
    this.#worker?.note(this.#grown);
  }

  /**
   * The layer is wanted, and those below are complete.
   * @param below - folder of the next layer below.
   * @returns undefined when it has to be unpacked again; the folder is empty then.
   * @throws PodError what is wrong with the layer.
   */
  async finish(below: string | undefined): Promise<EarlyFiles | undefined> {
    const result = await this.#done;
    if (result === undefined) throw new PodError("Internal", "The layer was given up before");
    if ("needsLower" in result) {
      await runWorker({ task: "remove", folder: this.folder });
      return undefined;
    }
    if (result.isRootDescribed || below === undefined) return result;
    return { ...result, dependsOnLower: takeRoot(below, this.folder) || result.dependsOnLower };
  }

  /** Nobody wants it. Its folder goes with the others of the import. */
  async giveUp(): Promise<void> {
    this.#isGivenUp = true;
    await this.#worker?.stop();
  }

  /** The helper is gone. */
  async ended(): Promise<void> {
    await this.#done.catch(() => undefined);
  }
}

/**
 * Gives a layer's root owner, mode and time of the one below, as layer-unpacker.ts does. Both paths
 * are the store's own. @returns whether it is another root than one that nobody describes.
 */
function takeRoot(below: string, folder: string): boolean {
  const { mode, uid, gid, mtimeNs } = statSync(below, { bigint: true });
  const program = new Program("layer root").from(folder);
  const permissions = mode & 0o7777n;
  const isSpecial = permissions !== 0o755n || uid !== 0n || gid !== 0n;
  if (isSpecial) {
    program.call("fchownat", [K.AT_FDCWD, folder, uid, gid, K.AT_SYMLINK_NOFOLLOW]);
    program.call("fchmodat", [K.AT_FDCWD, folder, permissions]);
  }
  // struct timespec[2]: access and modification; utimensat(2). Its nanoseconds are never negative.
  const times = Buffer.alloc(32);
  const nanoseconds = BigInt.asUintN(64, ((mtimeNs % second) + second) % second);
  for (const at of [0, 16]) {
    times.writeBigInt64LE((mtimeNs - nanoseconds) / second, at);
    times.writeBigInt64LE(nanoseconds, at + 8);
  }
  program.call("utimensat", [K.AT_FDCWD, folder, program.bytes(times), K.AT_SYMLINK_NOFOLLOW]);
  run("Cannot complete the layer", program);
  return isSpecial;
}

const second = 1_000_000_000n;
