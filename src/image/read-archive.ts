/**
 * The work of the read helper: an archive on descriptor 3 (plain, gzip or zstd; or the folder of an
 * OCI layout) becomes numbered files and a plan. Each blob is hashed while it is written.
 */
import { constants, fstatSync, openSync, readSync } from "node:fs";
import { PodError } from "../base/errors.ts";
import { failpoint } from "../base/failpoint.ts";
import type { Digest } from "../base/ids.ts";
import { K } from "../sys/abi.ts";
import { run } from "../sys/ffi.ts";
import { InflateLibrary } from "../sys/inflate.ts";
import { Program } from "../sys/program.ts";
import { confine } from "./confine.ts";
import { decompress, detectCompression } from "./decompress.ts";
import { label } from "./layer-unpacker.ts";
import { hexOf } from "./layout.ts";
import type { PlannedImage, ReadResult, ReadTask } from "./messages.ts";
import { planImages, plannedLayer, planWithManifest } from "./plan-images.ts";
import { hostPlatform } from "./platform.ts";
import { readChunks } from "./read-chunks.ts";
import { readTar, type TarEntry, type TarVisitor } from "./read-tar.ts";
import { type MemberWatcher, type MemberWriter, StagedMembers } from "./staged-members.ts";

const source = 3;
/** Members of an archive: layers and documents, not files. */
const maxMembers = 100_000;

export interface ReadHooks extends MemberWatcher {
  readonly onProgress: (bytes: number) => void;
  readonly warn: (sentence: string) => void;
}

export interface ArchiveReading {
  readonly result: ReadResult;
  /** Flushes the file systems of images and layers. */
  readonly sync: () => void;
}

/** @throws PodError whose sentence goes on after `Cannot import image "…": `. */
export async function readArchive(task: ReadTask, hooks: ReadHooks): Promise<ArchiveReading> {
  const isFolder = fstatSync(source).isDirectory();
  const flags = constants.O_RDONLY | constants.O_DIRECTORY;
  const syncFds = task.syncFolders.map((folder) => openSync(folder, flags));
  // Libraries are out of reach afterwards.
  const inflate = isFolder ? undefined : InflateLibrary.load();
  // Nothing here needs a privilege: all files belong to root.
  confine(task.folder, []);

  const members = new StagedMembers(new Map(task.known), hooks);
  const plan = { stem: task.stem, warn: hooks.warn };
  let images: readonly PlannedImage[];
  if (task.rootfs !== undefined) {
    if (isFolder) throw new PodError("InvalidArgument", "it is a folder: give a tar archive");
    const tar = decompressed(task, packed(hooks), inflate);
    images = [await planRootfs(task, members, tar)];
  } else if (isFolder) {
    const folder = new LayoutFolder(members, hooks);
    folder.fetch("index.json");
    images = planImages(members, plan, (digest) => folder.fetch(`blobs/sha256/${hexOf(digest)}`));
  } else {
    const visitor = new MemberVisitor(members);
    await readTar(decompressed(task, packed(hooks), inflate), visitor, {
      headerBytes: task.limits.headerBytes,
      entries: maxMembers,
      needsEndMark: true,
    });
    images = planImages(members, plan);
  }
  const digests = images.flatMap((image) => [
    image.manifest.digest,
    image.config,
    ...image.layers.map(({ digest }) => digest),
  ]);
  const files = [...new Set(digests)].flatMap((digest): [Digest, number][] => {
    const file = members.findBlob(digest)?.file;
    return file === undefined ? [] : [[digest, file]];
  });
  return {
    result: { images, files },
    sync: () => {
      failpoint("image/read-archive.sync");
      const program = new Program("image helper");
      for (const fd of syncFds) program.call("syncfs", [fd]);
      run("Cannot write the image to disk", program);
    },
  };
}

async function* packed(hooks: ReadHooks): AsyncGenerator<Buffer> {
  let bytes = 0;
  for await (const chunk of readChunks(source)) {
    bytes += chunk.length;
    hooks.onProgress(bytes);
    yield chunk;
  }
}

/** Unpacks the whole file when it is packed; bounds what comes out. */
async function* decompressed(
  task: ReadTask,
  input: AsyncGenerator<Buffer>,
  inflate: InflateLibrary | undefined,
): AsyncGenerator<Buffer> {
  let head = Buffer.alloc(0);
  while (head.length < 16) {
    const next = await input.next();
    if (next.done === true) break;
    head = Buffer.concat([head, next.value]);
  }
  if (head.length === 0) throw new PodError("InvalidArgument", "it is empty");
  const compression = detectCompression(head);
  let left = 2 * task.limits.unpackedBytes;
  for await (const chunk of decompress(chain(head, input), compression, inflate)) {
    left -= chunk.length;
    if (left < 0) throw new PodError("ResourceExhausted", "it is larger than the allowed size");
    yield chunk;
  }
}

async function* chain(head: Buffer, rest: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  yield head;
  yield* rest;
}

/** Stages every file of the archive; folders and other entries have no meaning in it. */
class MemberVisitor implements TarVisitor {
  readonly #members: StagedMembers;
  #writer: MemberWriter | undefined;
  #entry: TarEntry | undefined;

  constructor(members: StagedMembers) {
    this.#members = members;
  }

  begin(entry: TarEntry): void {
    this.#entry = entry;
    this.#writer = undefined;
    const name = utf8(entry.name);
    if (entry.type === "symlink" || entry.type === "link") {
      this.#members.link(name, utf8(entry.linkName), entry.type === "symlink");
    }
    if (entry.type !== "file") return;
    if (entry.sparse !== undefined) {
      throw new PodError("Unimplemented", `${label(entry)}: sparse members are not supported here`);
    }
    this.#writer = this.#members.begin(name, entry.size);
  }

  data(chunk: Buffer): void {
    this.#writer?.write(chunk);
  }

  end(): void {
    try {
      this.#writer?.end();
    } catch (error) {
      if (!(error instanceof PodError) || this.#entry === undefined) throw error;
      throw new PodError(error.kind, `${label(this.#entry)}: ${error.message}`, { cause: error });
    }
  }
}

/** Reads files of a layout folder one by one as the plan asks for them; follows no symlinks. */
class LayoutFolder {
  readonly #members: StagedMembers;
  readonly #hooks: ReadHooks;
  readonly #fetched = new Set<string>();
  #bytes = 0;

  constructor(members: StagedMembers, hooks: ReadHooks) {
    this.#members = members;
    this.#hooks = hooks;
  }

  /** @param path - "index.json" or a blob path made of a checked digest. */
  fetch(path: string): void {
    if (this.#fetched.has(path)) return;
    this.#fetched.add(path);
    const how = Buffer.alloc(24);
    how.writeBigUInt64LE(BigInt(K.O_RDONLY | K.O_NONBLOCK | K.O_NOFOLLOW | K.O_CLOEXEC), 0);
    how.writeBigUInt64LE(BigInt(K.RESOLVE_BENEATH | K.RESOLVE_NO_SYMLINKS), 16);
    const program = new Program("OCI layout").from(path);
    const opened = program.open("openat2", [source, path, program.bytes(how), 24], {
      tolerate: ["ENOENT", "ELOOP"],
    });
    const fd = Number(run("Cannot read the layout", program).registers[opened.number]);
    if (fd < 0) return;
    const stat = fstatSync(fd);
    if (!stat.isFile()) throw new PodError("InvalidArgument", `"${path}" is not a file`);
    const writer = this.#members.begin(path, stat.size);
    const buffer = Buffer.allocUnsafe(1 << 20);
    for (;;) {
      const count = readSync(fd, buffer, 0, buffer.length, null);
      if (count === 0) break;
      writer.write(buffer.subarray(0, count));
      this.#bytes += count;
      this.#hooks.onProgress(this.#bytes);
    }
    writer.end();
    const close = new Program("OCI layout");
    close.call("close", [fd]);
    run("Cannot read the layout", close);
  }
}

/** An image of one layer: the archive itself. Its diffID is found by unpacking it. */
async function planRootfs(
  task: ReadTask,
  members: StagedMembers,
  tar: AsyncIterable<Buffer>,
): Promise<PlannedImage> {
  const { rootfs } = task;
  if (rootfs === undefined) throw new PodError("Internal", "Not an import of a tree");
  // The layer is stored as a plain tar: its digest is the diffID then.
  const writer = members.begin("layer.tar", 0);
  for await (const chunk of tar) writer.write(chunk);
  const layer = writer.end();
  const platform = hostPlatform();
  const config = members.add(
    Buffer.from(
      JSON.stringify({
        created: rootfs.created,
        architecture: platform.architecture,
        os: platform.os,
        config: rootfs.config,
        rootfs: { type: "layers", diff_ids: [layer.digest] },
        history: [{ created: rootfs.created, comment: "nspod image import" }],
      }),
    ),
  );
  return planWithManifest(members, config, [plannedLayer(layer, layer.digest)], [rootfs.name]);
}

function utf8(name: string): string {
  return Buffer.from(name, "latin1").toString("utf8");
}
