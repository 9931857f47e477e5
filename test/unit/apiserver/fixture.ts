// An API server on a socket in a temporary folder, a backend that only remembers, and a client
// that shows raw answers.
import { mkdtempSync, rmSync } from "node:fs";
import { type IncomingMessage, type OutgoingHttpHeaders, request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Duplex, PassThrough, Readable } from "node:stream";
import type {
  AttachOptions,
  Backend,
  ExecOptions,
  Images,
  PodLogOptions,
  Session,
} from "../../../src/apiserver/backend.ts";
import { ApiServer } from "../../../src/apiserver/server.ts";
import { systemClock } from "../../../src/base/clock.ts";
import { PodError } from "../../../src/base/errors.ts";
import type { Digest } from "../../../src/base/ids.ts";
import { createLogger } from "../../../src/base/log.ts";
import { ensureFirstObjects } from "../../../src/controller/first-objects.ts";
import type { ImageSource } from "../../../src/image/store-types.ts";
import type { CopyWork } from "../../../src/pod/copy-session.ts";
import type { PodFacts } from "../../../src/pod/pod-facts.ts";
import type { MachineUsage, PodUsage } from "../../../src/pod/pod-meter.ts";
import type { DeletionWish } from "../../../src/spec/deletion.ts";
import type { Pod } from "../../../src/spec/pod.ts";
import type { KubernetesObject } from "../../../src/spec/resources.ts";
import { type Deletion, deleteObject, finishDeletion } from "../../../src/store/delete-object.ts";
import { Store } from "../../../src/store/store.ts";
import { ServiceAccountTokens } from "../../../src/volume/service-account-tokens.ts";

const digest = `sha256:${"0".repeat(64)}` as Digest;
const fast = { durable: false };

export class FakeBackend implements Backend {
  readonly store: Store;
  readonly nodeName = "n1";
  readonly images: Images;
  readonly mountsTokens = false;
  readonly tokens: ServiceAccountTokens;
  readonly calls: unknown[] = [];
  /** What `logs()` gives. */
  log: (options: PodLogOptions) => AsyncIterable<Uint8Array> = () => Readable.from([]);
  /** The far end of a connection that is made to a port. */
  port: () => Promise<Duplex> = () => Promise.reject(new Error("no port"));
  session: () => Promise<Session> = () =>
    Promise.reject(new PodError("FailedPrecondition", "Container is not running"));
  failCreate: PodError | undefined;

  constructor(store: Store, folder: string) {
    this.store = store;
    this.tokens = new ServiceAccountTokens(join(folder, "service-account.key"));
    this.images = this.#images();
  }

  async createObject<T extends KubernetesObject>(object: T): Promise<T> {
    if (this.failCreate) throw this.failCreate;
    return this.store.create(object, fast);
  }

  async replaceObject<T extends KubernetesObject>(object: T): Promise<T> {
    return finishDeletion(this.store, this.store.update(object, fast)).object;
  }

  async deleteObject<T extends KubernetesObject>(
    object: T,
    wish: Omit<DeletionWish, "nowMs">,
  ): Promise<Deletion<T>> {
    const { namespace, name } = object.metadata;
    this.calls.push(["deleteObject", object.kind, namespace, name, wish]);
    const deletion = deleteObject<T>(this.store, object, { ...wish, nowMs: 0 });
    if (deletion === undefined) throw new PodError("NotFound", "it is gone");
    return deletion;
  }

  logs(_: Pod, options: PodLogOptions): AsyncIterable<Uint8Array> {
    this.calls.push(["logs", options]);
    return this.log(options);
  }

  exec(_: Pod, options: ExecOptions): Promise<Session> {
    this.calls.push(["exec", options]);
    return this.session();
  }

  usageOfPods(): Promise<readonly PodUsage[]> {
    return Promise.resolve([]);
  }

  usageOfMachines(): Promise<readonly MachineUsage[]> {
    const cpu = { windowMs: 500, cpuMillis: 250, cpuMicroseconds: 1 };
    const usage = { ...cpu, memoryBytes: 4096, availableBytes: 1024 };
    return Promise.resolve([{ name: "n1", timeMs: 0, ...usage }]);
  }

  copy(_: Pod, container: string, work: CopyWork): Promise<Session> {
    this.calls.push(["copy", container, work]);
    return this.session();
  }

  connectPort(_: Pod, port: number): Promise<Duplex> {
    this.calls.push(["connectPort", port]);
    return this.port();
  }

  attach(_: Pod, options: AttachOptions): Promise<Session> {
    this.calls.push(["attach", options]);
    return this.session();
  }

  facts(pod: Pod): PodFacts {
    this.calls.push(["facts", pod.metadata.name]);
    return { containers: {} };
  }

  async explain(pod: Pod): Promise<string> {
    return `program of ${pod.metadata.name}\n`;
  }

  async info(): Promise<never> {
    throw new Error("info() broke");
  }

  async prune(): Promise<{ pods: string[]; images: never }> {
    return { pods: ["default/a"], images: {} as never };
  }

  async reset(): Promise<void> {
    this.calls.push(["reset"]);
  }

  imagesInUse(): ReadonlySet<Digest> {
    return new Set([digest]);
  }

  #images(): Images {
    const remember = (...call: readonly unknown[]) => void this.calls.push(call);
    const load = async (source: ImageSource): Promise<never[]> => {
      if ("path" in source) remember("load", source.path);
      else {
        let size = 0;
        for await (const chunk of source.stream) {
          size += (chunk as Buffer).length;
          if (size > 1_000_000) throw new PodError("InvalidArgument", "The archive is damaged");
        }
        remember("load", size);
      }
      return [];
    };
    return {
      list: () => [],
      find: () => undefined,
      load: async (source, options) => {
        options.onProgress?.({ stage: "reading", doneBytes: 1, doneLayers: 0, totalLayers: 1 });
        return await load(source);
      },
      importRootfs: async (source, { reference }) => {
        remember("import", reference);
        await load(source);
        return { image: {} as never, moved: [], existed: false, warnings: [] };
      },
      tag: (source, target) => remember("tag", source, target),
      remove: (reference, { force, inUse }) => {
        remember("remove", reference, force, [...inUse]);
        return { untagged: [reference], deleted: [] };
      },
      prune: ({ all }) => ({ untagged: [], deleted: all ? [digest] : [], freedBytes: 0 }),
      save: (names, format) => {
        if (names.includes("missing")) {
          return new Readable({
            read() {
              this.destroy(new PodError("NotFound", 'Image "missing" does not exist'));
            },
          });
        }
        return Readable.from([Buffer.from(`${format}:${names.join("+")}`)]);
      },
    };
  }
}

export interface Answer {
  readonly code: number;
  readonly headers: IncomingMessage["headers"];
  readonly text: string;
  // biome-ignore lint/suspicious/noExplicitAny: tests look into whatever comes back
  readonly json: any;
}

export interface Call {
  readonly body?: unknown;
  /** Sent as it is. */
  readonly raw?: string | Buffer | Readable;
  readonly headers?: OutgoingHttpHeaders;
}

export class Fixture {
  readonly folder: string = mkdtempSync(join(tmpdir(), "nspod-api-"));
  readonly socketPath: string = join(this.folder, "api.sock");
  readonly store: Store = Store.open(join(this.folder, "nspod.db"));
  readonly backend: FakeBackend = new FakeBackend(this.store, this.folder);
  readonly server: ApiServer;
  resets = 0;
  /** What is due in 2 s or more waits here: it happens when a test says so. */
  readonly timers: (() => void)[] = [];
  readonly connectionCounts: number[] = [];

  constructor() {
    this.server = new ApiServer({
      backend: this.backend,
      logger: createLogger("silent"),
      version: "1.2.3",
      clock: {
        ...systemClock,
        after: (delayMs, run) => {
          if (delayMs < 2000) return systemClock.after(delayMs, run);
          this.timers.push(run);
          return () => void this.timers.splice(this.timers.indexOf(run), 1);
        },
      },
      onReset: () => {
        this.resets++;
      },
      onConnections: (open) => this.connectionCounts.push(open),
    });
  }

  async start(): Promise<this> {
    ensureFirstObjects(this.store, 0);
    await this.server.listen(this.socketPath);
    return this;
  }

  async stop(): Promise<void> {
    await this.server.close();
    this.store.close();
    rmSync(this.folder, { recursive: true, force: true });
  }

  /** Sends a request and gives the answer as soon as its header is there. */
  open(method: string, path: string, call: Call = {}): Promise<IncomingMessage> {
    const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
    const json = call.body === undefined ? undefined : JSON.stringify(call.body);
    const headers = {
      ...(json !== undefined && {
        "content-type": "application/json",
        "content-length": Buffer.byteLength(json),
      }),
      ...call.headers,
    };
    const outgoing = request(
      { socketPath: this.socketPath, method, path, headers, agent: false },
      resolve,
    );
    outgoing.on("error", reject);
    if (call.raw instanceof Readable) call.raw.pipe(outgoing);
    else outgoing.end(call.raw ?? json);
    return promise;
  }

  async call(method: string, path: string, call: Call = {}): Promise<Answer> {
    const response = await this.open(method, path, call);
    const chunks: Buffer[] = [];
    for await (const chunk of response) chunks.push(chunk as Buffer);
    const text = Buffer.concat(chunks).toString();
    const isJson = response.headers["content-type"] === "application/json";
    const json = isJson ? JSON.parse(text) : undefined;
    return { code: response.statusCode ?? 0, headers: response.headers, text, json };
  }
}

export function podBody(name: string, more: Record<string, unknown> = {}): Record<string, unknown> {
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name, ...more },
    spec: { containers: [{ name: "main", image: "busybox" }] },
  };
}

/** A pod that is in the store already. */
export function storedPod(
  name: string,
  more: Partial<Pod["metadata"]> = {},
  phase = "Running",
): Pod {
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name, namespace: "default", uid: `uid-${name}`, ...more },
    spec: { nodeName: "n1", containers: [{ name: "main", image: "busybox" }] },
    status: { phase: phase as "Running" },
  };
}

/** A session in the hands of a test. */
export function fakeSession(): Session & {
  readonly stdin: PassThrough;
  readonly stdout: PassThrough;
  readonly stderr: PassThrough;
  readonly sizes: string[];
  closed: number;
  readonly finish: (exitCode: number, signal?: number) => void;
} {
  const { promise, resolve } = Promise.withResolvers<{ exitCode: number; signal: number }>();
  const streams = {
    stdin: new PassThrough(),
    stdout: new PassThrough(),
    stderr: new PassThrough(),
  };
  return {
    ...streams,
    sizes: [],
    closed: 0,
    exit: promise,
    resize(columns, rows) {
      this.sizes.push(`${columns}x${rows}`);
    },
    finish(exitCode, signal = 0) {
      streams.stdout.end();
      streams.stderr.end();
      resolve({ exitCode, signal });
    },
    close() {
      this.closed++;
      for (const stream of Object.values(streams)) stream.destroy();
    },
  };
}
