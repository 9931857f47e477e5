/**
 * Asks the host's name servers for names that are not the cluster's. Each question gets a socket of its own, so a
 * random port besides a random id (RFC 5452); servers are asked one after the other.
 */
import { randomInt } from "node:crypto";
import { createSocket } from "node:dgram";
import { connect } from "node:net";

export interface ForwarderOptions {
  /** Addresses of name servers, read for each question: the host may have moved to another network. */
  readonly servers: () => readonly string[];
  /** Where they listen; 53. */
  readonly port?: number;
  /** How long one server may take. */
  readonly patienceMs?: number;
}

/** So many questions may be out at once: whoever asks more hears of a failure. */
const mostQuestions = 512;
/** A message has a length of 16 bits. */
const headerBytes = 12;

export class Forwarder {
  readonly #options: ForwarderOptions;
  #open = 0;

  constructor(options: ForwarderOptions) {
    this.#options = options;
  }

  /**
   * The first answer that a server gives.
   * @param query - a whole message; its id is replaced by one that nobody can guess and comes back in the answer.
   * @returns undefined when nobody answers.
   */
  async ask(query: Buffer, isStream: boolean): Promise<Buffer | undefined> {
    if (this.#open >= mostQuestions || query.length < headerBytes) return undefined;
    this.#open++;
    try {
      const { servers, port = 53, patienceMs = 2000 } = this.#options;
      for (const server of servers()) {
        const own = Buffer.from(query);
        own.writeUInt16BE(randomInt(0x10000), 0);
        const once = isStream ? askByStream : askByDatagram;
        const answer = await once({ query: own, server, port, patienceMs });
        if (answer === undefined) continue;
        const mine = Buffer.from(answer);
        query.copy(mine, 0, 0, 2);
        return mine;
      }
      return undefined;
    } finally {
      this.#open--;
    }
  }
}

interface Attempt {
  readonly query: Buffer;
  readonly server: string;
  readonly port: number;
  readonly patienceMs: number;
}

function askByDatagram({ query, server, port, patienceMs }: Attempt): Promise<Buffer | undefined> {
  const { promise, resolve } = Promise.withResolvers<Buffer | undefined>();
  const socket = createSocket(server.includes(":") ? "udp6" : "udp4");
  const timer = setTimeout(() => resolve(undefined), patienceMs);
  socket.on("message", (answer) => {
    if (isAnswerTo(query, answer)) resolve(answer);
  });
  // Refused, or no way there: the next server is asked.
  socket.on("error", () => resolve(undefined));
  // Connected: the kernel takes packets of this server only and tells of refusals.
  socket.connect(port, server, () => socket.send(query));
  return promise.finally(() => {
    clearTimeout(timer);
    socket.close();
  });
}

function askByStream({ query, server, port, patienceMs }: Attempt): Promise<Buffer | undefined> {
  const { promise, resolve } = Promise.withResolvers<Buffer | undefined>();
  const socket = connect({ host: server, port });
  const timer = setTimeout(() => resolve(undefined), patienceMs);
  const split = new MessageSplitter();
  socket.on("connect", () => socket.write(framed(query)));
  socket.on("data", (chunk) => {
    for (const answer of split.push(chunk)) if (isAnswerTo(query, answer)) resolve(answer);
  });
  socket.on("error", () => resolve(undefined));
  socket.on("close", () => resolve(undefined));
  return promise.finally(() => {
    clearTimeout(timer);
    socket.destroy();
  });
}

/** An answer with our id. */
function isAnswerTo(query: Buffer, answer: Buffer): boolean {
  const isAnswer = answer.length >= headerBytes && (answer.readUInt8(2) & 0x80) !== 0;
  return isAnswer && answer.readUInt16BE(0) === query.readUInt16BE(0);
}

/** A message with its length, as it goes over TCP (RFC 1035, 4.2.2). */
export function framed(message: Buffer): Buffer {
  const length = Buffer.alloc(2);
  length.writeUInt16BE(message.length, 0);
  return Buffer.concat([length, message]);
}

/** Cuts a stream into messages. */
export class MessageSplitter {
  #rest: Buffer = Buffer.alloc(0);

  /** The messages that are whole by now. */
  push(chunk: Buffer): readonly Buffer[] {
    this.#rest = Buffer.concat([this.#rest, chunk]);
    const messages: Buffer[] = [];
    while (this.#rest.length >= 2) {
      const end = 2 + this.#rest.readUInt16BE(0);
      if (this.#rest.length < end) break;
      messages.push(Buffer.from(this.#rest.subarray(2, end)));
      this.#rest = this.#rest.subarray(end);
    }
    return messages;
  }
}
