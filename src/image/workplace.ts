/**
 * Where a helper that unpacks layers early finds them and puts their files. It is locked into its root before it reads the
 * first of them. For each layer it gets a new working directory and a new descriptor 3.
 *
 * Packed layers are opened in a private clone of their folder's mount that is read-only: whatever becomes of the helper,
 * it changes none of the bytes whose digests are being taken. Source: open_tree(2), mount_setattr(2), openat2(2).
 */
import { K } from "../sys/abi.ts";
import { run } from "../sys/ffi.ts";
import { Program } from "../sys/program.ts";
import { confine, unpackCapabilities } from "./confine.ts";
import type { EarlyUnpackTask } from "./messages.ts";

/** The packed layer, for everybody in the helper. */
export const source = 3;

const action = "Cannot open the layer";

export class Workplace {
  /** Descriptor of the packed layers' folder. */
  #sources: number | undefined;

  /** Tasks after the first one have the same root and the same packed layers. */
  enter({ root, folder, sources, source: name }: EarlyUnpackTask): void {
    if (this.#sources === undefined) {
      this.#sources = holdReadOnly(sources);
      confine(root, unpackCapabilities);
    }
    // struct open_how { u64 flags, mode, resolve }.
    const how = Buffer.alloc(24);
    how.writeBigUInt64LE(BigInt(K.O_RDONLY | K.O_NOFOLLOW | K.O_CLOEXEC), 0);
    how.writeBigUInt64LE(BigInt(K.RESOLVE_BENEATH | K.RESOLVE_NO_SYMLINKS), 16);
    const program = new Program("image helper").from(name);
    const file = program.open("openat2", [this.#sources, name, program.bytes(how), how.length]);
    program.call("dup3", [file, source, K.O_CLOEXEC]).close(file).call("chdir", [folder]);
    run(action, program);
  }
}

function holdReadOnly(folder: string): number {
  const program = new Program("image helper").from(folder);
  const flags = (K.OPEN_TREE_CLONE | K.OPEN_TREE_CLOEXEC) >>> 0;
  const tree = program.open("open_tree", [K.AT_FDCWD, folder, flags]);
  // struct mount_attr { u64 attr_set, attr_clr, propagation, userns_fd }.
  const attributes = Buffer.alloc(32);
  attributes.writeBigUInt64LE(BigInt(K.MOUNT_ATTR_RDONLY), 0);
  const attr = program.bytes(attributes, "{attr_set=RDONLY}");
  program.call("mount_setattr", [tree, "", K.AT_EMPTY_PATH, attr, attributes.length]);
  return Number(run(action, program).registers[tree.number]);
}
