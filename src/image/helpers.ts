/**
 * The helpers that unpack the layers of one import. Starting Node takes longer than unpacking a small
 * layer, so some are started ahead, while the archive is still being read; they have no task and no
 * content until somebody wants them.
 */
import type { Task } from "./messages.ts";
import { Worker, type WorkerHooks } from "./run-worker.ts";

export class Helpers {
  readonly #spares: Worker[] = [];

  /** Starts so many ahead. */
  startSpares(count: number): void {
    for (let i = 0; i < count; i++) this.#spares.push(new Worker());
  }

  begin(task: Task, hooks: WorkerHooks): Worker {
    const worker = this.#spares.shift() ?? new Worker();
    worker.begin(task, hooks);
    return worker;
  }

  /** Ends those that nobody wanted. */
  async stop(): Promise<void> {
    await Promise.all(this.#spares.splice(0).map((worker) => worker.stop()));
  }
}
