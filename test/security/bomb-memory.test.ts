// Promise: what an archive is made of does not decide how much memory reading it takes. The kernel tells the peak of each
// helper when it has ended (getrusage(2)); python3 asks, because Node does not.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { constants, gzipSync, zstdCompressSync } from "node:zlib";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import type { Digest } from "../../src/base/ids.ts";
import type { Compression } from "../../src/image/decompress.ts";
import { defaultLimits } from "../../src/image/limits.ts";
import type { Task } from "../../src/image/messages.ts";
import { tar } from "../support/image-archive.ts";
import { requires } from "../support/requires.ts";
import { withDeadline } from "../support/with-deadline.ts";

requires("root");

const bombs = suite("a bomb");
const worker = join(import.meta.dirname, "../../src/image/worker.ts");
// Descriptor 3 is the helper's. As the import does, it ends a helper that has given its last report: in Node 24.21,
// process.exit() may wait for ever for a thread of V8 that waits for the main thread to collect.
const script = `
import resource, subprocess, sys
helper = subprocess.Popen(sys.argv[1:], stdout=subprocess.PIPE, pass_fds=(3,))
for line in helper.stdout:
    if b'"type":"error"' in line or b'"type":"done"' in line:
        print(line.decode(), flush=True)
        helper.kill()
helper.wait()
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss, file=sys.stderr)`;

let base = "";

bombs.before.each(() => {
  base = mkdtempSync(join(tmpdir(), "nspod-bomb-"));
});
bombs.after.each(() => rmSync(base, { recursive: true, force: true }));

// So that nothing stops them before they are unpacked.
const limits = { ...defaultLimits, ratio: 1e9 };
const zeros = `sha256:${"0".repeat(64)}` as Digest;

interface Outcome {
  /** The last report. */
  readonly report: string;
  readonly peakMiB: number;
}

async function run(task: Task): Promise<Outcome> {
  const args = ["-c", script, process.execPath, worker];
  const env = { PATH: process.env["PATH"], NODE_NO_WARNINGS: "1" };
  const child = spawn("python3", args, { env, stdio: ["pipe", "pipe", "pipe", "ignore"] });
  const { stdin, stdout, stderr } = child;
  if (stdin === null || stdout === null || stderr === null) throw new Error("no pipes");
  // It stays open: a helper that loses its parent ends.
  stdin.write(`${JSON.stringify(task)}\n`);
  const [out, err] = await Promise.all([text(stdout), text(stderr), once(child, "close")]);
  const peakKib = Number(err.trim().split("\n").at(-1));
  assert.ok(peakKib > 0, err);
  return { report: out.trim().split("\n").at(-1) ?? "", peakMiB: peakKib / 1024 };
}

/** Unpacks it, and keeps nothing but its digest. */
async function check(packed: Buffer, compression: Compression): Promise<Outcome> {
  const source = join(base, "layer");
  writeFileSync(source, packed);
  const task = { task: "unpack", lower: [], diffId: zeros, isVerified: false } as const;
  return await run({ ...task, source, packedSize: packed.length, compression, limits });
}

async function unpack(packed: Buffer, compression: Compression): Promise<Outcome> {
  const [source, folder] = [join(base, "layer"), join(base, "folder")];
  writeFileSync(source, packed);
  mkdirSync(folder);
  const done = await run({
    task: "unpack",
    folder,
    source,
    lower: [],
    packedSize: packed.length,
    compression,
    diffId: zeros,
    isVerified: false,
    limits,
  });
  rmSync(folder, { recursive: true });
  return done;
}

const repeated = (part: Buffer, times: number): Buffer =>
  Buffer.concat(Array.from({ length: times }, () => part));

/** What a helper takes for next to nothing. */
async function usual(): Promise<number> {
  const { peakMiB } = await check(gzipSync(Buffer.alloc(4096)), "gzip");
  return peakMiB;
}

bombs(
  "of 384 MiB behind 400 kB of gzip leaves no more than some buffers",
  withDeadline(60_000, async () => {
    const packed = repeated(gzipSync(Buffer.alloc(16 << 20), { level: 1 }), 24);
    const { report, peakMiB } = await check(packed, "gzip");
    // All of it was read.
    assert.match(report, /its unpacked digest is sha256:3201548f7070f0ae5adf2c869b15df99/);
    const ordinary = await usual();
    // zlib of Node leaves its chunks to the collector, which lets some gather.
    assert.ok(peakMiB < ordinary + 160, `${peakMiB} MiB, without a bomb ${ordinary}`);
  }),
);

bombs(
  "with the largest window that zstd may have takes no more than this window",
  withDeadline(60_000, async () => {
    const params = { [constants.ZSTD_c_windowLog]: 27, [constants.ZSTD_c_compressionLevel]: 1 };
    const frame = zstdCompressSync(Buffer.alloc(192 << 20), { params });
    const { report, peakMiB } = await check(repeated(frame, 2), "zstd");
    assert.match(report, /its unpacked digest is sha256:/);
    const ordinary = await usual();
    // The window, and what is on its way.
    assert.ok(peakMiB < ordinary + 128 + 160, `${peakMiB} MiB, without a bomb ${ordinary}`);
  }),
);

bombs(
  "of 384 MiB of extended headers is forgotten entry by entry",
  withDeadline(60_000, async () => {
    const comment = Buffer.alloc((1 << 20) - 100, "x").toString();
    const entry = tar([{ name: "f", content: "f", pax: [["comment", comment]] }]).subarray(
      0,
      -1024,
    );
    const packed = Buffer.concat([repeated(gzipSync(entry), 384), gzipSync(Buffer.alloc(1024))]);
    const { report, peakMiB } = await unpack(packed, "gzip");
    assert.match(report, /its unpacked digest is sha256:/);
    const ordinary = await usual();
    // Headers of some entries, until the collector comes.
    assert.ok(peakMiB < ordinary + 192, `${peakMiB} MiB, without a bomb ${ordinary}`);
  }),
);

bombs.run();
