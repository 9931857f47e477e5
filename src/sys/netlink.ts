/**
 * Netlink messages: encoder, decoder, and requests as operations of a syscall program.
 *
 *   struct nlmsghdr  { u32 length; u16 type; u16 flags; u32 sequence; u32 port }   16 bytes
 *   family header    (ifinfomsg, ifaddrmsg, rtmsg, nfgenmsg …)
 *   struct nlattr    { u16 length; u16 type } payload, padded to 4                 repeated
 *
 * The kernel handles a request inside sendto(), so its acknowledgement is in the socket's queue
 * when sendto() returns: it is read without waiting. Lengths are checked in both directions: an
 * attribute that does not fit its u16 length is refused (CVE-2021-43784), a reply is never read
 * beyond its end. Source: netlink(7), include/uapi/linux/netlink.h.
 */
import { endianness } from "node:os";
import { PodError } from "../base/errors.ts";
import { type ErrnoName, K } from "./abi.ts";
import { run, tryRun } from "./ffi.ts";
import { type Operand, type PoolPointer, Program, type Register } from "./program.ts";
import { errnoMeaning, SyscallError, syscallError } from "./syscall-error.ts";

const headerSize = 16;
const attributeHeaderSize = 4;
/** Bits above are flags: NLA_F_NESTED, NLA_F_NET_BYTEORDER. */
const attributeTypeMask = 0x3fff;
const maxAttribute = 0xffff;
/** The kernel writes dumps in pieces of at most 32 KiB. */
const dumpSize = 32 * 1024;
/** One object: a link with all its statistics has less than 3 KiB. */
const objectSize = 4 * 1024;
const maxDumpAttempts = 3;

/** Four bytes inside a message that a program fills from a register (an fd, a link's index). */
export interface Slot {
  readonly offset: number;
  readonly from: Register;
}

/** One attribute: payload without its header. */
export interface Attribute {
  readonly type: number;
  readonly payload: Uint8Array;
  readonly slots?: readonly Slot[];
}

/** One request. `text` is what listings and errors call it, e.g. `RTM_NEWLINK "veth0"`. */
export interface NetlinkMessage {
  readonly type: number;
  /** NLM_F_* beside NLM_F_REQUEST and NLM_F_ACK. */
  readonly flags: number;
  /** The family's fixed header, a multiple of 4 bytes. */
  readonly header: Uint8Array;
  readonly headerSlots?: readonly Slot[];
  readonly attributes: readonly Attribute[];
  readonly text: string;
}

/** A decoded message; `payload` begins with the family's fixed header. */
export interface NetlinkReply {
  readonly type: number;
  readonly flags: number;
  readonly sequence: number;
  readonly payload: Buffer;
}

export function u8(type: number, value: number): Attribute {
  return { type, payload: Buffer.from([value]) };
}

export function u16(type: number, value: number): Attribute {
  const payload = Buffer.alloc(2);
  payload.writeUInt16LE(value);
  return { type, payload };
}

/** A 32-bit value, or four bytes that a register fills in. */
export function u32(type: number, value: number | Register): Attribute {
  const payload = Buffer.alloc(4);
  if (typeof value !== "number") return { type, payload, slots: [{ offset: 0, from: value }] };
  payload.writeUInt32LE(value >>> 0);
  return { type, payload };
}

/** A NUL-terminated string. @throws PodError InvalidArgument when it contains a NUL. */
export function text(type: number, value: string): Attribute {
  if (value.includes("\0")) {
    throw new PodError("InvalidArgument", `${JSON.stringify(value)} contains a NUL byte`);
  }
  return { type, payload: Buffer.from(`${value}\0`) };
}

export function binary(type: number, payload: Uint8Array): Attribute {
  return { type, payload };
}

export function nested(type: number, attributes: readonly Attribute[]): Attribute {
  const { bytes, slots } = encodeAttributes(attributes);
  return { type: type | K.NLA_F_NESTED, payload: bytes, slots };
}

/**
 * A payload that begins with fixed fields, followed by attributes (VETH_INFO_PEER).
 * @param fixed - a multiple of 4 bytes.
 */
export function prefixed(
  type: number,
  fixed: Uint8Array,
  attributes: readonly Attribute[],
): Attribute {
  const { bytes, slots } = encodeAttributes(attributes);
  return {
    type: type | K.NLA_F_NESTED,
    payload: Buffer.concat([fixed, bytes]),
    slots: slots.map((slot) => ({ ...slot, offset: slot.offset + fixed.length })),
  };
}

function align4(length: number): number {
  return (length + 3) & ~3;
}

function encodeAttributes(attributes: readonly Attribute[]): { bytes: Buffer; slots: Slot[] } {
  const size = attributes.reduce(
    (sum, { payload }) => sum + align4(attributeHeaderSize + payload.length),
    0,
  );
  const bytes = Buffer.alloc(size);
  const slots: Slot[] = [];
  let at = 0;
  for (const { type, payload, slots: inner = [] } of attributes) {
    const length = attributeHeaderSize + payload.length;
    if (length > maxAttribute) {
      throw new PodError(
        "InvalidArgument",
        `Cannot encode netlink attribute ${type & attributeTypeMask}: it has ${payload.length} bytes, at most ${maxAttribute - attributeHeaderSize} fit`,
      );
    }
    bytes.writeUInt16LE(length, at);
    bytes.writeUInt16LE(type, at + 2);
    bytes.set(payload, at + attributeHeaderSize);
    for (const { offset, from } of inner) {
      slots.push({ offset: at + attributeHeaderSize + offset, from });
    }
    at += align4(length);
  }
  return { bytes, slots };
}

/**
 * The bytes of a request and the places that registers fill.
 * @param flags - NLM_F_REQUEST is always added.
 * @throws PodError InvalidArgument when an attribute is longer than its u16 length can say.
 */
export function encodeMessage(
  message: NetlinkMessage,
  sequence: number,
  flags: number = message.flags,
): { readonly bytes: Buffer; readonly slots: readonly Slot[] } {
  const body = encodeAttributes(message.attributes);
  const start = headerSize + message.header.length;
  const header = Buffer.alloc(headerSize);
  header.writeUInt32LE(start + body.bytes.length, 0);
  header.writeUInt16LE(message.type, 4);
  header.writeUInt16LE(flags | K.NLM_F_REQUEST, 6);
  header.writeUInt32LE(sequence, 8);
  const shift = (slots: readonly Slot[], by: number): Slot[] =>
    slots.map(({ offset, from }) => ({ offset: offset + by, from }));
  return {
    bytes: Buffer.concat([header, message.header, body.bytes]),
    slots: [...shift(message.headerSlots ?? [], headerSize), ...shift(body.slots, start)],
  };
}

function damaged(what: string): PodError {
  return new PodError("Internal", `Cannot decode netlink reply: ${what}`);
}

/**
 * Splits a received datagram into messages.
 * @throws PodError Internal when a length points beyond the end.
 */
export function decodeMessages(bytes: Buffer): NetlinkReply[] {
  const messages: NetlinkReply[] = [];
  for (let at = 0; at < bytes.length; ) {
    if (bytes.length - at < headerSize) throw damaged("a message header is cut off");
    const length = bytes.readUInt32LE(at);
    if (length < headerSize || length > bytes.length - at) {
      throw damaged(`a message of ${length} bytes does not fit`);
    }
    messages.push({
      type: bytes.readUInt16LE(at + 4),
      flags: bytes.readUInt16LE(at + 6),
      sequence: bytes.readUInt32LE(at + 8),
      payload: bytes.subarray(at + headerSize, at + length),
    });
    at += align4(length);
  }
  return messages;
}

/**
 * Attributes by type without flag bits; of a repeated one the last counts.
 * @throws PodError Internal when a length points beyond the end.
 */
export function decodeAttributes(bytes: Buffer): ReadonlyMap<number, Buffer> {
  const attributes = new Map<number, Buffer>();
  for (let at = 0; at < bytes.length; ) {
    if (bytes.length - at < attributeHeaderSize) throw damaged("an attribute header is cut off");
    const length = bytes.readUInt16LE(at);
    if (length < attributeHeaderSize || length > bytes.length - at) {
      throw damaged(`an attribute of ${length} bytes does not fit`);
    }
    const type = bytes.readUInt16LE(at + 2) & attributeTypeMask;
    attributes.set(type, bytes.subarray(at + attributeHeaderSize, at + length));
    at += align4(length);
  }
  return attributes;
}

/** The NUL-terminated string of an attribute; undefined stays undefined. */
export function textOf(payload: Buffer | undefined): string | undefined {
  if (payload === undefined) return undefined;
  const end = payload.indexOf(0);
  return payload.toString("utf8", 0, end < 0 ? payload.length : end);
}

/** A 32-bit attribute. @throws PodError Internal when it is shorter. */
export function u32Of(payload: Buffer | undefined): number | undefined {
  if (payload === undefined) return undefined;
  if (payload.length < 4) throw damaged("a 32-bit attribute is cut off");
  return payload.readUInt32LE(0);
}

/** Adds a netlink socket of the namespace that the program runs in; the caller closes it. */
export function openNetlink(program: Program, protocol: number = K.NETLINK_ROUTE): Register {
  // Every supported machine is little endian (x86_64, aarch64); the encoder relies on it.
  if (endianness() !== "LE") throw new PodError("Unimplemented", "nspod needs a little-endian CPU");
  return program.open("socket", [K.AF_NETLINK, K.SOCK_RAW | K.SOCK_CLOEXEC, protocol]);
}

/** Adds the sending of a message, its registers filled in. */
function compileSend(
  program: Program,
  fd: Operand,
  message: NetlinkMessage,
  flags: number,
  sequence: number = program.operations.length + 1,
): void {
  const { bytes, slots } = encodeMessage(message, sequence, flags);
  const pointer = program.bytes(bytes, `{${message.text}}`);
  for (const { offset, from } of slots) program.store(pointer, offset, from);
  program.call("sendto", [fd, pointer, bytes.length, 0, 0, 0]);
}

/**
 * Adds a request and the check of its acknowledgement. Several may follow each other in one
 * program; a failed one ends the program with the errno that the kernel answered.
 * @param options - `tolerate`: errno names that are no failure (EEXIST for "ensure").
 */
export function compileRequest(
  program: Program,
  fd: Operand,
  message: NetlinkMessage,
  options: { readonly tolerate?: readonly ErrnoName[] } = {},
): PoolPointer {
  compileSend(program, fd, message, message.flags | K.NLM_F_ACK);
  // Filled with ones: an answer that never came reads as a failure, not as 0.
  const reply = program.bytes(Buffer.alloc(256, 0xff), "<acknowledgement>");
  program.call("recvfrom", [fd, reply, reply.length, K.MSG_DONTWAIT, 0, 0]);
  program.expectZero(reply, headerSize, options);
  return reply;
}

/** Adds a request whose single answer is a message; returns where it lies, header included. */
export function compileQuery(
  program: Program,
  fd: Operand,
  message: NetlinkMessage,
  size = 64,
): PoolPointer {
  compileSend(program, fd, message, message.flags);
  const reply = program.buffer(size);
  // A longer answer is cut: the caller asks for as much as it reads.
  program.call("recvfrom", [fd, reply, size, K.MSG_DONTWAIT, 0, 0]);
  return reply;
}

/** Removes an answer that a killed program left unread; costs one system call. */
export function compileDrain(program: Program, fd: Operand): void {
  const rest = program.buffer(16);
  program.call("recvfrom", [fd, rest, rest.length, K.MSG_DONTWAIT, 0, 0], {
    tolerate: ["EAGAIN"],
  });
}

/** The kernel's own explanation in a refusal (NETLINK_EXT_ACK), or "". */
export function explanationOf(acknowledgement: Buffer): string {
  const length = Math.min(acknowledgement.readUInt32LE(0), acknowledgement.length);
  const flags = acknowledgement.readUInt16LE(6);
  if ((flags & K.NLM_F_ACK_TLVS) === 0 || (flags & K.NLM_F_CAPPED) === 0) return "";
  const attributes = decodeAttributes(
    acknowledgement.subarray(headerSize + 4 + headerSize, length),
  );
  return textOf(attributes.get(K.NLMSGERR_ATTR_MSG)) ?? "";
}

function refusal(
  action: string,
  message: NetlinkMessage,
  errno: number,
  acknowledgement?: Buffer,
): SyscallError {
  const { kind, errno: name } = syscallError(action, new Program(action), {
    failedOperation: -1,
    errno,
  });
  const why =
    (acknowledgement === undefined ? "" : explanationOf(acknowledgement)) || errnoMeaning(name);
  const words = `${action}: the kernel refused ${message.text} with ${name}`;
  return new SyscallError(kind, why === "" ? words : `${words} (${why})`, {
    syscall: "netlink",
    errno: name,
    operation: -1,
    origin: message.text,
  });
}

/** A netlink socket of this process's own network namespace. */
export class NetlinkSocket implements Disposable {
  readonly fd: number;
  // Far from the numbers that requests inside of programs have.
  #sequence = 0x1000_0000;

  /** @param protocol - NETLINK_ROUTE or another of the NETLINK_* protocols. */
  constructor(protocol: number = K.NETLINK_ROUTE) {
    const program = new Program("netlink socket");
    const fd = openNetlink(program, protocol);
    const on = program.bytes(Buffer.from([1, 0, 0, 0]), "<1>");
    for (const option of [K.NETLINK_EXT_ACK, K.NETLINK_CAP_ACK]) {
      program.call("setsockopt", [fd, K.SOL_NETLINK, option, on, 4]);
    }
    this.fd = Number(run("Cannot open a netlink socket", program).registers[fd.number]);
  }

  /**
   * Sends a request and checks its acknowledgement.
   * @throws SyscallError with the kernel's explanation.
   */
  request(
    action: string,
    message: NetlinkMessage,
    options: { readonly tolerate?: readonly ErrnoName[] } = {},
  ): void {
    const program = new Program(action).from(message.text);
    compileDrain(program, this.fd);
    const reply = compileRequest(program, this.fd, message, options);
    const done = tryRun(program);
    if (done.errno === 0) return;
    const error = syscallError(action, program, done);
    if (error.syscall !== "EXPECT0") throw error;
    throw refusal(action, message, done.errno, program.bytesOf(done.encoded, reply));
  }

  /**
   * Sends a request and returns its answers: one message, or all of a dump (NLM_F_DUMP).
   * @throws SyscallError when the kernel refuses; NotFound for an object that does not exist.
   */
  query(action: string, message: NetlinkMessage): NetlinkReply[] {
    for (let attempt = 1; ; attempt++) {
      const replies = this.#queryOnce(action, message);
      // What changes during a dump can be missing in it: ask again, as often as is sensible.
      const isTorn = replies.some(({ flags }) => (flags & K.NLM_F_DUMP_INTR) !== 0);
      if (!isTorn || attempt === maxDumpAttempts) return replies;
    }
  }

  #queryOnce(action: string, message: NetlinkMessage): NetlinkReply[] {
    this.#sequence += 1;
    const isDump = (message.flags & K.NLM_F_DUMP) === K.NLM_F_DUMP;
    const size = isDump ? dumpSize : objectSize;
    const first = new Program(action).from(message.text);
    compileSend(first, this.fd, message, message.flags, this.#sequence);
    const replies: NetlinkReply[] = [];
    for (let program = first; ; program = new Program(action).from(message.text)) {
      for (const reply of decodeMessages(this.#receive(action, program, size))) {
        // The rest of a dump that was given up, or what a killed program left unread.
        if (reply.sequence !== this.#sequence) continue;
        if (reply.type === K.NLMSG_DONE) return replies;
        if (reply.type === K.NLMSG_ERROR) {
          const errno = reply.payload.length < 4 ? 0 : -reply.payload.readInt32LE(0);
          if (errno === 0) return replies;
          throw refusal(action, message, errno);
        }
        replies.push(reply);
        if (!isDump) return replies;
      }
    }
  }

  /** Runs a program and then receives. */
  #receive(action: string, program: Program, size: number): Buffer {
    const reply = program.buffer(size);
    const length = program.allocate();
    program.call("recvfrom", [this.fd, reply, size, K.MSG_DONTWAIT, 0, 0], { into: length });
    const done = run(action, program);
    const bytes = program.bytesOf(done.encoded, reply);
    return bytes.subarray(0, Number(done.registers[length.number] ?? 0n));
  }

  [Symbol.dispose](): void {
    run("Cannot close a netlink socket", new Program("close").call("close", [this.fd]));
  }
}

let routeSocket: NetlinkSocket | undefined;

/**
 * The process's NETLINK_ROUTE socket in its own (the host's) network namespace, open for as long
 * as the process lives, for requests of the main thread.
 */
export function netlinkSocket(): NetlinkSocket {
  routeSocket ??= new NetlinkSocket();
  return routeSocket;
}

const idleSockets: NetlinkSocket[] = [];

/**
 * Lends a NETLINK_ROUTE socket of this process's network namespace to work that other work may
 * overlap with: two programs on one socket would read each other's answers.
 */
export async function withNetlinkSocket<T>(work: (fd: number) => Promise<T>): Promise<T> {
  const socket = idleSockets.pop() ?? new NetlinkSocket();
  try {
    return await work(socket.fd);
  } finally {
    idleSockets.push(socket);
  }
}
