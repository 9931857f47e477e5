/**
 * Entry of the image helpers (dist/image-worker.cjs): one process, one task, then it ends. The
 * protocol is in messages.ts. It ends when its parent dies or closes its stdin.
 */
import { readdirSync, rmSync } from "node:fs";
import { createInterface } from "node:readline";
import { isPodError, messageOf } from "../base/errors.ts";
import { confine, dieWithParent, removeCapabilities } from "./confine.ts";
import type { Note, RemoveTask, Report, Task } from "./messages.ts";
import { readArchive } from "./read-archive.ts";
import { unpackLayer } from "./unpack-layer.ts";
import { writeAll } from "./write-all.ts";

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

async function perform(task: Task, note: (wanted: Note) => Promise<void>): Promise<void> {
  switch (task.task) {
    case "read": {
      const reading = await readArchive(task, { onProgress: progressReporter(), warn });
      report({ type: "done", result: reading.result });
      await note("sync");
      reading.sync();
      report({ type: "synced" });
      return;
    }
    case "unpack": {
      const lowerReady = note("lower-ready");
      const result = await unpackLayer(task, {
        onProgress: progressReporter(),
        warn,
        lowerReady: () => lowerReady,
      });
      report({ type: "done", result });
      return;
    }
    case "remove":
      removeContent(task);
      report({ type: "done", result: null });
  }
}

async function main(): Promise<void> {
  dieWithParent();
  const lines = createInterface({ input: process.stdin });
  const first = Promise.withResolvers<Task>();
  const notes = new Map<Note, PromiseWithResolvers<void>>();
  const noted = (name: Note): PromiseWithResolvers<void> => {
    const known = notes.get(name) ?? Promise.withResolvers<void>();
    notes.set(name, known);
    return known;
  };
  let isFirst = true;
  lines.on("line", (line) => {
    // Written by our parent: src/image/run-worker.ts.
    const message = JSON.parse(line) as Task | Note;
    if (isFirst) first.resolve(message as Task);
    else noted(message as Note).resolve();
    isFirst = false;
  });
  // The parent lets go: whatever we do, nobody wants it any more.
  lines.on("close", () => process.exit(2));
  try {
    await perform(await first.promise, (name) => noted(name).promise);
    process.exit(0);
  } catch (error) {
    const kind = isPodError(error) ? error.kind : "Internal";
    report({ type: "error", kind, message: messageOf(error) });
    process.exit(1);
  }
}

// No await at the top level: the bundle is CommonJS.
void main();
