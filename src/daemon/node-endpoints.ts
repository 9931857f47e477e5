/**
 * The endpoints of other nodes: logs, sessions, files and usage of the pods that they run. The far end must show the
 * certificate of its node; where it is reached, its Node says.
 * Source: Kubernetes, "Communication between Nodes and the Control Plane", API server to kubelet.
 */
import { type RequestOptions, request } from "node:https";
import { join } from "node:path";
import type { Duplex } from "node:stream";
import { checkServerIdentity, type PeerCertificate } from "node:tls";
import { statusError } from "../agent/kubernetes-client.ts";
import type { AttachOptions, ExecOptions, PodLogOptions, Session } from "../apiserver/backend.ts";
import { readPair } from "../apiserver/pki-files.ts";
import { nodeUserPrefix, pkiFolder } from "../apiserver/pki-names.ts";
import { messageOf, PodError } from "../base/errors.ts";
import { formatQuery, type Query } from "../base/format-query.ts";
import type { CopyWork } from "../pod/copy-session.ts";
import type { MachineUsage, PodUsage } from "../pod/pod-meter.ts";
import type { Node } from "../spec/kubernetes.gen.ts";
import type { Pod } from "../spec/pod.ts";
import { connectionOf, sessionOf } from "./node-session.ts";
import { openSocket } from "./open-socket.ts";

export interface NodeEndpointsOptions {
  /** The instance's data root, where its certificates are. */
  readonly root: string;
  readonly node: (name: string) => Node | undefined;
}

/** A node that does not answer is gone; logs may be silent for as long as they like. */
const answerMs = 10_000;

export class NodeEndpoints {
  readonly #options: NodeEndpointsOptions;

  constructor(options: NodeEndpointsOptions) {
    this.#options = options;
  }

  async *logs(pod: Pod, options: PodLogOptions): AsyncGenerator<Uint8Array, void, void> {
    const { container, sinceMs, signal, tailLines, limitBytes } = options;
    const { follow, previous, timestamps } = options;
    const sinceTime = sinceMs === undefined ? undefined : new Date(sinceMs).toISOString();
    const query = { follow, previous, timestamps, tailLines, limitBytes, sinceTime };
    const path = `/containerLogs/${place(pod)}/${container}`;
    for await (const chunk of await this.#get(nodeOf(pod), path, query, signal)) {
      yield chunk as Uint8Array;
    }
  }

  async exec(pod: Pod, options: ExecOptions): Promise<Session> {
    const query = { ...streamsOf(options), command: options.command };
    return await this.#open(pod, `/exec/${place(pod)}/${options.container}`, query);
  }

  async attach(pod: Pod, options: AttachOptions): Promise<Session> {
    const path = `/attach/${place(pod)}/${options.container}`;
    return await this.#open(pod, path, streamsOf(options));
  }

  async copy(pod: Pod, container: string, work: CopyWork): Promise<Session> {
    const query =
      work.direction === "from"
        ? { from: work.path }
        : { to: work.path, name: work.name, owners: work.owners };
    return await this.#open(pod, `/nspod/v1/copy/${place(pod)}/${container}`, query);
  }

  async connectPort(pod: Pod, port: number): Promise<Duplex> {
    return connectionOf(await this.#open(pod, `/portForward/${place(pod)}`, { port }));
  }

  /** @throws PodError Unavailable when the node does not answer. */
  async usage(
    node: string,
  ): Promise<{ readonly machine: MachineUsage; readonly pods: readonly PodUsage[] }> {
    const signal = AbortSignal.timeout(answerMs);
    const chunks: Buffer[] = [];
    for await (const chunk of await this.#get(node, "/nspod/v1/usage", {}, signal)) {
      chunks.push(chunk as Buffer);
    }
    // The same program is at the other end.
    return JSON.parse(Buffer.concat(chunks).toString());
  }

  async #get(node: string, path: string, query: Query, signal: AbortSignal) {
    const { promise, resolve, reject } =
      Promise.withResolvers<import("node:http").IncomingMessage>();
    const options = { ...this.#peer(node), path: path + formatQuery(query), signal };
    const asked = request(options, resolve).once("error", reject);
    asked.setTimeout(answerMs, () => asked.destroy(new Error("it does not answer")));
    asked.end();
    try {
      const response = await promise;
      asked.setTimeout(0);
      if (response.statusCode === 200) return response;
      const chunks: Buffer[] = [];
      for await (const chunk of response) chunks.push(chunk as Buffer);
      throw statusError(Buffer.concat(chunks).toString(), response.statusCode ?? 500);
    } catch (error) {
      throw unreachable(node, error);
    }
  }

  async #open(pod: Pod, path: string, query: Query): Promise<Session> {
    const node = nodeOf(pod);
    const { host, port, ...identity } = this.#peer(node);
    const url = `wss://${host}:${port}${path}${formatQuery(query)}`;
    const options = { ...identity, handshakeTimeout: answerMs };
    try {
      return sessionOf(await openSocket(url, options, statusError));
    } catch (error) {
      throw unreachable(node, error);
    }
  }

  /** Where a node is, and by what both ends know each other. */
  #peer(name: string): RequestOptions & { readonly host: string; readonly port: number } {
    const node = this.#options.node(name);
    const host = node?.status?.addresses?.find(({ type }) => type === "InternalIP")?.address;
    const port = node?.status?.daemonEndpoints?.kubeletEndpoint?.Port;
    const folder = join(this.#options.root, pkiFolder);
    const [authority, admin] = [readPair(folder, "ca"), readPair(folder, "admin")];
    if (!host || !port || authority === undefined || admin === undefined) {
      throw new PodError("Unavailable", `node "${name}" does not say where it is reached`);
    }
    return {
      host,
      port,
      ca: authority.certificate,
      cert: admin.certificate,
      key: admin.key,
      // Addresses change, and who signs is ours alone.
      checkServerIdentity: (_: string, certificate: PeerCertificate) =>
        certificate.subject.CN === `${nodeUserPrefix}${name}`
          ? undefined
          : checkServerIdentity(name, certificate),
    };
  }
}

function nodeOf({ spec }: Pod): string {
  return spec.nodeName ?? "";
}

function place({ metadata }: Pod): string {
  return `${metadata.namespace}/${metadata.name}`;
}

/** In the words of the kubelet. */
function streamsOf({ stdin, stdout, stderr, tty }: AttachOptions): Query {
  return { input: stdin, output: stdout, error: stderr, tty };
}

function unreachable(node: string, error: unknown): PodError {
  if (error instanceof PodError) return error;
  const message = `Cannot reach node "${node}": ${messageOf(error)}`;
  return new PodError("Unavailable", message, { cause: error });
}
