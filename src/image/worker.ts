/**
 * Entry of the image helpers (dist/image-worker.cjs): tasks one after another, until its parent ends it, dies or closes
 * its stdin. The protocol is in messages.ts.
 */
import { readdirSync, rmSync } from "node:fs";
import { setPriority } from "node:os";
import { createInterface } from "node:readline";
import { isPodError, messageOf } from "../base/errors.ts";
import { armFailpoints } from "../base/failpoint.ts";
import { confine, dieWithParent, removeCapabilities } from "./confine.ts";
import { Growth } from "./growth.ts";
import type { Note, RemoveTask, Report, Task } from "./messages.ts";
import { readArchive } from "./read-archive.ts";
import { unpackEarly, unpackLayer } from "./unpack-layer.ts";
import { Workplace } from "./workplace.ts";
import { writeAll } from "./write-all.ts";

/** The reader keeps no processor from those who unpack what it has read (decision 0307); setpriority(2). */
const readerNice = 5;

/** Bytes between two progress reports. */
const progressStep = 4 << 20;

function report(message: Report): void {
  writeAll(1, Buffer.from(`${JSON.stringify(message)}\n`));
}

function progressReporter(): (bytes: number) => void {
  let reported = 0;
  return (bytes) => {
    if (bytes - reported < progressStep) return;
    reported = bytes;
    report({ type: "progress", bytes });
  };
}

function warn(sentence: string): void {
  report({ type: "warning", sentence });
}

function removeContent({ folder }: RemoveTask): void {
  confine(folder, removeCapabilities);
  for (const name of readdirSync(".", { encoding: "buffer" })) {
    rmSync(name, { recursive: true, force: true });
  }
}

async function perform(task: Task, notes: Notes, workplace: Workplace): Promise<void> {
  switch (task.task) {
    case "read": {
      setPriority(readerNice);
      const reading = await readArchive(task, {
        onProgress: progressReporter(),
        warn,
        onMember: (member) => report({ type: "member", ...member }),
        onGrown: (file, bytes, isComplete) => report({ type: "grown", file, bytes, isComplete }),
      });
      report({ type: "done", result: reading.result });
      await notes.said("sync");
      reading.sync();
      report({ type: "synced" });
      return;
    }
    case "unpack": {
      const lowerReady = notes.said("lower-ready");
      const result = await unpackLayer(task, {
        onProgress: progressReporter(),
        warn,
        lowerReady: () => lowerReady,
      });
      report({ type: "done", result });
      return;
    }
    case "unpack-early": {
      const hooks = { onProgress: progressReporter(), warn };
      const result = await unpackEarly(task, workplace, notes.growth, hooks);
      report({ type: "done", result });
      return;
    }
    case "remove":
      removeContent(task);
      report({ type: "done", result: null });
  }
}

/** What the parent says after a task. */
class Notes {
  readonly growth: Growth = new Growth();
  readonly #said = new Map<Note, PromiseWithResolvers<void>>();

  take(note: Note): void {
    if (typeof note === "string") this.#of(note).resolve();
    else this.growth.take(note);
  }

  /** Resolves when the word was said. */
  said(word: "lower-ready" | "sync"): Promise<void> {
    return this.#of(word).promise;
  }

  #of(word: "lower-ready" | "sync"): PromiseWithResolvers<void> {
    const known = this.#said.get(word) ?? Promise.withResolvers<void>();
    this.#said.set(word, known);
    return known;
  }
}

/** What the parent says, a task after another, each with its notes. */
class Inbox {
  readonly #waiting: Assignment[] = [];
  #latest: Notes | undefined;
  #arrived: PromiseWithResolvers<void> = Promise.withResolvers();

  take(message: Task | Note): void {
    if (typeof message === "string" || !("task" in message)) {
      this.#latest?.take(message);
      return;
    }
    this.#latest = new Notes();
    this.#waiting.push({ task: message, notes: this.#latest });
    this.#arrived.resolve();
  }

  async next(): Promise<Assignment> {
    for (;;) {
      const next = this.#waiting.shift();
      if (next !== undefined) return next;
      this.#arrived = Promise.withResolvers();
      await this.#arrived.promise;
    }
  }
}

interface Assignment {
  readonly task: Task;
  readonly notes: Notes;
}

async function main(): Promise<void> {
  dieWithParent();
  armFailpoints(process.env);
  const inbox = new Inbox();
  const lines = createInterface({ input: process.stdin });
  // Written by our parent: src/image/run-worker.ts.
  lines.on("line", (line) => inbox.take(JSON.parse(line) as Task | Note));
  // The parent lets go: whatever we do, nobody wants it any more.
  lines.on("close", () => process.exit(2));
  const workplace = new Workplace();
  try {
    for (;;) {
      const { task, notes } = await inbox.next();
      await perform(task, notes, workplace);
    }
  } catch (error) {
    const kind = isPodError(error) ? error.kind : "Internal";
    report({ type: "error", kind, message: messageOf(error) });
    process.exit(1);
  }
}

// No await at the top level: the bundle is CommonJS.
void main();
