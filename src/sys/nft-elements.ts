/**
 * Elements of sets and maps of packet rules, written by messages of our own: 0.1 ms for the elements
 * of a pod, where libnftables first reads every table and takes 1.3 ms with few pods and more with
 * each one (decision 0211). Rules and whole tables are libnftables' (nftables.ts).
 *
 *   NFNL_MSG_BATCH_BEGIN (generation) · NFT_MSG_NEWSETELEM, NFT_MSG_DELSETELEM … · NFNL_MSG_BATCH_END
 *
 * One datagram is one transaction: all of it or nothing. Source: linux/netfilter/nf_tables.h,
 * linux/netfilter/nfnetlink.h; the comment is a record of libnftnl, { u8 type 0, u8 length, text }.
 */
import { PodError } from "../base/errors.ts";
import { K } from "./abi.ts";
import { runAside } from "./ffi.ts";
import {
  type Attribute,
  binary,
  encodeMessage,
  type NetlinkMessage,
  nested,
  text,
} from "./netlink.ts";
import { Program } from "./program.ts";
import { syscallError } from "./syscall-error.ts";

/** One element that comes or goes. Keys and values are the kernel's bytes (`keyBytes()`). */
export interface ElementChange {
  readonly family: "ip" | "bridge";
  readonly table: string;
  readonly set: string;
  readonly key: Uint8Array;
  /** Of a map. */
  readonly value?: Uint8Array;
  /** At most 254 bytes. */
  readonly comment?: string;
  readonly isGone: boolean;
}

const families = { ip: K.NFPROTO_IPV4, bridge: K.NFPROTO_BRIDGE } as const;
/** libnftnl's NFTNL_UDATA_SET_ELEM_COMMENT. */
const commentType = 0;
const headerSize = 16;
/** struct nlmsgerr and its beginning of an explanation. */
const acknowledgementSize = 64;

/** Joins the parts of a key or value as the kernel wants them: each padded to 4 bytes. */
export function keyBytes(parts: readonly Uint8Array[]): Buffer {
  return Buffer.concat(parts.flatMap((part) => [part, Buffer.alloc((4 - (part.length % 4)) % 4)]));
}

/**
 * The datagram of a transaction; pure. Its messages have the numbers `sequence` and up.
 * @param generation - the kernel refuses with ERESTART when the ruleset has another one by now.
 */
export function encodeElementChanges(
  changes: readonly ElementChange[],
  sequence: number,
  generation?: number,
): Buffer {
  const messages = [
    border(K.NFNL_MSG_BATCH_BEGIN, generation),
    ...changes.map(elementMessage),
    border(K.NFNL_MSG_BATCH_END),
  ];
  return Buffer.concat(
    messages.map((message, index) => encodeMessage(message, sequence + index).bytes),
  );
}

function border(type: number, generation?: number): NetlinkMessage {
  const number = Buffer.alloc(4);
  number.writeUInt32BE(generation ?? 0);
  return {
    type,
    flags: 0,
    header: familyHeader(0, K.NFNL_SUBSYS_NFTABLES),
    attributes: generation === undefined ? [] : [binary(K.NFNL_BATCH_GENID, number)],
    text: type === K.NFNL_MSG_BATCH_BEGIN ? "NFNL_MSG_BATCH_BEGIN" : "NFNL_MSG_BATCH_END",
  };
}

/** struct nfgenmsg: family, version, resource in network order. */
function familyHeader(family: number, resource: number): Buffer {
  const header = Buffer.alloc(4);
  header.writeUInt8(family);
  header.writeUInt16BE(resource, 2);
  return header;
}

function elementMessage(change: ElementChange): NetlinkMessage {
  const { family, table, set, key, value, comment, isGone } = change;
  const element: Attribute[] = [nested(K.NFTA_SET_ELEM_KEY, [binary(K.NFTA_DATA_VALUE, key)])];
  if (!isGone && value !== undefined) {
    element.push(nested(K.NFTA_SET_ELEM_DATA, [binary(K.NFTA_DATA_VALUE, value)]));
  }
  if (!isGone && comment !== undefined) {
    element.push(binary(K.NFTA_SET_ELEM_USERDATA, commentRecord(comment)));
  }
  const type = isGone ? K.NFT_MSG_DELSETELEM : K.NFT_MSG_NEWSETELEM;
  return {
    type: (K.NFNL_SUBSYS_NFTABLES << 8) | type,
    flags: K.NLM_F_ACK | (isGone ? 0 : K.NLM_F_CREATE),
    header: familyHeader(families[family], 0),
    attributes: [
      text(K.NFTA_SET_ELEM_LIST_TABLE, table),
      text(K.NFTA_SET_ELEM_LIST_SET, set),
      nested(K.NFTA_SET_ELEM_LIST_ELEMENTS, [nested(K.NFTA_LIST_ELEM, element)]),
    ],
    text: `${isGone ? "NFT_MSG_DELSETELEM" : "NFT_MSG_NEWSETELEM"} ${table} ${set}`,
  };
}

function commentRecord(comment: string): Buffer {
  const bytes = Buffer.from(`${comment}\0`);
  if (bytes.length > 255) {
    throw new PodError(
      "InvalidArgument",
      `A comment has at most 254 bytes: got ${bytes.length - 1}`,
    );
  }
  return Buffer.concat([Buffer.from([commentType, bytes.length]), bytes]);
}

/**
 * Runs a transaction, in libuv's pool: the kernel makes it wait for those of others.
 * @param fd - NETLINK_NETFILTER socket that nobody else uses meanwhile. @param sequence - not used on it before.
 * @throws SyscallError with the first errno that the kernel answered: ENOENT for a table, set or
 * element that is gone, ERESTART for another generation.
 */
export async function changeElements(
  action: string,
  fd: number,
  changes: readonly ElementChange[],
  sequence: number,
  generation?: number,
): Promise<void> {
  const program = new Program(action).from("packet rules");
  const batch = encodeElementChanges(changes, sequence, generation);
  program.call("sendto", [fd, program.bytes(batch, "{elements}"), batch.length, 0, 0, 0]);
  // Every element is acknowledged; a refusal of the whole batch may come first.
  const answers = Array.from({ length: changes.length + 1 }, () => {
    const answer = program.buffer(acknowledgementSize);
    const tolerate = ["EAGAIN"] as const;
    program.call("recvfrom", [fd, answer, answer.length, K.MSG_DONTWAIT, 0, 0], { tolerate });
    return answer;
  });
  const { encoded } = await runAside(action, program);
  const errnos = answers.flatMap((answer) =>
    answeredErrno(program.bytesOf(encoded, answer), sequence),
  );
  const errno = errnos.find((each) => each !== 0);
  if (errno !== undefined) throw syscallError(action, program, { failedOperation: 0, errno });
  if (errnos.length < changes.length) {
    throw new PodError("Internal", `${action}: the kernel did not answer`);
  }
}

/** What an NLMSG_ERROR says, 0 for an acknowledgement; nothing for answers to what was asked before. */
function answeredErrno(answer: Buffer, sequence: number): number[] {
  const isOurs = answer.readUInt16LE(4) === K.NLMSG_ERROR && answer.readUInt32LE(8) >= sequence;
  return isOurs ? [-answer.readInt32LE(headerSize)] : [];
}
