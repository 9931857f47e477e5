// Promise: a helper that reads content of an image has, in every one of its threads, the privileges
// that its work needs and no other, one folder for a root, and a filter on what leads out of it.
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import {
  closeSync,
  constants,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { gzipSync } from "node:zlib";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import type { Digest } from "../../src/base/ids.ts";
import { defaultLimits } from "../../src/image/limits.ts";
import type { Task } from "../../src/image/messages.ts";
import { eventually } from "../support/eventually.ts";
import { tar } from "../support/image-archive.ts";
import { requires } from "../support/requires.ts";
import { withDeadline } from "../support/with-deadline.ts";

requires("root");

const helpers = suite("helpers that read content");
const worker = join(import.meta.dirname, "../../src/image/worker.ts");
const none = "0000000000000000";
/** CHOWN 0, DAC_OVERRIDE 1, FOWNER 3, FSETID 4, SYS_ADMIN 21, MKNOD 27, SETFCAP 31. */
const unpacking = "000000008820001b";

let base = "";
let child: ChildProcess | undefined;

helpers.before.each(() => {
  base = mkdtempSync(join(tmpdir(), "nspod-worker-"));
  mkdirSync(join(base, "folder"));
});

helpers.after.each(async () => {
  if (child !== undefined) {
    const gone = new Promise((resolve) => child?.once("close", resolve));
    child.kill("SIGKILL");
    await gone;
  }
  child = undefined;
  rmSync(base, { recursive: true, force: true });
});

interface Thread {
  readonly name: string;
  readonly field: (name: string) => string;
}

function threads(pid: number): Thread[] {
  return readdirSync(`/proc/${pid}/task`).map((task) => {
    const text = readFileSync(`/proc/${pid}/task/${task}/status`, "utf8");
    const field = (name: string): string =>
      new RegExp(`^${name}:\\s*(.*)$`, "m").exec(text)?.[1] ?? "";
    return { name: field("Name"), field };
  });
}

/** A helper that has begun its task and waits for more content. */
async function started(task: Task, content: Buffer): Promise<number> {
  // A pipe with a name, which is open at both ends; its buffer takes the content.
  spawnSync("mkfifo", [source()]);
  const input = openSync(source(), constants.O_RDWR);
  writeSync(input, content);
  const env = { NODE_NO_WARNINGS: "1" };
  child = spawn(process.execPath, [worker], {
    cwd: "/",
    env,
    stdio: ["pipe", "ignore", "inherit", input],
  });
  child.once("close", () => closeSync(input));
  // It is killed in the end, with bytes on their way.
  child.stdin?.on("error", () => undefined);
  child.stdin?.write(`${JSON.stringify(task)}\n`);
  const pid = child.pid ?? 0;
  // The filter comes last; then it unpacks, in a thread of libuv, unless it was told of no bytes yet.
  await eventually("the helper to wait for content", 10_000, () => {
    const all = threads(pid);
    const unpacks = task.task === "unpack-early" || all.some(({ name }) => name === "libuv-worker");
    return unpacks && all.every(({ field }) => field("Seccomp") === "2") ? true : undefined;
  });
  return pid;
}

const folder = (): string => join(base, "folder");
const source = (): string => join(base, "source");
const zeros = `sha256:${"0".repeat(64)}` as Digest;
const content = gzipSync(tar([{ name: "file", content: "content" }])).subarray(0, -8);

const tasks: readonly (readonly [string, () => Task, string])[] = [
  [
    "unpacks a layer",
    () => ({
      task: "unpack",
      folder: folder(),
      lower: [],
      source: source(),
      packedSize: 4096,
      compression: "gzip",
      diffId: zeros,
      isVerified: false,
      limits: defaultLimits,
    }),
    unpacking,
  ],
  [
    "unpacks what may be a layer",
    () => ({
      task: "unpack-early",
      root: folder(),
      folder: "/",
      sources: base,
      source: "source",
      packedSize: 4096,
      compression: "gzip",
      limits: defaultLimits,
    }),
    unpacking,
  ],
  [
    "checks a layer",
    () => ({
      task: "unpack",
      lower: [],
      source: source(),
      packedSize: 4096,
      compression: "gzip",
      diffId: zeros,
      isVerified: false,
      limits: defaultLimits,
    }),
    none,
  ],
  [
    "reads an archive",
    () => ({
      task: "read",
      folder: folder(),
      syncFolders: [],
      known: [],
      limits: defaultLimits,
      stem: "x",
    }),
    none,
  ],
];

for (const [what, task, capabilities] of tasks) {
  helpers(
    `one that ${what} is confined in every thread`,
    withDeadline(20_000, async () => {
      const pid = await started(task(), content);
      for (const { name, field } of threads(pid)) {
        // Threads of V8 and of signals do nothing with files; the others do the work.
        const works = /^(?:libuv-worker|MainThread|node)$/.test(name);
        const expected = works ? capabilities : none;
        for (const set of ["CapPrm", "CapEff"]) assert.is(field(set), expected, `${name} ${set}`);
        for (const set of ["CapInh", "CapAmb"]) assert.is(field(set), none, `${name} ${set}`);
        assert.is(field("NoNewPrivs"), "1", name);
        assert.is(field("Seccomp"), "2", name);
      }
      const root = readlinkSync(`/proc/${pid}/root`);
      assert.ok(root === folder() || root.startsWith("/proc/"), root);
      assert.is(readlinkSync(`/proc/${pid}/cwd`), root);
    }),
  );
}

helpers(
  "one that goes on with the next plain layer stays confined, and changes no packed one",
  withDeadline(20_000, async () => {
    const sources = join(base, "sources");
    for (const name of ["sources", "folder/1", "folder/2"]) mkdirSync(join(base, name));
    const env = { NODE_NO_WARNINGS: "1" };
    const helper = spawn(process.execPath, [worker], { cwd: "/", env });
    child = helper;
    const pid = helper.pid ?? 0;
    const reports = createInterface({ input: helper.stdout })[Symbol.asyncIterator]();
    const privileges: string[] = [];
    for (const name of ["1", "2"]) {
      const layer = tar([{ name: `file-${name}`, content: "content" }]);
      writeFileSync(join(sources, name), layer);
      const task: Task = {
        task: "unpack-early",
        root: folder(),
        folder: `/${name}`,
        sources,
        source: name,
        packedSize: layer.length,
        compression: "none",
        limits: defaultLimits,
      };
      helper.stdin.write(`${JSON.stringify(task)}\n`);
      helper.stdin.write(`${JSON.stringify({ grown: layer.length, isComplete: true })}\n`);
      const report = JSON.parse((await reports.next()).value ?? "") as { readonly type: string };
      assert.is(report.type, "done");
      assert.equal(readdirSync(join(folder(), name)), [`file-${name}`]);
      assert.is(readlinkSync(`/proc/${pid}/root`), folder());
      assert.is(readlinkSync(`/proc/${pid}/cwd`), join(folder(), name));
      const states = threads(pid).map(({ name: thread, field }) =>
        [thread, field("CapPrm"), field("NoNewPrivs"), field("Seccomp")].join(" "),
      );
      privileges.push([...new Set(states)].sort().join());
    }
    assert.is(privileges[1], privileges[0]);
    const held = readdirSync(`/proc/${pid}/fd`).filter(
      (fd) => statSync(`/proc/${pid}/fd/${fd}`).ino === statSync(sources).ino,
    );
    assert.is(held.length, 1);
    assert.throws(
      () => openSync(`/proc/${pid}/fd/${held[0]}/1`, constants.O_WRONLY),
      (error: NodeJS.ErrnoException) => error.code === "EROFS",
    );
  }),
);

helpers.run();
