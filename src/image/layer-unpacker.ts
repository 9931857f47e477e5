/**
 * Turns the entries of one layer's tar into files: resolves names in the tree of the layer,
 * decides what each entry replaces, and hands the result to LayerWriter. Runs confined to the
 * layer's folder (confine.ts).
 *
 * Rules, as umoci and containerd apply them: the last entry of a name wins; a folder that becomes
 * a folder keeps its content; symlinks in the middle of a name are followed inside the layer's
 * root; whiteouts work on the layers below only, never on entries of the same layer.
 *
 * @see OCI image-spec layer.md; overlayfs.rst
 */
import { PodError } from "../base/errors.ts";
import { K } from "../sys/abi.ts";
import { Directory, notDirectory, Symlink, splitPath, type TreeNode, Walk } from "./layer-tree.ts";
import type { FileAttributes, LayerWriter } from "./layer-writer.ts";
import type { ImportLimits } from "./limits.ts";
import { isWantedXattr, type LowerFile, type LowerLayers, makeDevice } from "./lower-layers.ts";
import type { SparseFile } from "./pax-records.ts";
import type { TarEntry, TarVisitor } from "./read-tar.ts";
import { SparseWriter } from "./sparse-writer.ts";
import { printableName } from "./tar-guard.ts";

export interface UnpackerOptions {
  readonly writer: LayerWriter;
  readonly limits: ImportLimits;
  /** The unpacked layers below, when they are complete. */
  readonly lower: () => Promise<LowerLayers>;
  /** The root of the layers below, when they are complete; undefined: there are none. */
  readonly rootBelow: () => Promise<FileAttributes | undefined>;
  readonly warn: (sentence: string) => void;
}

const whiteoutPrefix = ".wh.";
const opaqueName = ".wh..wh..opq";
/** Other names of aufs' own book-keeping, e.g. ".wh..wh.plnk". */
const aufsPrefix = ".wh..wh.";
/** Warnings of one layer that are told one by one. */
const maxWarnings = 20;

/** What the content of the current entry goes to. */
type Target =
  | { readonly to: "nothing" }
  | { readonly to: "batch" }
  | {
      readonly to: "sparse";
      readonly path: string;
      readonly fd: number;
      readonly writer: SparseWriter;
    };

export class LayerUnpacker implements TarVisitor {
  readonly #writer: LayerWriter;
  readonly #limits: ImportLimits;
  readonly #lowerReady: () => Promise<LowerLayers>;
  readonly #rootBelow: () => Promise<FileAttributes | undefined>;
  readonly #warn: (sentence: string) => void;
  readonly #root: Directory = new Directory(undefined, "", false);
  #entry: TarEntry | undefined;
  #attributes: FileAttributes = rootAttributes;
  #target: Target = { to: "nothing" };
  #fileBytes = 0;
  #dependsOnLower = false;
  #isRootDescribed = false;
  #warnings = 0;
  /** The folder of the previous entry: most entries stand beside their predecessor. */
  #lastParent: { readonly path: string; readonly directory: Directory } | undefined;

  constructor({ writer, limits, lower, rootBelow, warn }: UnpackerOptions) {
    this.#writer = writer;
    this.#limits = limits;
    this.#lowerReady = lower;
    this.#rootBelow = rootBelow;
    this.#warn = warn;
  }

  /** Bytes of all files, holes not counted. */
  get fileBytes(): number {
    return this.#fileBytes;
  }

  /** Something was taken from a layer below, so the folder is good for this chain only. */
  get dependsOnLower(): boolean {
    return this.#dependsOnLower;
  }

  /** The archive has an entry for the root. */
  get isRootDescribed(): boolean {
    return this.#isRootDescribed;
  }

  begin(entry: TarEntry): void | Promise<void> {
    this.#entry = entry;
    this.#target = { to: "nothing" };
    const room = this.#writer.room();
    if (room === undefined) return this.#named(() => this.#begin(entry));
    return room.then(() => this.#named(() => this.#begin(entry)));
  }

  data(chunk: Buffer): void | Promise<void> {
    const target = this.#target;
    if (target.to === "batch") return this.#writer.fillFile(chunk);
    if (target.to === "sparse") this.#named(() => target.writer.write(chunk));
  }

  range(at: number, length: number): void | Promise<void> {
    if (this.#target.to === "batch") return this.#writer.copyRange(at, length);
  }

  end(): void {
    const target = this.#target;
    if (target.to === "batch") this.#writer.endFile(this.#attributes);
    if (target.to === "sparse") {
      this.#named(() => target.writer.finish());
      this.#writer.closeFile(target.path, target.fd, this.#attributes, target.writer.realSize);
    }
    this.#target = { to: "nothing" };
  }

  /** Everything that can only be done when all entries are there. */
  async finish(): Promise<void> {
    this.#writer.from(() => "");
    if (!this.#isRootDescribed) await this.#inheritRoot();
    await this.#writer.setDirectoryTimes(this.#root);
    await this.#writer.flush();
  }

  #begin(entry: TarEntry): void | Promise<void> {
    this.#writer.from(() => label(entry));
    const components = splitPath(entry.name, this.#limits.depth);
    const name = components.pop();
    this.#count(entry);
    if (name === undefined) return this.#takeRoot(entry);
    const parentPath = components.join("/");
    if (this.#lastParent?.path === parentPath) return this.#take(this.#lastParent.directory, name);
    const found = this.#directory(components);
    const take = (directory: Directory): void | Promise<void> => {
      this.#lastParent = { path: parentPath, directory };
      return this.#take(directory, name);
    };
    return found instanceof Promise ? found.then(take) : take(found);
  }

  #count(entry: TarEntry): void {
    this.#fileBytes += entry.size;
    const length = entry.sparse?.realSize ?? entry.size;
    if (this.#fileBytes > this.#limits.unpackedBytes || length > this.#limits.unpackedBytes) {
      const limit = Math.floor(this.#limits.unpackedBytes / 2 ** 20);
      throw new PodError("ResourceExhausted", `the layer's files are larger than ${limit} MiB`);
    }
  }

  #takeRoot(entry: TarEntry): void {
    if (entry.type !== "directory") throw refuse("the root of the image must be a folder");
    this.#setAttributes(entry);
    this.#writer.setDirectory("", this.#attributes);
    this.#root.modified = entry.modified;
    this.#isRootDescribed = true;
  }

  /** @returns the folder, or a promise when the layers below have to be asked. */
  #directory(components: readonly string[]): Directory | Promise<Directory> {
    const walk = new Walk(this.#root, components);
    const step = walk.step();
    return step instanceof Directory ? step : this.#makeMissing(walk, step);
  }

  async #makeMissing(
    walk: Walk,
    first: Exclude<ReturnType<Walk["step"]>, Directory>,
  ): Promise<Directory> {
    const lower = await this.#lowerReady();
    for (let step: ReturnType<Walk["step"]> = first; ; step = walk.step()) {
      if (step instanceof Directory) return step;
      const { directory, name, node } = step;
      this.#dependsOnLower = true;
      const path = directory.pathOf(name);
      const below = directory.hidesLower || node === "whiteout" ? undefined : lower.find(path);
      if (below?.type === K.S_IFLNK) {
        walk.follow(below.target);
        continue;
      }
      if (below !== undefined && below.type !== K.S_IFDIR) throw notDirectory(path);
      walk.enter(this.#addDirectory(directory, name, below?.attributes ?? implicitAttributes));
    }
  }

  #take(parent: Directory, name: string): void | Promise<void> {
    const entry = this.#entry;
    if (entry === undefined) return;
    if (name.startsWith(whiteoutPrefix)) {
      this.#takeWhiteout(parent, name);
      return;
    }
    this.#setAttributes(entry);
    const path = parent.pathOf(name);
    const existing = parent.children.get(name);
    if (entry.type === "link") return this.#takeLink(parent, name, entry.linkName);
    if (entry.type === "directory") {
      if (existing instanceof Directory) {
        this.#writer.setDirectory(path, this.#attributes);
        existing.modified = entry.modified;
        return;
      }
      this.#addDirectory(parent, name, this.#attributes);
      return;
    }
    this.#clear(parent, name, existing);
    switch (entry.type) {
      case "file":
        parent.children.set(name, "file");
        return this.#openTarget(path, entry);
      case "symlink":
        if (entry.linkName === "") throw refuse("it is a symlink to nowhere");
        if (entry.linkName.length > 4095) throw refuse("its target is longer than 4095 bytes");
        this.#writer.makeSymlink(path, entry.linkName, this.#attributes);
        parent.children.set(name, new Symlink(entry.linkName));
        return;
      case "character":
      case "block":
      case "fifo":
        this.#writer.makeNode(path, nodeTypes[entry.type], this.#device(entry), this.#attributes);
        parent.children.set(name, "special");
    }
  }

  #device(entry: TarEntry): number {
    if (entry.type === "fifo") return 0;
    const { major, minor } = entry;
    if (!Number.isInteger(major) || !Number.isInteger(minor) || major < 0 || minor < 0) {
      throw refuse("its device number is not a number");
    }
    if (major > 0xfff || minor > 0xfffff) throw refuse(`device ${major}:${minor} does not exist`);
    if (major === 0 && minor === 0) {
      // overlayfs would take it for a whiteout.
      throw refuse("device 0:0 is reserved for whiteouts");
    }
    return makeDevice(major, minor);
  }

  #openTarget(path: string, { sparse }: TarEntry): void | Promise<void> {
    if (sparse !== undefined) return this.#openSparseTarget(path, sparse);
    this.#writer.beginFile(path, this.#attributes);
    this.#target = { to: "batch" };
  }

  async #openSparseTarget(path: string, sparse: SparseFile): Promise<void> {
    const fd = await this.#writer.openFile(path);
    const { realSize, ranges } = sparse;
    this.#target = { to: "sparse", path, fd, writer: new SparseWriter(fd, realSize, ranges) };
  }

  #takeLink(parent: Directory, name: string, linkName: string): void | Promise<void> {
    const components = splitPath(linkName, this.#limits.depth);
    const targetName = components.pop();
    if (targetName === undefined) throw refuse("it is a hard link to the root");
    const walk = new Walk(this.#root, components);
    const step = walk.step();
    const target = step instanceof Directory ? step.children.get(targetName) : undefined;
    if (!(step instanceof Directory) || target === undefined || target === "whiteout") {
      return this.#linkBelow(parent, name, components, targetName);
    }
    this.#link(parent, name, step.pathOf(targetName), target);
  }

  async #linkBelow(
    parent: Directory,
    name: string,
    components: readonly string[],
    targetName: string,
  ): Promise<void> {
    const folder = await this.#directory(components);
    let target = folder.children.get(targetName);
    if (target === undefined && !folder.hidesLower) {
      const lower = await this.#lowerReady();
      const path = folder.pathOf(targetName);
      const file = lower.find(path);
      if (file !== undefined) target = await this.#copyUp(folder, targetName, path, file, lower);
    }
    if (target === undefined || target === "whiteout") {
      throw refuse("it is a hard link to a file that does not exist");
    }
    this.#link(parent, name, folder.pathOf(targetName), target);
  }

  /** Brings a file of a layer below into this one, as overlayfs does before it links it. */
  async #copyUp(
    folder: Directory,
    name: string,
    path: string,
    file: LowerFile,
    lower: LowerLayers,
  ): Promise<TreeNode> {
    this.#dependsOnLower = true;
    let node: TreeNode = "special";
    switch (file.type) {
      case K.S_IFDIR:
        throw refuse("it is a hard link to a folder");
      case K.S_IFREG: {
        const fd = await this.#writer.openFile(path);
        lower.copyContent(file, path, fd);
        this.#writer.closeFile(path, fd, file.attributes, undefined);
        this.#fileBytes += file.size;
        node = "file";
        break;
      }
      case K.S_IFLNK:
        this.#writer.makeSymlink(path, file.target, file.attributes);
        node = new Symlink(file.target);
        break;
      default:
        this.#writer.makeNode(path, file.type, file.device, file.attributes);
    }
    folder.children.set(name, node);
    return node;
  }

  #link(parent: Directory, name: string, targetPath: string, target: TreeNode): void {
    if (target instanceof Directory) throw refuse("it is a hard link to a folder");
    const path = parent.pathOf(name);
    if (path === targetPath) return;
    this.#clear(parent, name, parent.children.get(name));
    this.#writer.makeLink(path, targetPath);
    parent.children.set(name, target);
  }

  #takeWhiteout(parent: Directory, name: string): void {
    if (name === opaqueName) {
      parent.hidesLower = true;
      this.#writer.makeOpaque(parent.path);
      return;
    }
    if (name.startsWith(aufsPrefix)) return;
    const hidden = name.slice(whiteoutPrefix.length);
    if (hidden === "" || hidden === "." || hidden === "..") {
      throw refuse("it is a whiteout without a name");
    }
    const existing = parent.children.get(hidden);
    if (existing instanceof Directory) {
      // The folder of this layer stays, what is below it does not show.
      existing.hidesLower = true;
      this.#writer.makeOpaque(existing.path);
      return;
    }
    // A file of this layer hides the one below anyway.
    if (existing !== undefined) return;
    this.#writer.makeWhiteout(parent.pathOf(hidden));
    parent.children.set(hidden, "whiteout");
  }

  /** Makes a folder where there is none. */
  #addDirectory(parent: Directory, name: string, attributes: FileAttributes): Directory {
    const path = parent.pathOf(name);
    const existing = parent.children.get(name);
    this.#clear(parent, name, existing);
    const directory = new Directory(parent, path, parent.hidesLower || existing === "whiteout");
    directory.modified = attributes.modified;
    this.#writer.makeDirectory(path, attributes);
    // The whiteout hid a folder below, which must not show through the new one.
    if (existing === "whiteout") this.#writer.makeOpaque(path);
    parent.children.set(name, directory);
    return directory;
  }

  /** Takes away what stands at a name. */
  #clear(parent: Directory, name: string, existing: TreeNode | undefined): void {
    if (existing === undefined) return;
    const path = parent.pathOf(name);
    if (existing instanceof Directory) {
      for (const [child, node] of existing.children) this.#clear(existing, child, node);
      this.#lastParent = undefined;
    }
    this.#writer.remove(path, existing instanceof Directory);
    parent.children.delete(name);
  }

  #setAttributes(entry: TarEntry): void {
    const canHold = entry.type === "file" || entry.type === "directory";
    const wanted = entry.xattrs.filter(
      ([name, value]) => canHold && isWantedXattr(name) && value.length <= 65_536,
    );
    if (wanted.length < entry.xattrs.length) {
      const left = entry.xattrs.filter((each) => !wanted.includes(each)).map(([name]) => name);
      this.#warnOnce(`${label(entry)}: extended attributes were left out: ${left.join(", ")}`);
    }
    this.#attributes = {
      mode: entry.mode,
      uid: entry.uid,
      gid: entry.gid,
      modified: entry.modified,
      // The last value of a name counts.
      xattrs: wanted.length < 2 ? wanted : [...new Map(wanted)],
    };
  }

  #warnOnce(sentence: string): void {
    this.#warnings++;
    if (this.#warnings <= maxWarnings) this.#warn(sentence);
    if (this.#warnings === maxWarnings + 1)
      this.#warn("further warnings about this layer are left out");
  }

  /** The root's attributes come from the layers below when this layer says nothing. */
  async #inheritRoot(): Promise<void> {
    const below = await this.#rootBelow();
    if (below === undefined) return;
    const { mode, uid, gid } = below;
    this.#root.modified = below.modified;
    if (mode === rootAttributes.mode && uid === 0 && gid === 0) return;
    this.#dependsOnLower = true;
    this.#writer.setDirectory("", { ...below, xattrs: [] });
  }

  #named<T>(work: () => T): T {
    const entry = this.#entry;
    const wrap = (error: unknown): unknown =>
      error instanceof PodError && error.name === "PodError" && entry !== undefined
        ? new PodError(error.kind, `${label(entry)}: ${error.message}`, { cause: error })
        : error;
    try {
      const result = work();
      if (!(result instanceof Promise)) return result;
      return result.catch((error: unknown) => {
        throw wrap(error);
      }) as T;
    } catch (error) {
      throw wrap(error);
    }
  }
}

const nodeTypes = { character: K.S_IFCHR, block: K.S_IFBLK, fifo: K.S_IFIFO } as const;

const epoch = { seconds: 0, nanoseconds: 0 };
const rootAttributes: FileAttributes = { mode: 0o755, uid: 0, gid: 0, modified: epoch, xattrs: [] };
/** Folders that nobody describes; as containerd and umoci make them, with a fixed time. */
const implicitAttributes: FileAttributes = rootAttributes;

/** How messages call an entry. */
export function label(entry: TarEntry): string {
  return `entry ${entry.number} (${printableName(entry.name)})`;
}

function refuse(message: string): PodError {
  return new PodError("InvalidArgument", message);
}
