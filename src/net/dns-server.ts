/**
 * The name server of the cluster, on 127.0.0.1: packet rules lead its virtual address here, so nothing of it can be
 * reached from elsewhere (decision 0303). Sockets, and nothing else, are held while nobody asks.
 */
import { createSocket, type Socket as DatagramSocket, type RemoteInfo } from "node:dgram";
import { createServer, type Server, type Socket } from "node:net";
import { hasCode } from "../base/errors.ts";
import { answerInZone, type Zone, type ZoneAnswer, zoneAuthority } from "./cluster-zone.ts";
import { type Forwarder, framed, MessageSplitter } from "./dns-forwarder.ts";
import {
  type Answer,
  codes,
  type DnsRecord,
  decodeAnswers,
  decodeQuestion,
  encodeAnswer,
  encodeFormatError,
  encodeQuery,
  type Question,
  queryId,
  types,
} from "./dns-message.ts";

export interface DnsServerOptions {
  readonly zone: Zone;
  readonly forwarder: Forwarder;
  /** A question could not be answered by our own fault; whoever asked hears of a failure. */
  readonly onError: (error: unknown) => void;
}

const address = "127.0.0.1";
/** A connection that says nothing ends. */
const idleMs = 10_000;
const mostConnections = 256;
const longestByStream = 65_535;
const internet = 1;

export class DnsServer {
  readonly #options: DnsServerOptions;
  readonly #connections = new Set<Socket>();
  #datagrams: DatagramSocket | undefined;
  #streams: Server | undefined;
  #isClosed = false;

  constructor(options: DnsServerOptions) {
    this.#options = options;
  }

  /**
   * Listens by UDP and TCP on one port.
   * @param wanted - the port that packet rules lead to already; another one when somebody has it.
   * @returns the port.
   */
  async listen(wanted = 0): Promise<number> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.#listenOn(attempt === 1 ? wanted : 0);
      } catch (error) {
        this.#stopListening();
        // A port that is free by UDP need not be free by TCP.
        if (attempt === 8 || !hasCode(error, "EADDRINUSE", "EACCES")) throw error;
      }
    }
  }

  close(): void {
    this.#isClosed = true;
    this.#stopListening();
    for (const connection of this.#connections) connection.destroy();
  }

  async #listenOn(wanted: number): Promise<number> {
    const datagrams = createSocket("udp4");
    this.#datagrams = datagrams;
    datagrams.on("message", (message, from) => void this.#onDatagram(message, from));
    await new Promise<void>((resolve, reject) => {
      datagrams.once("error", reject);
      datagrams.bind(wanted, address, resolve);
    });
    // An asker that is gone makes the next read fail; that is its own affair.
    datagrams.removeAllListeners("error").on("error", () => undefined);
    const { port } = datagrams.address();
    const streams = createServer((connection) => this.#onConnection(connection));
    this.#streams = streams;
    streams.maxConnections = mostConnections;
    await new Promise<void>((resolve, reject) => {
      streams.once("error", reject);
      streams.listen(port, address, resolve);
    });
    return port;
  }

  #stopListening(): void {
    this.#datagrams?.close();
    this.#streams?.close();
    this.#datagrams = undefined;
    this.#streams = undefined;
  }

  async #onDatagram(message: Buffer, from: RemoteInfo): Promise<void> {
    const answer = await this.answer(message, false);
    if (answer === undefined || this.#isClosed) return;
    this.#datagrams?.send(answer, from.port, from.address);
  }

  #onConnection(connection: Socket): void {
    this.#connections.add(connection);
    const split = new MessageSplitter();
    connection.setTimeout(idleMs, () => connection.destroy());
    connection.on("close", () => this.#connections.delete(connection));
    // Reset by the asker: "close" follows.
    connection.on("error", () => undefined);
    connection.on("data", (chunk) => {
      for (const message of split.push(chunk)) void this.#onMessage(connection, message);
    });
  }

  async #onMessage(connection: Socket, message: Buffer): Promise<void> {
    const answer = await this.answer(message, true);
    if (answer === undefined) connection.destroy();
    else if (!connection.destroyed) connection.write(framed(answer));
  }

  /** The answer to a message; undefined when none is due. */
  async answer(message: Buffer, isStream: boolean): Promise<Buffer | undefined> {
    const question = decodeQuestion(message);
    if (question === undefined) {
      const id = queryId(message);
      return id === undefined ? undefined : encodeFormatError(id);
    }
    const longest = isStream ? longestByStream : question.longest;
    const reply = (answer: Partial<Answer>): Buffer =>
      encodeAnswer(question, { ...failure, ...answer }, longest);
    if (question.opcode !== 0) return reply({ code: codes.notImplemented });
    if (question.class !== internet) return reply({ code: codes.refused });
    try {
      const answer = await this.#lookUp(question);
      if (answer !== undefined) return reply(answer);
      return (await this.#options.forwarder.ask(message, isStream)) ?? reply({});
    } catch (error) {
      this.#options.onError(error);
      return reply({});
    }
  }

  /** undefined: the name is somebody else's. */
  async #lookUp(question: Question): Promise<Partial<Answer> | undefined> {
    const known = answerInZone(this.#options.zone, question.name, question.type);
    if (known === undefined) return undefined;
    const { code, additional } = known;
    const answers = await this.#withAlias(question, known);
    const authority = answers.length === 0 ? [zoneAuthority()] : [];
    return { code, isAuthoritative: true, answers, authority, additional };
  }

  /** The resolver of a C library follows an alias only as far as the answer goes. */
  async #withAlias(
    { type }: Question,
    { answers, alias }: ZoneAnswer,
  ): Promise<readonly DnsRecord[]> {
    if (alias === undefined || (type !== types.A && type !== types.AAAA)) return answers;
    const reply = await this.#options.forwarder.ask(encodeQuery(0, alias, type), false);
    return [...answers, ...((reply && decodeAnswers(reply)) ?? [])];
  }
}

/** Nobody of those that were asked has answered. */
const failure: Answer = {
  code: codes.serverFailure,
  isAuthoritative: false,
  answers: [],
  authority: [],
  additional: [],
};
