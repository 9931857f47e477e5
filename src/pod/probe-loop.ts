/**
 * One probe of one attempt: waits, asks, tells the events and the changed result, waits again.
 * At most one question is under way; an answer that comes after `stop()` is thrown away.
 */
import type { Clock } from "../base/clock.ts";
import { messageOf } from "../base/errors.ts";
import type { Pod, Probe } from "../spec/pod.ts";
import type { PodEvent } from "./context.ts";
import { type Answer, askProbe } from "./probe-ask.ts";
import type { Schedule } from "./probe-schedule.ts";
import { isDone, type ProbeState, withAnswer } from "./probe-state.ts";
import type { ProbeTarget } from "./probe-target.ts";

/** The last answer of a probe, for people. */
export interface ProbeReport {
  /** Wall clock. */
  readonly atMs: number;
  readonly isSuccess: boolean;
  /** How often in a row this answer came; 0 for one that does not count. */
  readonly run: number;
  readonly message: string;
}

export interface ProbeLoopOptions {
  readonly clock: Clock;
  readonly probe: Probe;
  readonly state: ProbeState;
  readonly schedule: Schedule;
  readonly target: () => ProbeTarget;
  readonly report: (pod: Pod, event: PodEvent) => void;
  readonly onAnswer: (answer: ProbeReport) => void;
  /** The result after thresholds has changed. */
  readonly onResult: (isSuccess: boolean, message: string) => void;
}

const titles = { startup: "Startup", liveness: "Liveness", readiness: "Readiness" } as const;

export class ProbeLoop {
  readonly #options: ProbeLoopOptions;
  readonly #stop = new AbortController();
  #state: ProbeState;
  #cancelTimer: (() => void) | undefined;

  constructor(options: ProbeLoopOptions) {
    this.#options = options;
    this.#state = options.state;
  }

  start(): void {
    const { clock, schedule } = this.#options;
    const beginMs = clock.monotonic();
    const early = schedule.earlyMs.map((ms) => ({ atMs: beginMs + ms, isEarly: true }));
    this.#wait([...early, { atMs: beginMs + schedule.firstMs, isEarly: false }]);
  }

  stop(): void {
    this.#cancelTimer?.();
    this.#stop.abort();
  }

  #wait(asks: readonly { readonly atMs: number; readonly isEarly: boolean }[]): void {
    if (this.#stop.signal.aborted || isDone(this.#state)) return;
    const { clock, schedule } = this.#options;
    const [next, ...later] = asks;
    if (next === undefined) return;
    this.#cancelTimer = clock.after(Math.max(0, next.atMs - clock.monotonic()), () => {
      void this.#ask(next.isEarly).then(() => {
        const nowMs = clock.monotonic();
        if (!next.isEarly) {
          // Like a ticker: an answer that took longer than a period is followed by the next question at once.
          const atMs = Math.max(nowMs, next.atMs + schedule.periodMs);
          return this.#wait([{ atMs, isEarly: false }]);
        }
        const isReached = this.#state.isSuccess === true;
        this.#wait(later.filter(({ atMs, isEarly }) => !isEarly || (!isReached && atMs > nowMs)));
      });
    });
  }

  async #ask(isEarly: boolean): Promise<void> {
    const { clock, probe, target } = this.#options;
    const { signal } = this.#stop;
    let answer: Answer;
    try {
      answer = await askProbe(probe, target(), { clock, signal });
    } catch (error) {
      answer = { verdict: "error", message: messageOf(error) };
    }
    if (!signal.aborted) this.#take(answer, isEarly);
  }

  #take({ verdict, message }: Answer, isEarly: boolean): void {
    const { clock, probe, onAnswer, onResult } = this.#options;
    const isSuccess = verdict === "success" || verdict === "warning";
    const before = this.#state;
    const counts = isEarly ? isSuccess : verdict !== "error";
    if (counts) this.#state = withAnswer(before, probe, isSuccess);
    onAnswer({ atMs: clock.now(), isSuccess, run: counts ? this.#state.run : 0, message });
    if (counts || !isEarly) this.#tell(verdict, message);
    if (this.#state.isSuccess !== before.isSuccess) onResult(isSuccess, message);
  }

  #tell(verdict: Answer["verdict"], message: string): void {
    if (verdict === "success") return;
    const { report, target } = this.#options;
    const { pod, container, list } = target();
    const title = titles[this.#state.kind];
    const [reason, text] = {
      warning: ["ProbeWarning", `${title} probe warning: ${message}`],
      failure: ["Unhealthy", `${title} probe failed: ${message}`],
      error: ["Unhealthy", `${title} probe errored and resulted in unknown state: ${message}`],
    }[verdict] as [string, string];
    report(pod, {
      type: "Warning",
      reason,
      message: text,
      container: { list, name: container.name },
    });
  }
}
