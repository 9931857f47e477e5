/** What the engine knows of a pod and Kubernetes' status has no field for: for people who ask why. */
import { toTime } from "../base/clock.ts";
import type { Pod } from "../spec/pod.ts";
import { allRefs } from "./container-refs.ts";
import { restartAtMs } from "./decide-starts.ts";
import type { PodEngine } from "./engine.ts";
import type { ProbeKind } from "./probe-state.ts";
import type { StopCause } from "./record.ts";
import type { StartStep } from "./start-timings.ts";

/** Times are RFC 3339. */
export interface PodFacts {
  /** When the sandbox is tried again that could not be made. */
  readonly retryAt?: string;
  /** By name; only containers that something is known of. */
  readonly containers: Readonly<Record<string, ContainerFacts>>;
  /** Of the first start, when this daemon made it. */
  readonly start?: readonly StartStep[];
}

export interface ContainerFacts {
  /** When it is started again. */
  readonly retryAt?: string;
  /** Of the current or last attempt; the process may be gone. */
  readonly pid?: number;
  /** Who asked for the end of the last attempt; absent when it ended by itself. */
  readonly stoppedFor?: StopCause;
  /** Of the last attempt that was killed for its memory: the most that it had, where the kernel tells. */
  readonly memoryPeakBytes?: number;
  /** What each probe answered last. */
  readonly probes: readonly ProbeFacts[];
}

export interface ProbeFacts {
  readonly kind: ProbeKind;
  readonly at: string;
  readonly isSuccess: boolean;
  /** How often in a row this answer came; 0 for one that does not count. */
  readonly run: number;
  readonly message: string;
}

const probeKinds: readonly ProbeKind[] = ["startup", "liveness", "readiness"];

/** Facts of a pod that the engine may not have seen yet. */
export function podFacts(engine: PodEngine, pod: Pod): PodFacts {
  const { uid } = pod.metadata;
  const record = engine.record(uid);
  if (record === undefined) return { containers: {} };
  const entries = allRefs(pod).map(({ container: { name } }): [string, ContainerFacts] => {
    const state = record.containers[name];
    const retryAtMs = state === undefined ? 0 : (state.retryAtMs ?? restartAtMs(state));
    const pid = state?.current?.pid ?? 0;
    const memoryPeakBytes = state?.current?.memoryPeakBytes ?? state?.last?.memoryPeakBytes;
    const probes = probeKinds.flatMap((kind): readonly ProbeFacts[] => {
      const report = engine.prober.lastResult(uid, name, kind);
      if (report === undefined) return [];
      const { atMs, isSuccess, run, message } = report;
      return [{ kind, at: toTime(atMs), isSuccess, run, message }];
    });
    return [
      name,
      {
        ...(retryAtMs > 0 && { retryAt: toTime(retryAtMs) }),
        ...(pid > 0 && { pid }),
        ...(memoryPeakBytes !== undefined && { memoryPeakBytes }),
        ...(state?.stop !== undefined && { stoppedFor: state.stop.cause }),
        probes,
      },
    ];
  });
  const { sandboxRetryAtMs } = record;
  const { steps = [] } = engine.live(uid)?.timings ?? {};
  return {
    ...(steps.length > 0 && { start: steps }),
    ...(sandboxRetryAtMs !== undefined && { retryAt: toTime(sandboxRetryAtMs) }),
    containers: Object.fromEntries(entries),
  };
}
