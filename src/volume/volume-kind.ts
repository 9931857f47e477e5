/**
 * What a kind of volume is to the rest of nspod: one row of the table in prepare.ts, one file per kind.
 *
 *   prepare   before the sandbox starts: makes what the volume needs, or fails and is tried again
 *   open      opens what belongs to the host, at the beginning of the program of the sandbox
 *   compile   adds its mounts to that program, in the shim's mount namespace
 *   plan      what prepare would answer, without making or checking anything
 *
 * Nothing is taken down: mounts go with the shim's namespace, files with the pod's folder.
 */
import type { Clock } from "../base/clock.ts";
import type { PersistentVolume } from "../spec/kubernetes.gen.ts";
import type { ObjectReader } from "../spec/object-reader.ts";
import type { Pod, Volume } from "../spec/pod.ts";
import type { PreparedVolume } from "../spec/prepared-volume.ts";
import type { Program, Register } from "../sys/program.ts";
import type { Places } from "./places.ts";
import type { ServiceAccountTokens } from "./service-account-tokens.ts";

export interface ClaimBinder {
  /**
   * The persistent volume of a pod's volume. Makes the claim of an ephemeral volume, and binds or provisions for a
   * claim that has waited for its first consumer, on the node of the pod.
   * @throws PodError FailedPrecondition, `data.reason` FailedScheduling, as long as there is none; `data.phrase` is
   * the scheduler's phrase alone
   */
  volumeOf(pod: Pod, volume: Volume): PersistentVolume;
}

/** The image store as image volumes see it. */
export interface ImageLayers {
  /** By name, id or prefix of an id. */
  find(reference: string): { readonly id: string } | undefined;
  /** Absolute folders, lowest first. */
  layerFolders(image: { readonly id: string }): readonly string[];
}

/** The node as kinds of volumes see it. */
export interface VolumeHost {
  readonly objects: ObjectReader;
  readonly claims: ClaimBinder;
  readonly images: ImageLayers;
  readonly places: Places;
  /** Walks through volumes that are under way. */
  readonly walks: Places;
  /** Of the node: the most that a volume in memory may hold. */
  readonly nodeMemoryBytes: number;
  readonly nodeName: string;
  readonly clock: Clock;
  readonly tokens: Pick<ServiceAccountTokens, "get">;
}

/**
 * Of a pod with users of its own: while `mountThem` adds its operations, the ids in these folders are those of the pod.
 * @param folders - of layers, absolute
 */
export type MapLayers = (
  program: Program,
  folders: readonly string[],
  mountThem: () => void,
) => void;

export interface VolumeRequest {
  readonly pod: Pod;
  readonly volume: Volume;
  /** The field, for listings and sentences: `spec.volumes[2].emptyDir`. */
  readonly origin: string;
  /** `<root>/pods/<uid>/volumes/<name>`; its parent exists and belongs to root alone. */
  readonly folder: string;
  /** Absent: the pod has the host's users. */
  readonly mapLayers?: MapLayers | undefined;
}

export interface VolumeKind {
  /**
   * Makes what the volume needs; repeating it changes nothing.
   * @throws PodError; the message follows `MountVolume.SetUp failed for volume "x" : ` in a FailedMount event, unless
   * `data.reason` names another one. The pod stays in ContainerCreating and this is called again.
   */
  readonly prepare: (
    host: VolumeHost,
    request: VolumeRequest,
  ) => PreparedVolume | Promise<PreparedVolume>;
  readonly plan: (host: VolumeHost, request: VolumeRequest) => PreparedVolume;
  /** Before the mount namespace hears of the host only. The answer is given to `compile`. */
  readonly open?: (program: Program, request: VolumeRequest) => Register | undefined;
  readonly compile?: (
    program: Program,
    host: VolumeHost,
    request: VolumeRequest,
    opened?: Register,
  ) => void;
}
