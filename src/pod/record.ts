/**
 * What the engine knows about a pod beyond its spec: the facts that status is computed from and
 * that a new daemon continues with. Written to the store before the effect it announces.
 *
 *   sandbox   absent → starting → ready → stopping → absent      (lost: the shim died)
 *   attempt   creating → running → exited                        (creating → exited: its program failed)
 */
import type { BackOffState } from "../base/back-off.ts";
import type { ContainerId } from "../base/ids.ts";
import type { PublishedContent } from "../volume/atomic-writer.ts";
import type { Allocation } from "./allocation.ts";

export type SandboxState = "absent" | "starting" | "ready" | "stopping";

export interface SandboxRecord {
  readonly state: SandboxState;
  /** Pid of the shim, 0 while unknown. Only for people and logs: never signalled. */
  readonly shimPid: number;
  readonly startedAtMs: number;
  /** Counts sandboxes of this pod: init containers run again in a new one. */
  readonly generation: number;
}

export type AttemptState = "creating" | "running" | "exited";

/** One run of a container. */
export interface Attempt {
  readonly id: ContainerId;
  /** 0, 1, 2 …: also the name of its folder and log. */
  readonly number: number;
  readonly state: AttemptState;
  /** Generation of the sandbox it ran in. */
  readonly sandbox: number;
  /** The image as the spec named it. */
  readonly image: string;
  /** Config digest of the image. */
  readonly imageId: string;
  readonly pid: number;
  readonly startedAtMs: number;
  readonly finishedAtMs: number;
  readonly exitCode: number;
  readonly signal: number;
  /** Completed, Error, OOMKilled, ContainerCannotRun, StartError, ShimLost … */
  readonly reason: string;
  readonly message: string;
  /** Of one that was killed for its memory: the most that it had, where the kernel tells. */
  readonly memoryPeakBytes?: number;
  /** Name or number of its stop signal; absent is SIGTERM. */
  readonly stopSignal?: string;
  /** The user that its main process runs as. */
  readonly user?: {
    readonly uid: number;
    readonly gid: number;
    readonly supplementalGroups: readonly number[];
  };
}

/**
 * Why a container is ended before it ends by itself:
 *
 *   podEnds             the pod is deleted, evicted, past its deadline, or its last app container ended
 *   definitionChanged   its image was changed: it starts again whatever policy says
 *   resized             its resources were changed and its resizePolicy says so, likewise
 *   allRestart          a rule of a container restarts all of them, likewise
 *   startupProbe, livenessProbe, postStartHook   failed: it starts again unless policy is Never
 */
export type StopCause =
  | "podEnds"
  | "definitionChanged"
  | "resized"
  | "allRestart"
  | "startupProbe"
  | "livenessProbe"
  | "postStartHook";

/**
 *   preStop ─▶ turn ─▶ signalled ─▶ killed
 *   the hook   others  stop signal  SIGKILL
 *   runs       first   was sent     was sent
 */
export type StopPhase = "preStop" | "turn" | "signalled" | "killed";

/** The end that was asked of the current attempt; kept until the next one. */
export interface ContainerStop {
  readonly cause: StopCause;
  readonly phase: StopPhase;
  /** When the grace period began. */
  readonly sinceMs: number;
  /** When it is over, and SIGKILL follows. */
  readonly deadlineMs: number;
  /** The hook, or the wait for its turn, took the grace period: the two seconds more were given. */
  readonly isExtended?: boolean;
  /** When SIGKILL was sent again, because it ended nothing. */
  readonly killedAgainAtMs?: number;
}

export interface ContainerRecord {
  readonly restartCount: number;
  readonly current?: Attempt;
  /** The attempt before the current one. */
  readonly last?: Attempt;
  readonly backOff?: BackOffState;
  readonly stop?: ContainerStop;
  /** The postStart hook of the current attempt; absent without one. */
  readonly postStart?: "running" | "done" | "failed";
  /** The startup probe of the current attempt has passed and its postStart hook is done. Absent in old records: true. */
  readonly started?: boolean;
  /** The last word of the readiness probe on the current attempt; means nothing without a probe. */
  readonly isReady?: boolean;
  /** The probe that the current attempt failed for good. */
  readonly failedProbe?: "startup" | "liveness";
  /** Its new resources ask for another attempt. */
  readonly isResizeDue?: boolean;
  /** Generation of the last sandbox in which an attempt was started: a sidecar lets the next container begin once. */
  readonly startedIn?: number;
  /** Why it waits when no attempt could be made: ErrImagePull, CreateContainerConfigError … */
  readonly waiting?: { readonly reason: string; readonly message: string };
  /** Delay that led to `retryAtMs`; doubles with every failure. */
  readonly retryDelayMs?: number;
  /** Wall clock of the next try after `waiting`. */
  readonly retryAtMs?: number;
}

/** A resize that is not done (`resize.ts`), in the words of the conditions. */
export interface ResizeRecord {
  readonly state: "Infeasible" | "Deferred" | "InProgress" | "Error";
  readonly message?: string;
  /** What the containers had when it was granted. */
  readonly before?: Allocation;
  /** Containers that have to start anew are told to. */
  readonly isRestarting?: boolean;
}

export interface PodRecord {
  readonly uid: string;
  readonly namespace: string;
  readonly name: string;
  /** Boot that the sandbox belongs to; another one means that the machine was restarted. */
  readonly bootId: string;
  readonly acceptedAtMs: number;
  readonly address?: string;
  /** First host id of a pod with users of its own. */
  readonly idBase?: number;
  readonly sandbox: SandboxRecord;
  readonly containers: Readonly<Record<string, ContainerRecord>>;
  /** What the volumes hold whose content the node writes, by name (`config-volumes.ts`). */
  readonly configVolumes?: Readonly<Record<string, PublishedContent>>;
  /** What the containers have been given; absent in old records: what the spec says. */
  readonly allocated?: Allocation;
  readonly resize?: ResizeRecord;
  /** Last failure of the sandbox, cleared when it starts. */
  readonly sandboxError?: { readonly reason: string; readonly message: string };
  readonly sandboxRetryAtMs?: number;
  readonly sandboxFailures?: number;
  /** Set once: the pod ended and will not run again. */
  readonly isTerminal?: boolean;
  /** The node ends the pod: `status.reason` and `status.message` of the Failed pod. */
  readonly terminal?: { readonly reason: string; readonly message: string };
  /** The node has not taken the pod: there were never any containers. */
  readonly isRejected?: boolean;
}

export function newPodRecord(
  pod: { readonly uid: string; readonly namespace: string; readonly name: string },
  bootId: string,
  nowMs: number,
): PodRecord {
  return {
    ...pod,
    bootId,
    acceptedAtMs: nowMs,
    sandbox: { state: "absent", shimPid: 0, startedAtMs: 0, generation: 0 },
    containers: {},
  };
}

export function containerRecord(record: PodRecord, name: string): ContainerRecord {
  return record.containers[name] ?? { restartCount: 0 };
}

/** The record with one container replaced. */
export function setContainer(
  record: PodRecord,
  name: string,
  container: ContainerRecord,
): PodRecord {
  return { ...record, containers: { ...record.containers, [name]: container } };
}

/** The record after the sandbox has gone; its generation stays. */
export function withoutSandbox(record: PodRecord): PodRecord {
  return { ...record, sandbox: { ...record.sandbox, state: "absent", shimPid: 0 } };
}

/** The container before its current attempt, which never began; of the one before the last nothing is known any more. */
export function withoutCurrent({
  current: _current,
  last,
  ...rest
}: ContainerRecord): ContainerRecord {
  if (last === undefined) return { ...rest, restartCount: 0 };
  return { ...rest, restartCount: rest.restartCount - 1, current: last };
}

/** The container without what `waiting` and its times say. */
export function withoutWaiting(container: ContainerRecord): ContainerRecord {
  const { waiting: _waiting, retryAtMs: _at, retryDelayMs: _delay, ...rest } = container;
  return rest;
}

/** The record in which nothing waits for a later try; the delays keep growing if it fails again. */
export function withoutRetryTimes(record: PodRecord): PodRecord {
  const { sandboxRetryAtMs: _at, ...rest } = record;
  const containers = Object.entries(record.containers).map(([name, container]) => {
    const { retryAtMs: _retry, ...others } = container;
    return [name, others] as const;
  });
  return { ...rest, containers: Object.fromEntries(containers) };
}
