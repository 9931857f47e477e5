/**
 * What the HTTP door needs from the rest of nspod; the daemon wires engine, agent and images to it.
 * The door decodes, defaults, validates and answers; a backend decides and acts. Its errors are
 * PodErrors and become Kubernetes Status objects.
 */
import type { Duplex, Readable, Writable } from "node:stream";
import type { Digest } from "../base/ids.ts";
import type { Instance } from "../base/instance.ts";
import type {
  PruneReport as ImagePruneReport,
  ImageSource,
  ImportRootfsOptions,
  LoadedImage,
  LoadOptions,
  RemovedReport,
  StoredImage,
} from "../image/store-types.ts";
import type { CopyWork } from "../pod/copy-session.ts";
import type { PodFacts } from "../pod/pod-facts.ts";
import type { MachineUsage, PodUsage } from "../pod/pod-meter.ts";
import type { DeletionWish } from "../spec/deletion.ts";
import type { Pod } from "../spec/pod.ts";
import type { KubernetesObject } from "../spec/resources.ts";
import type { Deletion } from "../store/delete-object.ts";
import type { Store } from "../store/store.ts";
import type { ServiceAccountTokens } from "../volume/service-account-tokens.ts";

export interface Backend {
  readonly store: Store;
  /** Name of the node whose agent works in this process. */
  readonly nodeName: string;
  readonly images: Images;
  /** Whether pods can reach the API, and get a token for it. */
  readonly mountsTokens: boolean;
  /** Of service accounts: issued to who may have them, and read. */
  readonly tokens: Pick<ServiceAccountTokens, "issue" | "read">;
  /**
   * Stores a new object; who cares for its kind hears of it.
   * @param object - defaulted and valid, with name, namespace, uid and creationTimestamp.
   * @param receivedMs - when the request came in, of performance.now().
   * @throws PodError AlreadyExists.
   */
  createObject<T extends KubernetesObject>(object: T, receivedMs?: number): Promise<T>;
  /**
   * Replaces an object that exists, or ends its deletion when that waited for this change.
   * @param object - valid; its metadata.resourceVersion and uid are those of the stored one.
   * @throws PodError Conflict when it changed in the meantime.
   */
  replaceObject<T extends KubernetesObject>(object: T): Promise<T>;
  /** Begins the deletion of this incarnation of an object. @throws PodError NotFound. */
  deleteObject<T extends KubernetesObject>(
    object: T,
    wish: Omit<DeletionWish, "nowMs">,
  ): Promise<Deletion<T>>;
  /** The log of one container as bytes; an error before the first chunk becomes the answer. */
  logs(pod: Pod, options: PodLogOptions): AsyncIterable<Uint8Array>;
  exec(pod: Pod, options: ExecOptions): Promise<Session>;
  attach(pod: Pod, options: AttachOptions): Promise<Session>;
  /** What running pods use now. */
  usageOfPods(pods: readonly Pod[]): Promise<readonly PodUsage[]>;
  /** Of the nodes that answer, our own first. */
  usageOfMachines(): Promise<readonly MachineUsage[]>;
  /** Copies files out of or into a container: a tar stream on stdout or from stdin. */
  copy(pod: Pod, container: string, work: CopyWork): Promise<Session>;
  /** A connection to a port that somebody in the pod listens on; each half ends alone. */
  connectPort(pod: Pod, port: number): Promise<Duplex>;
  /** What the engine knows of a pod beyond its status. */
  facts(pod: Pod): PodFacts;
  /** The programs that would run this pod, for humans. The pod is defaulted and valid. */
  explain(pod: Pod): Promise<string>;
  info(): Promise<SystemInfo>;
  /** Removes pods that are finished and images without a name that nobody uses. */
  prune(): Promise<PruneReport>;
  /** Stops everything and removes all state; the daemon ends afterwards. */
  reset(): Promise<void>;
  /** IDs of images that pods use. */
  imagesInUse(): ReadonlySet<Digest>;
}

/** What the admission of a new object asks. */
export type Admission = Pick<Backend, "store" | "mountsTokens">;

/** The image store as the door sees it. */
export interface Images {
  list(): readonly StoredImage[];
  find(reference: string): StoredImage | undefined;
  load(source: ImageSource, options: LoadOptions): Promise<readonly LoadedImage[]>;
  importRootfs(source: ImageSource, options: ImportRootfsOptions): Promise<LoadedImage>;
  tag(source: string, target: string): void | Promise<void>;
  remove(
    reference: string,
    options: { readonly force: boolean; readonly inUse: ReadonlySet<Digest> },
  ): RemovedReport | Promise<RemovedReport>;
  prune(options: {
    readonly all: boolean;
    readonly inUse: ReadonlySet<Digest>;
  }): ImagePruneReport | Promise<ImagePruneReport>;
  save(references: readonly string[], format: SaveFormat): Readable;
}

export type SaveFormat = "oci" | "docker";

export interface PodLogOptions {
  readonly container: string;
  readonly follow: boolean;
  /** The log of the attempt before the current one. */
  readonly previous: boolean;
  /** Only this many lines from the end, 0... */
  readonly tailLines?: number;
  /** Only lines from this wall clock time on, ms since 1970. */
  readonly sinceMs?: number;
  /** Put the time stamp before each line. */
  readonly timestamps: boolean;
  /** End after this many bytes, 1... */
  readonly limitBytes?: number;
  /** The client has gone. */
  readonly signal: AbortSignal;
}

export interface AttachOptions {
  readonly container: string;
  readonly stdin: boolean;
  readonly stdout: boolean;
  readonly stderr: boolean;
  readonly tty: boolean;
  /** The end of stdout is told to the client at once, not with the end of all: a connection is half closed then. */
  readonly tellsEnd?: boolean;
}

export interface ExecOptions extends AttachOptions {
  /** At least one word. */
  readonly command: readonly string[];
}

/** A running exec or attach; src/shim/session.ts makes them. */
export interface Session {
  readonly stdin: Writable;
  readonly stdout: Readable;
  /** Ends without data when there is a terminal. */
  readonly stderr: Readable;
  resize(columns: number, rows: number): void;
  /** Settles when the process has ended; an attach's when its container has. */
  readonly exit: Promise<{ readonly exitCode: number; readonly signal: number }>;
  /** Lets go of everything; harmless after the end. */
  close(): void;
}

export interface SystemInfo {
  readonly version: string;
  readonly pid: number;
  /** RFC 3339. */
  readonly startedAt: string;
  readonly instance: Instance;
  /** `uname -r` and `uname -m`. */
  readonly kernel: string;
  readonly architecture: string;
  readonly processors: number;
  readonly memoryBytes: number;
  /** Cgroup v2 controllers that pods can use. */
  readonly controllers: readonly string[];
  readonly pods: number;
  readonly runningPods: number;
  readonly images: number;
  /** The host's ends of pods' links, by name: the pod's uid, "" while a network made ahead waits for a pod. */
  readonly links: Readonly<Record<string, string>>;
  /** Sentences about what this machine lacks. */
  readonly warnings: readonly string[];
}

export interface PruneReport {
  /** `namespace/name` of removed pods. */
  readonly pods: readonly string[];
  readonly images: ImagePruneReport;
}
