/**
 * Gives a tree with hostile content to a group, in a child of its own that holds nothing of the daemon's: as long as a
 * file system does not answer, SIGKILL does not end who asks it (decision 0405). The walk is native/group.c.
 *
 *   struct group_change   u32 group · file mode · directory mode · only on mismatch · seen · failed call, i32 errno, u32 register
 */
import { PodError } from "../base/errors.ts";
import { errnoName, K } from "./abi.ts";
import { giveGroupAside } from "./ffi.ts";
import { Program } from "./program.ts";
import { errnoKind, errnoMeaning } from "./syscall-error.ts";

export interface GroupChange {
  readonly group: number;
  /** Bits that regular files get. */
  readonly fileMode: number;
  readonly directoryMode: number;
  /** Leave the tree alone when its root is as it should be. */
  readonly onlyOnMismatch: boolean;
}

const size = 32;
const seenOffset = 16;
const failedOffset = 20;
const errnoOffset = 24;
const rootOffset = 28;

/** enum group_call of native/group.h. */
const calls = ["", "depth", "openat2", "getdents64", "statx", "fchownat", "fchmod"] as const;

/** GROUP_MAX_DEPTH. */
const maxDepth = 500;

export class GroupWalk {
  readonly #path: string;
  readonly #change = Buffer.alloc(size);

  /** @param path - absolute, trusted; its content is not. */
  constructor(path: string, { group, fileMode, directoryMode, onlyOnMismatch }: GroupChange) {
    this.#path = path;
    [group, fileMode, directoryMode, Number(onlyOnMismatch)].forEach((value, index) => {
      this.#change.writeUInt32LE(value, 4 * index);
    });
  }

  /** Entries that it has looked at so far. */
  get seen(): number {
    return this.#change.readUInt32LE(seenOffset);
  }

  /**
   * Once for each walk.
   * @param action - the head of the error sentence.
   * @throws PodError with what the file system says; FailedPrecondition for a tree deeper than 500 levels.
   */
  async run(action: string): Promise<void> {
    const program = new Program(`group of "${this.#path}"`);
    program.call("close_range", [0, 0xffff_ffff, 0]);
    const flags = K.O_RDONLY | K.O_DIRECTORY | K.O_NOFOLLOW | K.O_CLOEXEC;
    const root = program.open("openat", [K.AT_FDCWD, this.#path, flags, 0]);
    this.#change.writeUInt32LE(root.number, rootOffset);
    await giveGroupAside(action, program, this.#change);
    const call = calls[this.#change.readUInt32LE(failedOffset)] ?? "";
    if (call === "") return;
    if (call === "depth") {
      const message = `${action}: its folders are nested deeper than ${maxDepth} levels`;
      throw new PodError("FailedPrecondition", message);
    }
    const errno = errnoName(this.#change.readInt32LE(errnoOffset));
    const meaning = errnoMeaning(errno);
    const reason = `${call} failed with ${errno}${meaning === "" ? "" : ` (${meaning})`}`;
    throw new PodError(errnoKind(errno), `${action}: ${reason}`);
  }
}
