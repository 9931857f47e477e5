/**
 * Packet rules through libnftables.so.1 (libnftables(3)): in this process, no fork, no shell. One
 * context lives as long as the process; it holds a netlink socket of this network namespace.
 *
 * Commands are text in nft's language. Callers put only values in that they have parsed and
 * printed again themselves (numbers, addresses, names they made): nothing that a user wrote.
 */
import { type ErrorKind, isPodError, messageOf, PodError } from "../base/errors.ts";
import { K } from "./abi.ts";
import { loadLibrary } from "./ffi.ts";
import { decodeAttributes, NetlinkSocket } from "./netlink.ts";
import { changeElements, type ElementChange } from "./nft-elements.ts";

type Context = object;

interface Libnftables {
  readonly nft_ctx_new: (flags: number) => Context;
  readonly nft_ctx_free: (context: Context) => void;
  readonly nft_ctx_buffer_output: (context: Context) => number;
  readonly nft_ctx_buffer_error: (context: Context) => number;
  readonly nft_ctx_get_output_buffer: (context: Context) => string;
  readonly nft_ctx_get_error_buffer: (context: Context) => string;
  readonly nft_ctx_output_set_flags: (context: Context, flags: number) => void;
  readonly nft_run_cmd_from_buffer: (context: Context, commands: string) => number;
}

// SAFETY: a context is opaque memory of the library, made by nft_ctx_new and used by this thread
// only; strings are NUL-terminated copies, read during the call; returned strings belong to the
// context and are copied by FFI at once.
// BLOCKS: one netlink transaction, 0.1 ms for one element, a few ms for a whole table.
const declarations: Record<keyof Libnftables, unknown> = {
  nft_ctx_new: ["pointer", ["uint32"]],
  nft_ctx_free: ["void", ["pointer"]],
  nft_ctx_buffer_output: ["int", ["pointer"]],
  nft_ctx_buffer_error: ["int", ["pointer"]],
  nft_ctx_get_output_buffer: ["string", ["pointer"]],
  nft_ctx_get_error_buffer: ["string", ["pointer"]],
  nft_ctx_output_set_flags: ["void", ["pointer", "uint32"]],
  nft_run_cmd_from_buffer: ["int", ["pointer", "string"]],
};

// enum nft_output_flags of nftables/libnftables.h: stable since 0.9.
const outputStateless = 1 << 2;
const outputJson = 1 << 4;

/** One object of `list` in JSON, e.g. `{ map: { family, table, name, elem } }`. */
export type RulesetObject = Readonly<Record<string, unknown>>;

export class Nftables implements Disposable {
  readonly #library: Libnftables;
  readonly #context: Context;
  readonly #socket: NetlinkSocket;
  /** Of changes, which another thread makes. */
  readonly #changes: NetlinkSocket;
  #sequence = 0;

  /** @throws PodError FailedPrecondition when libnftables is not installed. */
  constructor() {
    try {
      this.#library = loadLibrary("libnftables.so.1", declarations) as Libnftables;
    } catch (cause) {
      throw new PodError(
        "FailedPrecondition",
        `Cannot load "libnftables.so.1": ${messageOf(cause)}: install it, on Debian and Ubuntu with "apt install libnftables1"`,
        { cause },
      );
    }
    this.#context = this.#library.nft_ctx_new(0);
    this.#library.nft_ctx_buffer_output(this.#context);
    this.#library.nft_ctx_buffer_error(this.#context);
    this.#socket = new NetlinkSocket(K.NETLINK_NETFILTER);
    this.#changes = new NetlinkSocket(K.NETLINK_NETFILTER);
  }

  /**
   * The number of the kernel's ruleset: every transaction of anybody adds 1. One netlink message,
   * where listing a table takes milliseconds.
   */
  generation(): number {
    const action = "Cannot read the generation of the packet rules";
    const [reply] = this.#socket.query(action, {
      type: (K.NFNL_SUBSYS_NFTABLES << 8) | K.NFT_MSG_GETGEN,
      flags: 0,
      header: Buffer.alloc(4),
      attributes: [],
      text: "NFT_MSG_GETGEN",
    });
    const id = decodeAttributes(reply?.payload.subarray(4) ?? Buffer.alloc(0)).get(K.NFTA_GEN_ID);
    if (id?.length !== 4) throw new PodError("Internal", `${action}: the answer has none`);
    return id.readUInt32BE(0);
  }

  /**
   * Runs commands as one transaction: all of them or none.
   * @param action - the head of the error sentence.
   * @throws PodError with what libnftables said; NotFound, AlreadyExists, PermissionDenied,
   * Unimplemented where the kernel's errno says so.
   */
  run(action: string, commands: string): void {
    this.#call(action, outputStateless, commands);
  }

  /**
   * Adds and removes elements as one transaction, without libnftables' look at the whole ruleset, and beside the main
   * thread. One after the other: the next change comes when this one has ended.
   * @param generation - of the ruleset that the caller knows: another one is refused.
   * @throws SyscallError ENOENT when a table, a set or an element that is to go is not there.
   */
  async change(
    action: string,
    changes: readonly ElementChange[],
    generation?: number,
  ): Promise<void> {
    this.#sequence += changes.length + 2;
    await changeElements(action, this.#changes.fd, changes, this.#sequence, generation);
  }

  /** Runs a list command and returns the objects that it prints; counters are left out. */
  list(action: string, command: string): readonly RulesetObject[] {
    const output = this.#call(action, outputStateless | outputJson, command);
    // Without any object libnftables prints nothing at all.
    if (output.trim() === "") return [];
    const { nftables } = JSON.parse(output) as { nftables: readonly RulesetObject[] };
    return nftables.filter((object) => !("metainfo" in object));
  }

  /**
   * The objects of one table, undefined when there is none. Asking for the list of tables would read all elements of
   * all tables, also those of others: seconds, where they have many.
   */
  listTable(
    action: string,
    family: "ip" | "bridge",
    name: string,
  ): readonly RulesetObject[] | undefined {
    try {
      return this.list(action, `list table ${family} ${name}`);
    } catch (error) {
      if (isPodError(error, "NotFound")) return undefined;
      throw error;
    }
  }

  #call(action: string, flags: number, commands: string): string {
    const { nft_run_cmd_from_buffer, nft_ctx_output_set_flags } = this.#library;
    nft_ctx_output_set_flags(this.#context, flags);
    const status = nft_run_cmd_from_buffer(this.#context, commands);
    // Both buffers are emptied by reading them, so both are read every time.
    const output = this.#library.nft_ctx_get_output_buffer(this.#context);
    const errors = this.#library.nft_ctx_get_error_buffer(this.#context);
    if (status !== 0) throw nftablesError(action, errors);
    return output;
  }

  [Symbol.dispose](): void {
    this.#library.nft_ctx_free(this.#context);
    this.#socket[Symbol.dispose]();
    this.#changes[Symbol.dispose]();
  }
}

// libnftables gives text only; the kernel's errno stands in it as strerror() words.
const kinds: readonly (readonly [string, ErrorKind])[] = [
  ["No such file or directory", "NotFound"],
  ["File exists", "AlreadyExists"],
  ["Operation not permitted", "PermissionDenied"],
  ["Operation not supported", "Unimplemented"],
  ["No buffer space", "ResourceExhausted"],
  ["Device or resource busy", "FailedPrecondition"],
];

/**
 * libnftables' report as one sentence: the messages without the quoted source and its underline.
 * @param report - lines such as `/dev/stdin:3:1-9: Error: Could not process rule: File exists`.
 */
export function nftablesError(action: string, report: string): PodError {
  const messages = [...report.matchAll(/(?:^|: )Error: (.*)$/gm)].map((match) => match[1] ?? "");
  const unique = [...new Set(messages)];
  const why = unique.length === 0 ? report.trim() || "no reason given" : unique.join("; ");
  const kind = kinds.find(([words]) => why.includes(words))?.[1] ?? "Internal";
  return new PodError(kind, `${action}: nftables: ${why}`, { data: { report } });
}
