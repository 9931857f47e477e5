/**
 * What one layer holds so far, as names and kinds: the unpacker resolves every path here and hands
 * only symlink-free paths to the kernel. Nobody else writes into the folder, so the tree is exact;
 * should it ever be wrong, O_NOFOLLOW and the chroot still hold.
 *
 *   ""  Directory ── "usr" Directory ── "bin" symlink → "../bin"
 *                                     └ "x"   "file" · "special" · "whiteout"
 *
 * Names are one character per byte.
 */
import { PodError } from "../base/errors.ts";
import type { TarTime } from "./read-tar.ts";

export type TreeNode = Directory | Symlink | "file" | "special" | "whiteout";

export class Symlink {
  readonly target: string;

  constructor(target: string) {
    this.target = target;
  }
}

export class Directory {
  readonly parent: Directory | undefined;
  /** Path from the layer's root without a leading slash; "" is the root. */
  readonly path: string;
  readonly children: Map<string, TreeNode> = new Map();
  /** Set again at the end: every new child changes it. */
  modified: TarTime = { seconds: 0, nanoseconds: 0 };
  /** Nothing of the layers below shows through. */
  hidesLower: boolean;

  constructor(parent: Directory | undefined, path: string, hidesLower: boolean) {
    this.parent = parent;
    this.path = path;
    this.hidesLower = hidesLower;
  }

  /** The path of a child. */
  pathOf(name: string): string {
    return this.path === "" ? name : `${this.path}/${name}`;
  }
}

/** As in path_resolution(7): more symlinks in one path are taken for a loop. */
const maxSymlinks = 40;
const maxComponentBytes = 255;
const maxPathBytes = 4095;

/**
 * The components of an entry's name; "." and empty ones are dropped, so "/etc" is "etc".
 * @throws PodError InvalidArgument for "..", names and paths that no file system can hold.
 */
export function splitPath(path: string, maxDepth: number): string[] {
  if (path.length > maxPathBytes) throw refuse(`its path is longer than ${maxPathBytes} bytes`);
  const components = path.split("/").filter((each) => each !== "" && each !== ".");
  if (components.length > maxDepth) throw refuse(`it lies more than ${maxDepth} folders deep`);
  for (const component of components) {
    if (component === "..") throw refuse('its path contains ".."');
    if (component.length > maxComponentBytes) {
      throw refuse(`its path has a name longer than ${maxComponentBytes} bytes`);
    }
  }
  return components;
}

/** What the walk found where the tree of this layer ends. */
export interface Missing {
  readonly directory: Directory;
  readonly name: string;
  readonly node: "whiteout" | undefined;
}

/**
 * One walk along a path, which follows symlinks inside the layer's root as a chrooted process
 * would. `step()` goes on until the folder is reached or something is missing; the caller then
 * makes or finds it and continues.
 */
export class Walk {
  #directory: Directory;
  readonly #root: Directory;
  /** Components still to go, the next one last. */
  readonly #rest: string[];
  #links = 0;

  constructor(root: Directory, components: readonly string[]) {
    this.#root = root;
    this.#directory = root;
    this.#rest = components.toReversed();
  }

  /** The folder, or what is missing on the way to it. */
  step(): Directory | Missing {
    for (let name = this.#rest.pop(); name !== undefined; name = this.#rest.pop()) {
      if (name === "" || name === ".") continue;
      if (name === "..") {
        this.#directory = this.#directory.parent ?? this.#root;
        continue;
      }
      const node = this.#directory.children.get(name);
      if (node instanceof Directory) this.#directory = node;
      else if (node instanceof Symlink) this.follow(node.target);
      else if (node === undefined || node === "whiteout") {
        return { directory: this.#directory, name, node };
      } else throw notDirectory(this.#directory.pathOf(name));
    }
    return this.#directory;
  }

  /** Goes on into a folder that was missing. */
  enter(directory: Directory): void {
    this.#directory = directory;
  }

  /** Goes on at the target of a symlink that stands in the current folder. */
  follow(target: string): void {
    this.#links++;
    if (this.#links > maxSymlinks) {
      throw refuse(`its path leads through more than ${maxSymlinks} symlinks`);
    }
    if (target.length > maxPathBytes)
      throw refuse("its path leads through a symlink that is too long");
    if (target.startsWith("/")) this.#directory = this.#root;
    this.#rest.push(...target.split("/").reverse());
  }
}

export function notDirectory(path: string): PodError {
  return refuse(`its path leads through ${JSON.stringify(path)}, which is not a folder`);
}

function refuse(message: string): PodError {
  return new PodError("InvalidArgument", message);
}
