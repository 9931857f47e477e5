/** What probes and hooks know of the container that they ask: one running attempt of it. */
import type { Container, Pod } from "../spec/pod.ts";

export interface CommandOptions {
  /** After this time every process of the command is killed; 0 waits as long as it takes. */
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

export interface CommandResult {
  /** 128 + signal when a signal ended it. */
  readonly exitCode: number;
  /** What it wrote to stdout and stderr in the order of arrival, at most 10 KiB. */
  readonly output: string;
}

/**
 * Runs a command in the container, in its sandbox, without a terminal and without stdin.
 * @throws PodError DeadlineExceeded after `timeoutMs`, FailedPrecondition (data.exitCode 126 or 127) when it cannot
 * be executed; the reason of `signal` when that was aborted. Every process of it is dead then.
 */
export type RunCommand = (
  command: readonly string[],
  options: CommandOptions,
) => Promise<CommandResult>;

/** A running attempt that hooks and probes talk to. */
export interface HandlerTarget {
  readonly pod: Pod;
  readonly container: Container;
  /** Where httpGet, tcpSocket and grpc go when they name no host: the pod's address, without an answer yet "". */
  readonly address: string;
  readonly exec: RunCommand;
}

export interface ProbeTarget extends HandlerTarget {
  readonly list: "initContainers" | "containers";
  /** `Attempt.id`: probes end with it. */
  readonly attemptId: string;
  /** Wall clock: initialDelaySeconds counts from here. */
  readonly startedAtMs: number;
  /** The record's word: the startup probe has passed, also in an earlier daemon. */
  readonly isStarted: boolean;
  /** The record's word: the readiness probe's last result. */
  readonly isReady: boolean;
}
