/**
 * Ctrl-C and its like while `run` stays with pods: the first signal deletes them with their grace
 * period, the next ones kill. Takes effect from the moment on that a pod is asked for, so a signal
 * in the middle of its creation deletes it too.
 */
import { constants } from "node:os";
import { messageOf } from "../base/errors.ts";
import type { Pod } from "../spec/pod.ts";
import type { Context } from "./context.ts";
import { deletePod } from "./delete-pod.ts";

const signals = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

type StopSignal = (typeof signals)[number];

export class StopSignals implements Disposable {
  readonly #context: Context;
  readonly #pods: Pod[] = [];
  #first: StopSignal | undefined;

  constructor(context: Context) {
    this.#context = context;
    for (const signal of signals) process.on(signal, this.#onSignal);
  }

  /** Names a pod that a signal deletes. */
  add(pod: Pod): void {
    this.#pods.push(pod);
    if (this.#first !== undefined) this.#delete([pod], undefined);
  }

  get wasReceived(): boolean {
    return this.#first !== undefined;
  }

  /** 128 + number of the first signal; undefined when none came. */
  get exitCode(): number | undefined {
    return this.#first === undefined ? undefined : 128 + constants.signals[this.#first];
  }

  [Symbol.dispose](): void {
    for (const signal of signals) process.off(signal, this.#onSignal);
  }

  readonly #onSignal = (signal: StopSignal): void => {
    const isFirst = this.#first === undefined;
    this.#first ??= signal;
    const names = this.#pods.map(({ metadata }) => metadata.name).join(", ");
    this.#context.screen.remark(
      isFirst ? `\nStopping ${names} (press Ctrl-C again to kill)` : `\nKilling ${names}`,
    );
    this.#delete(this.#pods, isFirst ? undefined : 0);
  };

  #delete(pods: readonly Pod[], gracePeriodSeconds: number | undefined): void {
    for (const pod of pods) {
      deletePod(this.#context.client, pod, gracePeriodSeconds).catch((error: unknown) => {
        this.#context.screen.remark(`nspod: ${messageOf(error)}`);
      });
    }
  }
}
