/**
 * Brings images of an archive into the store's folders. Everything happens in temporary folders
 * until all digests and diffIDs are verified and the bytes are on disk; then a few renames make it
 * visible. A failure or a crash leaves temporary folders only, which the next open() takes away.
 *
 *   read helper    archive → images/tmp-x/1, 2, 3 … + plan
 *   unpack helpers layer → layers/tmp-x/1, 2, 3 …           up to one per CPU; large layers while
 *                                                           they are read (early-unpacking.ts)
 *   read helper    syncfs
 *   commit()       rename blobs, rename layers               (the store writes index.json)
 */
import { randomBytes } from "node:crypto";
import {
  chmodSync,
  closeSync,
  constants,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  renameSync,
  rmdirSync,
  rmSync,
  statSync,
} from "node:fs";
import { availableParallelism } from "node:os";
import { basename, join } from "node:path";
import { syncFolder } from "../base/atomic-write.ts";
import { hasCode, messageOf, PodError } from "../base/errors.ts";
import { failpoint } from "../base/failpoint.ts";
import type { Digest } from "../base/ids.ts";
import { EarlyUnpacking } from "./early-unpacking.ts";
import { Helpers } from "./helpers.ts";
import { blobPath, blobSize, chainIds, findLayer, type LayoutPaths, layerNames } from "./layout.ts";
import type { ImportLimits } from "./limits.ts";
import { StoreLock } from "./lock.ts";
import type {
  MemberReport,
  PlannedImage,
  PlannedLayer,
  ReadResult,
  RootfsTask,
  UnpackResult,
  UnpackTask,
} from "./messages.ts";
import { runWorker, Worker } from "./run-worker.ts";
import { Semaphore } from "./semaphore.ts";
import type { ImageSource, LoadOptions, Progress } from "./store-types.ts";
import { verify } from "./verify-layer.ts";

export interface ImportRequest {
  readonly paths: LayoutPaths;
  readonly source: ImageSource;
  readonly options: LoadOptions;
  readonly limits: ImportLimits;
  /** The source is a bare tree, of which an image is made. */
  readonly rootfs?: RootfsTask;
}

/** A verified import that only has to be made visible. */
export interface PreparedImport {
  readonly images: readonly PlannedImage[];
  readonly warnings: readonly string[];
  /** Bytes of files of the layers that were unpacked now, by diffID. */
  readonly layerBytes: ReadonlyMap<Digest, number>;
  /**
   * Renames what these images need to its place and makes it durable. Synchronous, so that nothing
   * comes between it and the caller's index.json.
   */
  readonly commit: (images: readonly PlannedImage[]) => void;
}

/**
 * Prepares an import, hands it to `use`, and removes what is left of the work.
 * @throws PodError; the store is as it was before.
 */
export async function importImages<T>(
  request: ImportRequest,
  use: (prepared: PreparedImport) => T,
): Promise<T> {
  try {
    // Nobody takes the work for rubbish meanwhile.
    using _lock = StoreLock.shared(request.paths.lock);
    return await doWork(new Work(request), use);
  } catch (error) {
    throw importError(request.source, error);
  }
}

async function doWork<T>(work: Work, use: (prepared: PreparedImport) => T): Promise<T> {
  try {
    return use(await work.prepare());
  } finally {
    await work.clean();
  }
}

/** One sentence that begins with what was tried on which archive. */
function importError(source: ImageSource, error: unknown): unknown {
  const title = "path" in source ? JSON.stringify(basename(source.path)) : "from the stream";
  const kind = error instanceof PodError ? error.kind : "Internal";
  const data = error instanceof PodError ? error.data : {};
  const message = `Cannot import image ${title}: ${messageOf(error)}`;
  return new PodError(kind, message, { cause: error, data });
}

/** Empties a folder by a helper that is locked into it, and removes it. Gone is fine. */
export async function removeTree(folder: string): Promise<void> {
  if (!existsSync(folder)) return;
  if (readdirSync(folder).length > 0) await runWorker({ task: "remove", folder });
  try {
    rmdirSync(folder);
  } catch (error) {
    // Somebody else cleaned as well.
    if (!hasCode(error, "ENOENT")) throw error;
  }
}

/** A layer that is being unpacked, or checked against a folder that exists. */
interface LayerJob {
  readonly diffId: Digest;
  readonly chainId: Digest;
  /** Where its files are now. */
  readonly folder: string;
  readonly isNew: boolean;
  /** Complete and verified. */
  done: Promise<UnpackResult | undefined>;
  result: UnpackResult | undefined;
}

/** What was begun before the archive was read. */
interface EarlyLayer {
  readonly unpacking: EarlyUnpacking;
  readonly warnings: string[];
  /** The place that it was taken for. */
  chainId: Digest | undefined;
}

class Work {
  readonly #request: ImportRequest;
  readonly #staging: string;
  readonly #unpacking: string;
  /** When one helper fails or the caller gives up, the others stop. */
  readonly #cancel = new AbortController();
  readonly #jobs = new Map<Digest, LayerJob>();
  readonly #slots = new Semaphore(availableParallelism());
  /** Plain layers keep up with the reader, which needs a processor for itself. */
  readonly #plainSlots = new Semaphore(Math.max(1, availableParallelism() - 1));
  readonly #warnings: string[] = [];
  /** By the number of the file that is read. */
  readonly #early = new Map<number, EarlyLayer>();
  #staged: ReadonlyMap<Digest, number> = new Map();
  #reader: Worker | undefined;
  readonly #helpers = new Helpers();
  readonly #packedBytes = new Map<Digest, number>();
  #totalBytes = 0;
  #doneLayers = 0;
  #folders = 0;

  constructor(request: ImportRequest) {
    this.#request = request;
    const name = `tmp-${randomBytes(8).toString("hex")}`;
    this.#staging = join(request.paths.images, name);
    this.#unpacking = join(request.paths.layers, name);
  }

  async prepare(): Promise<PreparedImport> {
    const { signal } = this.#request.options;
    if (signal?.aborted === true) this.#onAbort();
    signal?.addEventListener("abort", this.#onAbort, { once: true });
    this.#cancel.signal.throwIfAborted();
    makeFolder(this.#staging, 0o700);
    makeFolder(this.#unpacking, 0o700);
    const { images, files } = await this.#read();
    this.#staged = new Map(files);
    const layerFiles = images.flatMap(({ layers }) =>
      layers.map(({ digest }) => this.#staged.get(digest)),
    );
    // Their place among the helpers is for layers that are wanted.
    for (const [file, { unpacking }] of this.#early) {
      if (!layerFiles.includes(file)) await unpacking.giveUp();
    }
    for (const image of images) this.#startLayers(image.layers);
    await Promise.all([...this.#jobs.values()].map((job) => job.done));
    this.#reader?.note("sync");
    await this.#reader?.synced;
    const layerBytes = new Map<Digest, number>();
    for (const { diffId, result } of this.#jobs.values()) {
      if (result !== undefined) layerBytes.set(diffId, result.fileBytes);
    }
    return {
      images,
      layerBytes,
      warnings: this.#warnings,
      commit: (wanted) => this.#commit(wanted),
    };
  }

  /** Ends every helper and removes the temporary folders. */
  async clean(): Promise<void> {
    this.#request.options.signal?.removeEventListener("abort", this.#onAbort);
    this.#stop(new PodError("Unavailable", "it is over"));
    await Promise.allSettled([...this.#jobs.values()].map((job) => job.done));
    await Promise.all([...this.#early.values()].map(({ unpacking }) => unpacking.ended()));
    await Promise.all([this.#reader?.stop(), this.#helpers.stop()]);
    try {
      failpoint("image/import-images.clean");
      // Numbered files only: no name of it comes from the archive.
      rmSync(this.#staging, { recursive: true, force: true });
      await removeTree(this.#unpacking);
    } catch {
      // What the import has come to stands. The store takes such folders away, after this import or a later one.
    }
  }

  readonly #onAbort = (): void => {
    this.#stop(new PodError("Unavailable", "it was cancelled"));
  };

  #stop(reason: PodError): void {
    this.#cancel.abort(reason);
  }

  async #read(): Promise<ReadResult> {
    const { paths, source, limits, rootfs } = this.#request;
    const content = "path" in source ? openSource(source.path) : source.stream;
    const totalBytes = "path" in source ? fileSize(source.path) : undefined;
    const stem =
      "path" in source ? basename(source.path).replace(/(\.[a-z0-9]{2,4})+$/i, "") : "image";
    try {
      this.#reader = new Worker(content);
      this.#reader.begin(
        {
          task: "read",
          folder: this.#staging,
          syncFolders: [paths.images, paths.layers],
          known: knownBlobs(paths),
          limits,
          stem: stem.toLowerCase(),
          ...(rootfs === undefined ? {} : { rootfs }),
        },
        {
          signal: this.#cancel.signal,
          onWarning: (sentence) => this.#warnings.push(sentence),
          onMember: (member) => this.#startEarly(member),
          onGrown: (file, bytes, isComplete) =>
            this.#early.get(file)?.unpacking.grow(bytes, isComplete),
          onProgress: (bytes) =>
            this.#report({
              stage: "reading",
              doneBytes: bytes,
              ...(totalBytes === undefined ? {} : { totalBytes }),
            }),
        },
      );
    } finally {
      if (typeof content === "number") closeSync(content);
    }
    this.#helpers.startSpare();
    // The helper is ours and reports what messages.ts says.
    return (await this.#reader.done) as ReadResult;
  }

  /** A member that may be a layer is coming in. */
  #startEarly(member: MemberReport): void {
    const folder = this.#layerFolder();
    const isPlain = member.compression === "none";
    // Several may be unpacked side by side.
    if (this.#early.size === 0 && !isPlain && availableParallelism() > 1)
      this.#helpers.startSpare();
    const early: EarlyLayer = {
      warnings: [],
      chainId: undefined,
      unpacking: new EarlyUnpacking({
        member,
        staging: this.#staging,
        folder,
        limits: this.#request.limits,
        inTurn: (work) =>
          isPlain ? this.#plainSlots.run(() => this.#slots.run(work)) : this.#slots.run(work),
        helpers: this.#helpers,
        hooks: {
          signal: this.#cancel.signal,
          onWarning: (sentence) => early.warnings.push(sentence),
          onProgress: (bytes) => {
            if (early.chainId !== undefined) this.#unpacked(early.chainId, bytes);
          },
        },
      }),
    };
    this.#early.set(member.file, early);
  }

  /** What was begun for this layer, unless another place has taken it already. */
  #earlyOf(layer: PlannedLayer): EarlyLayer | undefined {
    const early = this.#early.get(this.#staged.get(layer.digest) ?? 0);
    // A plain tar is verified by the digest of its blob alone.
    const canVerify = layer.compression !== "none" || layer.digest === layer.diffId;
    return canVerify && early?.chainId === undefined ? early : undefined;
  }

  #layerFolder(): string {
    this.#folders++;
    const folder = join(this.#unpacking, String(this.#folders));
    // What "/" of the image looks like unless a layer says otherwise.
    makeFolder(folder, 0o755);
    return folder;
  }

  #startLayers(layers: readonly PlannedLayer[]): void {
    const chain = chainIds(layers.map(({ diffId }) => diffId));
    const lower: LayerJob[] = [];
    layers.forEach((layer, index) => {
      const chainId = chain[index] ?? layer.diffId;
      let job = this.#jobs.get(chainId);
      if (job === undefined) {
        job = this.#startLayer(layer, chainId, [...lower]);
        this.#jobs.set(chainId, job);
      }
      lower.unshift(job);
    });
  }

  #startLayer(layer: PlannedLayer, chainId: Digest, lower: readonly LayerJob[]): LayerJob {
    const { paths } = this.#request;
    const existing = findLayer(paths, layer.diffId, chainId);
    const isNew = existing === undefined;
    const early = isNew ? this.#earlyOf(layer) : undefined;
    const folder = existing ?? early?.unpacking.folder ?? this.#layerFolder();
    const job: LayerJob = {
      diffId: layer.diffId,
      chainId,
      folder,
      isNew,
      result: undefined,
      done: Promise.resolve(undefined),
    };
    // A blob that the store has was checked when it came, and so was its folder.
    const isChecked = layer.digest === layer.diffId || blobSize(paths, layer.digest) !== undefined;
    if (!isNew && isChecked) return job;
    this.#totalBytes += layer.size;
    job.done =
      early === undefined
        ? this.#slots.run(() => this.#unpack(job, layer, lower))
        : this.#finishEarly(early, job, layer, lower);
    job.done.catch((error: unknown) => {
      this.#stop(error instanceof PodError ? error : new PodError("Internal", messageOf(error)));
    });
    return job;
  }

  async #finishEarly(
    early: EarlyLayer,
    job: LayerJob,
    layer: PlannedLayer,
    lower: readonly LayerJob[],
  ): Promise<UnpackResult | undefined> {
    early.chainId = job.chainId;
    await Promise.all(lower.map(({ done }) => done));
    try {
      const result = await early.unpacking.finish(lower[0]?.folder);
      if (result === undefined) return this.#slots.run(() => this.#unpack(job, layer, lower));
      verify(result.diffId, layer.diffId);
      for (const sentence of early.warnings) {
        this.#warnings.push(`layer ${layer.digest}: ${sentence}`);
      }
      this.#doneLayers++;
      this.#unpacked(job.chainId, layer.size);
      job.result = result;
      return result;
    } catch (error) {
      throw this.#layerError(layer, error);
    }
  }

  /** Puts the layer in front of what is wrong with it. */
  #layerError(layer: PlannedLayer, error: unknown): unknown {
    if (this.#cancel.signal.aborted || !(error instanceof PodError)) return error;
    return new PodError(error.kind, `layer ${layer.digest}: ${error.message}`, { cause: error });
  }

  async #unpack(
    job: LayerJob,
    layer: PlannedLayer,
    lower: readonly LayerJob[],
  ): Promise<UnpackResult | undefined> {
    this.#cancel.signal.throwIfAborted();
    const task: UnpackTask = {
      task: "unpack",
      ...(job.isNew ? { folder: job.folder } : {}),
      lower: job.isNew ? lower.map(({ folder }) => folder) : [],
      source: this.#blobFile(layer.digest),
      packedSize: layer.size,
      compression: layer.compression,
      diffId: layer.diffId,
      isVerified: layer.digest === layer.diffId,
      limits: this.#request.limits,
    };
    const worker = this.#helpers.begin(task, {
      signal: this.#cancel.signal,
      onWarning: (sentence) => this.#warnings.push(`layer ${layer.digest}: ${sentence}`),
      onProgress: (bytes) => this.#unpacked(job.chainId, bytes),
    });
    const note = (): void => worker.note("lower-ready");
    // A layer below that fails stops this one too.
    Promise.all(lower.map(({ done }) => done)).then(note, () => undefined);
    try {
      const result = (await worker.done) as UnpackResult;
      this.#doneLayers++;
      this.#unpacked(job.chainId, layer.size);
      if (!job.isNew) return undefined;
      job.result = result;
      return result;
    } catch (error) {
      throw this.#layerError(layer, error);
    } finally {
      await worker.stop();
    }
  }

  #unpacked(chainId: Digest, bytes: number): void {
    this.#packedBytes.set(chainId, bytes);
    const doneBytes = [...this.#packedBytes.values()].reduce((sum, each) => sum + each, 0);
    this.#report({ stage: "unpacking", doneBytes, totalBytes: this.#totalBytes });
  }

  #report(progress: Pick<Progress, "stage" | "doneBytes" | "totalBytes">): void {
    this.#request.options.onProgress?.({
      ...progress,
      doneLayers: this.#doneLayers,
      totalLayers: this.#jobs.size,
    });
  }

  #blobFile(digest: Digest): string {
    const file = this.#staged.get(digest);
    return file === undefined
      ? blobPath(this.#request.paths, digest)
      : join(this.#staging, String(file));
  }

  #commit(images: readonly PlannedImage[]): void {
    const { paths } = this.#request;
    for (const image of images) {
      const digests = [
        ...image.layers.map(({ digest }) => digest),
        image.config,
        image.manifest.digest,
      ];
      for (const digest of digests) {
        const to = blobPath(paths, digest);
        const from = this.#blobFile(digest);
        failpoint("image/import-images.blob");
        // Over one that is there: ours is verified, that one may have been damaged since.
        if (from !== to && existsSync(from)) renameSync(from, to);
      }
      for (const chainId of chainIds(image.layers.map(({ diffId }) => diffId))) {
        const job = this.#jobs.get(chainId);
        if (job?.result === undefined) continue;
        const [independent, chained] = layerNames(job.diffId, chainId);
        const to = join(paths.layers, job.result.dependsOnLower ? chained : independent);
        failpoint("image/import-images.layer");
        // Somebody else may have brought the same layer meanwhile: ours goes away then.
        if (existsSync(job.folder) && !existsSync(to)) renameSync(job.folder, to);
      }
    }
    for (const folder of [paths.blobs, paths.layers]) {
      failpoint("image/import-images.sync");
      syncFolder(folder);
    }
  }
}

function makeFolder(path: string, mode: number): void {
  failpoint("image/import-images.folder");
  mkdirSync(path);
  // mkdir's mode is cut by the daemon's umask.
  chmodSync(path, mode);
}

/** @throws PodError NotFound, or InvalidArgument for what is neither file nor folder. */
function openSource(path: string): number {
  const stat = statSync(path, { throwIfNoEntry: false });
  if (stat === undefined) throw new PodError("NotFound", `${JSON.stringify(path)} does not exist`);
  if (!stat.isFile() && !stat.isDirectory()) {
    throw new PodError("InvalidArgument", `${JSON.stringify(path)} is neither a file nor a folder`);
  }
  return openSync(path, constants.O_RDONLY | constants.O_NOCTTY | constants.O_NONBLOCK);
}

function fileSize(path: string): number | undefined {
  const stat = statSync(path);
  return stat.isFile() ? stat.size : undefined;
}

function knownBlobs(paths: LayoutPaths): [Digest, number][] {
  return readdirSync(paths.blobs)
    .filter((name) => /^[0-9a-f]{64}$/.test(name))
    .map((name): [Digest, number] => {
      const digest = `sha256:${name}` as Digest;
      return [digest, blobSize(paths, digest) ?? 0];
    });
}
