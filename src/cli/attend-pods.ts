/**
 * The foreground of `nspod run`: shows what the containers say until every pod has ended.
 *
 *   create ──▶ follow status and logs ──▶ all ended ──▶ exit code of the pods
 *                 │ Ctrl-C: DELETE with the grace period  │ --rm: DELETE, wait until gone
 *                 │ Ctrl-C again: DELETE with 0           ▼
 *                 └────────────▶ gone ──▶ 128 + signal
 */
import type { Pod } from "../spec/pod.ts";
import type { Context } from "./context.ts";
import { removePod } from "./delete-pod.ts";
import { followPod } from "./follow-pod.ts";
import { LogFollower } from "./log-follower.ts";
import { logPrefixes } from "./log-prefix.ts";
import {
  describeFailure,
  firstFailure,
  hasEnded,
  podExitCode,
  stuckReason,
  waitingReasons,
} from "./pod-outcome.ts";
import { StopSignals } from "./stop-signals.ts";

/** Log lines of the container that failed first which a report repeats. */
const reportedLines = 5;

export interface AttendOptions {
  /** `--rm`: the pod is deleted when it has ended. */
  readonly isRemoved: boolean;
  /** `--raw`: log lines reach the terminal as they are. */
  readonly isRaw: boolean;
}

/** Creates the pods, and hands each over as soon as it exists. */
export type Create = (onCreated: (pod: Pod) => void) => Promise<readonly Pod[]>;

/** @returns the exit code for the process. */
export async function attendPods(
  context: Context,
  create: Create,
  options: AttendOptions,
): Promise<number> {
  using stop = new StopSignals(context);
  const pods = await create((pod) => stop.add(pod));
  const codes = await Promise.all(
    pods.map((pod) => new Attendant(context, stop, options).attend(pod, pods)),
  );
  return stop.exitCode ?? codes.find((code) => code !== 0) ?? 0;
}

type Outcome = "ended" | "gone" | "stuck";

class Attendant {
  readonly #context: Context;
  readonly #stop: StopSignals;
  readonly #options: AttendOptions;
  readonly #told = new Set<string>();
  readonly #lastLines = new Map<string, readonly string[]>();

  constructor(context: Context, stop: StopSignals, options: AttendOptions) {
    this.#context = context;
    this.#stop = stop;
    this.#options = options;
  }

  async attend(pod: Pod, pods: readonly Pod[]): Promise<number> {
    const { screen, client } = this.#context;
    const prefixes = logPrefixes(pod, pods, screen.hasColours);
    const abort = new AbortController();
    const logs = new LogFollower(
      client,
      (container, line) => {
        this.#remember(container, line);
        screen.printLog(line, prefixes.get(container) ?? "", this.#options.isRaw);
      },
      abort.signal,
    );
    let last = pod;
    let outcome: Outcome | undefined = this.#judge(pod);
    if (outcome === undefined) {
      for await (const now of followPod(client, pod, abort.signal)) {
        last = now;
        logs.update(now);
        outcome = this.#judge(now);
        if (outcome !== undefined) break;
      }
    }
    if (outcome === "stuck") abort.abort();
    await logs.done();
    return await this.#finish(last, outcome ?? "gone");
  }

  /** undefined: go on. A pod that is being deleted is followed until it is gone. */
  #judge(pod: Pod): Outcome | undefined {
    if (pod.metadata.deletionTimestamp !== undefined) return undefined;
    if (hasEnded(pod)) return "ended";
    if (stuckReason(pod) !== undefined) return "stuck";
    for (const { text } of waitingReasons(pod)) {
      if (!this.#told.has(text)) this.#context.screen.remark(`nspod: ${text}`);
      this.#told.add(text);
    }
    return undefined;
  }

  async #finish(pod: Pod, outcome: Outcome): Promise<number> {
    const { screen, client } = this.#context;
    const label = `${pod.metadata.namespace}/${pod.metadata.name}`;
    switch (outcome) {
      case "stuck":
        screen.remark(`nspod: Pod "${label}" cannot start: ${stuckReason(pod) ?? ""}`);
        await removePod(client, pod, 0);
        return 1;
      case "gone":
        if (!this.#stop.wasReceived) screen.remark(`nspod: Pod "${label}" was deleted`);
        return podExitCode(pod);
      case "ended":
        if (pod.status?.phase === "Failed") this.#report(pod, label);
        if (this.#options.isRemoved) await removePod(client, pod, undefined);
        return podExitCode(pod);
    }
  }

  #report(pod: Pod, label: string): void {
    const { screen } = this.#context;
    screen.remark(`nspod: Pod "${label}" failed: ${describeFailure(pod)}`);
    const lines = this.#lastLines.get(firstFailure(pod)?.container ?? "") ?? [];
    if (lines.length > 0) screen.remark(`Its last lines:\n  ${lines.join("\n  ")}`);
  }

  #remember(container: string, line: string): void {
    const kept = this.#lastLines.get(container) ?? [];
    this.#lastLines.set(container, [...kept.slice(1 - reportedLines), line]);
  }
}
