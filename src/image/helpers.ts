/**
 * The helpers that unpack the layers of one import. Starting Node takes longer than unpacking a small
 * layer, so some are started ahead, while the archive is still being read; they have no task and no
 * content until somebody wants them. One that has unpacked a plain layer early goes on with the next
 * (decision 0307).
 */
import type { EarlyUnpackTask, Task } from "./messages.ts";
import { Worker, type WorkerHooks } from "./run-worker.ts";

export class Helpers {
  readonly #spares: Worker[] = [];
  /** Done with a plain layer. */
  readonly #warm: Worker[] = [];

  /** Starts one ahead. */
  startSpare(): void {
    this.#spares.push(new Worker());
  }

  begin(task: Task, hooks: WorkerHooks): Worker {
    const warm = task.task === "unpack-early" && isPlain(task) ? this.#warm.pop() : undefined;
    const worker = warm ?? this.#spares.shift() ?? new Worker();
    worker.begin(task, hooks);
    return worker;
  }

  /** Takes one back that is done with this task. */
  async takeBack(worker: Worker, task: EarlyUnpackTask): Promise<void> {
    if (isPlain(task)) this.#warm.push(worker);
    else await worker.stop();
  }

  /** Ends those that nobody has. */
  async stop(): Promise<void> {
    const all = [...this.#spares.splice(0), ...this.#warm.splice(0)];
    await Promise.all(all.map((worker) => worker.stop()));
  }
}

/** What is packed is read by code of others, so a helper that did it reads nothing more. */
function isPlain({ compression }: EarlyUnpackTask): boolean {
  return compression === "none";
}
