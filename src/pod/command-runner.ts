/**
 * Commands of probes and hooks in a running container.
 *
 *   <container's cgroup>/command-0, command-1 …     one for each command that runs at the same time, used again
 *
 * A cgroup of its own is what lets a timeout kill all that a command has started, also what has left its process
 * group. What a finished command leaves running stays there; it goes with the container, or with the next command
 * in the same cgroup that takes too long.
 */
import { once } from "node:events";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { hasCode, PodError } from "../base/errors.ts";
import { killCgroup } from "../cgroup/hierarchy.ts";
import { waitUntilEmpty } from "../cgroup/wait-until-empty.ts";
import type { ContainerPlan } from "../container/plan.ts";
import type { Session } from "../shim/session.ts";
import { containerCgroup } from "./attempt.ts";
import type { EngineContext } from "./context.ts";
import { openExecSession, planRunning, type RunningAttempt } from "./exec-session.ts";
import type { LivePod } from "./live-pod.ts";
import { isExpired, startDeadline } from "./probe-deadline.ts";
import type { CommandResult, RunCommand } from "./probe-target.ts";

/** Of the output, as the kubelet keeps of a probe's. */
const maxOutputBytes = 10 * 1024;

/** From SIGKILL to the end of what was killed. */
const deathMs = 1_000;

/** An attempt that runs, and the live state of its pod. */
export interface CommandTarget extends Omit<RunningAttempt, "volumes"> {
  readonly live: Pick<LivePod, "volumes">;
}

/** Commands in one attempt. The plan is made with the first command and kept. */
export function commandRunner(context: EngineContext, target: CommandTarget): RunCommand {
  let plan: ContainerPlan | undefined;
  const places = new Places(containerCgroup(context, target.pod, target.ref.container.name));
  return async (command, { timeoutMs, signal: outer }) => {
    using deadline = startDeadline(context.clock, timeoutMs, outer);
    const { signal } = deadline;
    signal.throwIfAborted();
    using place = places.take();
    const end = (): void => killCgroup(place.cgroup);
    signal.addEventListener("abort", end, { once: true });
    try {
      plan ??= planRunning(context, { ...target, volumes: target.live.volumes });
      const { cgroup } = place;
      const exec = { command, tty: false, stdin: false, cgroup };
      return await finish(await openExecSession(context, target, plan, exec), signal);
    } catch (error) {
      if (!signal.aborted) throw error;
      // Once more: the child may have come into the cgroup after the first time.
      end();
      await waitUntilEmpty(place.cgroup, deathMs);
      if (!isExpired(signal)) throw signal.reason;
      const text = `command timed out: "${command.join(" ")}" timed out after ${timeoutMs / 1000}s`;
      throw new PodError("DeadlineExceeded", text);
    } finally {
      signal.removeEventListener("abort", end);
    }
  };
}

async function finish(session: Session, signal: AbortSignal): Promise<CommandResult> {
  const output = new Output(session.stdout, session.stderr);
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  const onAbort = (): void => reject(signal.reason);
  signal.addEventListener("abort", onAbort, { once: true });
  if (signal.aborted) onAbort();
  try {
    const { exitCode } = await Promise.race([session.exit, aborted]);
    // The exit comes after all output, but streams hand out what they have a little later.
    return { exitCode, output: await Promise.race([output.text(), aborted]) };
  } finally {
    signal.removeEventListener("abort", onAbort);
    session.close();
  }
}

/** The beginning of two streams; the rest is read and dropped. */
class Output {
  readonly #pieces: Buffer[] = [];
  readonly #ends: Promise<unknown>;
  #room = maxOutputBytes;

  constructor(...streams: readonly Readable[]) {
    for (const stream of streams) {
      stream.on("data", (piece: Buffer) => {
        if (this.#room > 0) this.#pieces.push(piece.subarray(0, this.#room));
        this.#room -= piece.length;
      });
    }
    this.#ends = Promise.all(streams.map((stream) => once(stream, "end")));
    this.#ends.catch(() => undefined);
  }

  /** When both streams have ended. */
  async text(): Promise<string> {
    await this.#ends;
    return Buffer.concat(this.#pieces).toString("utf8");
  }
}

/** The cgroups of commands in one container. */
class Places {
  readonly #parent: string;
  readonly #taken = new Set<number>();

  constructor(parent: string) {
    this.#parent = parent;
  }

  take(): Disposable & { readonly cgroup: string } {
    let number = 0;
    while (this.#taken.has(number)) number++;
    this.#taken.add(number);
    const cgroup = join(this.#parent, `command-${number}`);
    try {
      mkdirSync(cgroup);
    } catch (error) {
      // ENOENT: the container has just ended, and the shim will say so.
      if (!hasCode(error, "EEXIST", "ENOENT")) throw error;
    }
    return { cgroup, [Symbol.dispose]: () => this.#taken.delete(number) };
  }
}
