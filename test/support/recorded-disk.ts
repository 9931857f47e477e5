// A disk for a QEMU guest that remembers every write and every flush: a server of the network block device protocol on
// a unix socket, for one client at a time (github.com/NetworkBlockDevice/nbd doc/proto.md, "fixed newstyle").
// Requests are done in the order in which they come, each before its answer: the order of the history is the guest's.
import { createServer, type Server, type Socket } from "node:net";
import type { DiskHistory } from "./disk-history.ts";

const magic = {
  server: Buffer.from("NBDMAGICIHAVEOPT"),
  option: 0x49484156454f5054n,
  optionReply: 0x3e889045565a9n,
  request: 0x25609513,
  reply: 0x67446698,
};
const options = { exportName: 1, abort: 2, go: 7 };
const answers = { done: 1, info: 3, unsupported: 0x8000_0001 };
const commands = { read: 0, write: 1, disconnect: 2, flush: 3 };
/** The server speaks the "fixed" protocol, and leaves out the zeroes behind the size. */
const handshake = 3;
/** There are flags, and a flush means something. */
const transmission = 1 | 4;
const invalid = 22;

export class RecordedDisk implements AsyncDisposable {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  private constructor(server: Server) {
    this.#server = server;
  }

  /** @param size - bytes of the disk. */
  static async listen(path: string, size: number, history: DiskHistory): Promise<RecordedDisk> {
    const server = createServer();
    const disk = new RecordedDisk(server);
    server.on("connection", (socket) => {
      disk.#sockets.add(socket);
      // ECONNRESET: a guest that was killed.
      socket.on("error", () => undefined);
      serve(socket, size, history).catch((error: unknown) => {
        if (!socket.destroyed) console.error(error);
        socket.destroy();
      });
    });
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    server.once("error", reject).listen(path, resolve);
    await promise;
    return disk;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }
}

async function serve(socket: Socket, size: number, history: DiskHistory): Promise<void> {
  const reader = new ByteReader(socket);
  if (!(await negotiate(socket, reader, size))) return;
  for (;;) {
    const head = await reader.take(28);
    if (head === undefined) return;
    if (head.readUInt32BE(0) !== magic.request) throw new Error("No request of a block device");
    const command = head.readUInt16BE(6);
    const offset = Number(head.readBigUInt64BE(16));
    const length = head.readUInt32BE(24);
    const reply = Buffer.alloc(16);
    reply.writeUInt32BE(magic.reply, 0);
    head.copy(reply, 8, 8, 16);
    switch (command) {
      case commands.read:
        socket.write(Buffer.concat([reply, history.read(offset, length)]));
        break;
      case commands.write: {
        const bytes = await reader.take(length);
        if (bytes === undefined) return;
        history.write(offset, bytes);
        socket.write(reply);
        break;
      }
      case commands.flush:
        history.flush();
        socket.write(reply);
        break;
      case commands.disconnect:
        socket.end();
        return;
      default:
        reply.writeUInt32BE(invalid, 4);
        socket.write(reply);
    }
  }
}

/** @returns whether requests follow. */
async function negotiate(socket: Socket, reader: ByteReader, size: number): Promise<boolean> {
  const flags = Buffer.alloc(2);
  flags.writeUInt16BE(handshake);
  socket.write(Buffer.concat([magic.server, flags]));
  if ((await reader.take(4)) === undefined) return false;
  for (;;) {
    const head = await reader.take(16);
    if (head === undefined) return false;
    if (head.readBigUInt64BE(0) !== magic.option) throw new Error("No option of a block device");
    const option = head.readUInt32BE(8);
    await reader.take(head.readUInt32BE(12));
    const answer = (type: number, data: Buffer = Buffer.alloc(0)): void => {
      const reply = Buffer.alloc(20);
      reply.writeBigUInt64BE(magic.optionReply, 0);
      reply.writeUInt32BE(option, 8);
      reply.writeUInt32BE(type, 12);
      reply.writeUInt32BE(data.length, 16);
      socket.write(Buffer.concat([reply, data]));
    };
    const facts = Buffer.alloc(10);
    facts.writeBigUInt64BE(BigInt(size), 0);
    facts.writeUInt16BE(transmission, 8);
    switch (option) {
      case options.go:
        // Type 0 of the information: what the export is.
        answer(answers.info, Buffer.concat([Buffer.alloc(2), facts]));
        answer(answers.done);
        return true;
      case options.exportName:
        socket.write(facts);
        return true;
      case options.abort:
        answer(answers.done);
        return false;
      default:
        answer(answers.unsupported);
    }
  }
}

/** So many bytes of a socket at a time. */
class ByteReader {
  readonly #chunks: AsyncIterator<Buffer>;
  #parts: Buffer[] = [];
  #length = 0;

  constructor(socket: Socket) {
    this.#chunks = socket[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
  }

  /** @returns undefined at the end. */
  async take(length: number): Promise<Buffer | undefined> {
    while (this.#length < length) {
      const next = await this.#chunks.next();
      if (next.done === true) return undefined;
      this.#parts.push(next.value);
      this.#length += next.value.length;
    }
    const all = Buffer.concat(this.#parts);
    this.#parts = [all.subarray(length)];
    this.#length -= length;
    return all.subarray(0, length);
  }
}
