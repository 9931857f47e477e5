/**
 * Asks the probes of running containers, one loop per probe; each loop waits on one timer.
 *
 *   track ──▶ startup ──passed──▶ liveness and readiness until untrack
 *             (at once without a startup probe, or when the record says that it has passed)
 *
 * What the answers mean is in probe-state.ts, when they are asked for in probe-schedule.ts.
 */
import type { Clock } from "../base/clock.ts";
import type { Pod, Probe } from "../spec/pod.ts";
import type { PodEvent } from "./context.ts";
import { ProbeLoop, type ProbeReport } from "./probe-loop.ts";
import { probeSchedule } from "./probe-schedule.ts";
import { newProbeState, type ProbeKind } from "./probe-state.ts";
import type { ProbeTarget } from "./probe-target.ts";

/** A result after thresholds. */
export interface ProbeResult {
  readonly uid: string;
  readonly container: string;
  readonly attemptId: string;
  readonly kind: ProbeKind;
  readonly isSuccess: boolean;
  /** The answer that led to it, without the words "Readiness probe failed: ". */
  readonly message: string;
}

export interface ProberOptions {
  readonly clock: Clock;
  readonly report: (pod: Pod, event: PodEvent) => void;
  /** The result of a probe has changed. Liveness begins as a success, readiness as what the record said. */
  readonly onResult: (result: ProbeResult) => void;
  /** 0 to 1. */
  readonly random?: () => number;
}

interface Tracked {
  target: ProbeTarget;
  readonly loops: Map<ProbeKind, ProbeLoop>;
}

const fields = {
  startup: "startupProbe",
  liveness: "livenessProbe",
  readiness: "readinessProbe",
} as const satisfies Record<ProbeKind, string>;

export class Prober {
  readonly #options: ProberOptions;
  readonly #startedAtMs: number;
  readonly #attempts = new Map<string, Tracked>();
  /** By pod uid, then by container and kind. */
  readonly #reports = new Map<string, Map<string, ProbeReport>>();

  constructor(options: ProberOptions) {
    this.#options = options;
    this.#startedAtMs = options.clock.monotonic();
  }

  /**
   * Begins to probe an attempt that runs and whose postStart hook is done. Call it as often as you like: of an
   * attempt that is known only the pod is taken over, and one that is being deleted is asked for readiness alone.
   */
  track(target: ProbeTarget): void {
    const { container, attemptId, pod, isStarted } = target;
    if (probesOf(container).length === 0) return;
    const known = this.#attempts.get(attemptId);
    const tracked = known ?? { target, loops: new Map() };
    tracked.target = { ...tracked.target, pod };
    if (known === undefined) {
      this.#attempts.set(attemptId, tracked);
      if (container.startupProbe && !isStarted) this.#begin(tracked, "startup");
      else this.#afterStartup(tracked);
    }
    if (pod.metadata.deletionTimestamp === undefined) return;
    for (const kind of ["startup", "liveness"] as const) tracked.loops.get(kind)?.stop();
  }

  /** The attempt has ended: no more probes, no more results. Unknown ones are fine. */
  untrack(attemptId: string): void {
    for (const loop of this.#attempts.get(attemptId)?.loops.values() ?? []) loop.stop();
    this.#attempts.delete(attemptId);
  }

  /** The pod is gone: so is what its probes said. */
  forget(uid: string): void {
    this.#reports.delete(uid);
    for (const [id, { target }] of this.#attempts) {
      if (target.pod.metadata.uid === uid) this.untrack(id);
    }
  }

  /** What a probe of a container answered last, also in an attempt that has ended. */
  lastResult(uid: string, container: string, kind: ProbeKind): ProbeReport | undefined {
    return this.#reports.get(uid)?.get(`${container}/${kind}`);
  }

  /** Stops every probe. */
  close(): void {
    for (const id of [...this.#attempts.keys()]) this.untrack(id);
  }

  #afterStartup(tracked: Tracked): void {
    this.#begin(tracked, "liveness");
    this.#begin(tracked, "readiness");
  }

  #begin(tracked: Tracked, kind: ProbeKind): void {
    const { clock, report, onResult, random = Math.random } = this.#options;
    const { target, loops } = tracked;
    const { attemptId, container, pod } = target;
    const probe = container[fields[kind]];
    if (probe === undefined) return;
    const { uid } = pod.metadata;
    const loop = new ProbeLoop({
      clock,
      probe,
      state: newProbeState(kind, target),
      schedule: probeSchedule({
        kind,
        probe,
        runningMs: Math.max(0, clock.now() - target.startedAtMs),
        daemonMs: clock.monotonic() - this.#startedAtMs,
        random: random(),
      }),
      target: () => tracked.target,
      report,
      onAnswer: (answer) => this.#keep(uid, `${container.name}/${kind}`, answer),
      onResult: (isSuccess, message) => {
        onResult({ uid, container: container.name, attemptId, kind, isSuccess, message });
        if (kind === "startup" && isSuccess) this.#afterStartup(tracked);
      },
    });
    loops.set(kind, loop);
    loop.start();
  }

  #keep(uid: string, key: string, answer: ProbeReport): void {
    const reports = this.#reports.get(uid) ?? new Map<string, ProbeReport>();
    this.#reports.set(uid, reports.set(key, answer));
  }
}

function probesOf(container: ProbeTarget["container"]): readonly Probe[] {
  return Object.values(fields).flatMap((field) => container[field] ?? []);
}
