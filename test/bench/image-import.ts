// How long `nspod image load` takes beside GNU tar unpacking the same layers, on one file system:
//   image-import.ts [--files 20000] [--megabytes 500] [--layers 1] [--compression gzip|zstd|none]
//                   [--folder /dev/shm] [--rounds 5] [--nspod dist/nspod] [--memory]
// Tar and import take turns; prints both times and their ratio (the promise: at most 1.5), with
// --memory also the most memory that daemon, helpers and command use together (PSS; one more
// import, because looking costs time). The import also reads and hashes the archive, keeps the
// packed layers and flushes all to disk; tar does nothing of that.
import { spawn, spawnSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import { ociArchive } from "../support/image-archive.ts";

const { values } = parseArgs({
  options: {
    files: { type: "string", default: "20000" },
    megabytes: { type: "string", default: "500" },
    layers: { type: "string", default: "1" },
    compression: { type: "string", default: "gzip" },
    folder: { type: "string", default: "/dev/shm" },
    rounds: { type: "string", default: "5" },
    nspod: { type: "string", default: join(import.meta.dirname, "../../dist/nspod") },
    memory: { type: "boolean", default: false },
  },
});
const [files, bytes] = [Number(values.files), Number(values.megabytes) * 2 ** 20];
const [layerCount, rounds] = [Number(values.layers), Number(values.rounds)];
const unpackFlags = unpackFlagsOf(values.compression);

const base = mkdtempSync(join(values.folder, "nspod-bench-"));
const slot = process.pid % 1000;
const env = {
  PATH: "/usr/sbin:/usr/bin:/sbin:/bin",
  NSPOD_ROOT: join(base, "root"),
  NSPOD_RUN: join(base, "run"),
  NSPOD_BRIDGE: `nspb${slot}`,
  NSPOD_SUBNET: `10.${196 + Math.floor(slot / 256)}.${slot % 256}.0/24`,
  NSPOD_CGROUP: `/nspod-bench-${slot}`,
};
// Stopped from outside, the daemon must go too.
for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => process.exit(1));
process.on("exit", () => {
  spawnSync(values.nspod, ["system", "reset", "--yes"], { env, stdio: "ignore" });
  rmSync(base, { recursive: true, force: true });
});
const packed = Array.from({ length: layerCount }, (_, index) => makeLayer(index));
const archive = join(base, "image.tar");
writeArchive();

// The daemon runs before the first round.
nspod(["image", "ls"]);
const ratios: number[] = [];
for (let round = 1; round <= rounds; round++) {
  const tarFirst = round % 2 === 0 ? timeTar() : undefined;
  const importMs = timeImport();
  const tarMs = tarFirst ?? timeTar();
  ratios.push(importMs / tarMs);
  console.log(
    `round ${round}: tar ${unpackFlags.join(" ")} ${tarMs.toFixed(0)} ms, import ${importMs.toFixed(0)} ms, ratio ${(importMs / tarMs).toFixed(2)}`,
  );
}
if (values.memory) console.log(`memory: ${await peakOfImport()}`);
ratios.sort((a, b) => a - b);
const median = ratios[Math.floor(ratios.length / 2)] ?? 0;
console.log(
  `median ratio ${median.toFixed(2)} (${files} files, ${values.megabytes} MB, ${layerCount} layers, ${values.compression}, ${values.folder})`,
);
process.exitCode = median <= 1.5 ? 0 : 1;

function timeTar(): number {
  const target = join(base, "tar");
  mkdirSync(target);
  const begin = performance.now();
  for (const file of packed) command("tar", [...unpackFlags, file, "-C", target]);
  const ms = performance.now() - begin;
  rmSync(target, { recursive: true });
  return ms;
}

function timeImport(): number {
  const begin = performance.now();
  nspod(["image", "load", archive]);
  const ms = performance.now() - begin;
  removeImage();
  return ms;
}

/** Removes the image, and waits until nothing of it is left: its removal must not cost the next round. */
function removeImage(): void {
  nspod(["image", "rm", "bench"]);
  const isEmpty = (folder: string): boolean =>
    readdirSync(join(env.NSPOD_ROOT, folder)).length === 0;
  const deadline = performance.now() + 60_000;
  while (!isEmpty("layers") || !isEmpty("images/blobs/sha256")) {
    if (performance.now() > deadline) throw new Error("The image was not removed within 60 s");
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 20);
  }
}

/** @returns the most that daemon, helpers and command had at one time. */
async function peakOfImport(): Promise<string> {
  const daemon = Number(/\d+/.exec(readFileSync(join(env.NSPOD_RUN, "daemon.lock"), "utf8"))?.[0]);
  const child = spawn(values.nspod, ["image", "load", archive], { env, stdio: "ignore" });
  const ended = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  let isRunning = true;
  void ended.then(() => {
    isRunning = false;
  });
  let peak = 0;
  let parts = "";
  while (isRunning) {
    const sizes = [child.pid ?? 0, ...withDescendants(daemon)].map(pssMebibytes);
    const sum = sizes.reduce((total, each) => total + each, 0);
    if (sum > peak) {
      peak = sum;
      parts = sizes.map((each) => each.toFixed(0)).join(" + ");
    }
    await sleep(10);
  }
  return `${peak.toFixed(0)} MiB PSS (command, daemon, helpers: ${parts})`;
}

function withDescendants(pid: number): number[] {
  const children = readIfThere(`/proc/${pid}/task/${pid}/children`).split(" ").filter(Boolean);
  return [pid, ...children.flatMap((child) => withDescendants(Number(child)))];
}

function pssMebibytes(pid: number): number {
  const kibibytes = /^Pss:\s+(\d+) kB/m.exec(readIfThere(`/proc/${pid}/smaps_rollup`))?.[1];
  return Number(kibibytes ?? 0) / 1024;
}

/** "" for a process that has ended meanwhile. */
function readIfThere(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}

function unpackFlagsOf(compression: string): readonly string[] {
  if (compression === "gzip") return ["-xzf"];
  if (compression === "zstd") return ["--zstd", "-xf"];
  if (compression === "none") return ["-xf"];
  throw new Error(`Unknown compression "${compression}"`);
}

function writeArchive(): void {
  const layers = packed.map((file) => {
    const content = readFileSync(file);
    const unpack = { gzip: ["gzip", "-dc", file], zstd: ["zstd", "-dc", file] }[values.compression];
    const tar = unpack === undefined ? content : command(unpack[0] ?? "", unpack.slice(1));
    return { packed: content, tar };
  });
  writeFileSync(archive, ociArchive([{ name: "bench", layers }]));
}

/** A third of the bytes is noise, the rest text-like, as in real images; gzip makes about half of it. */
function makeLayer(index: number): string {
  const tree = join(base, `tree${index}`);
  const count = Math.ceil(files / layerCount);
  const size = Math.floor(bytes / files);
  const noise = randomBytes(1 << 20);
  const text = Buffer.from(
    "the quick brown fox jumps over the lazy dog 0123456789 ".repeat(40_000),
  );
  for (let i = 0; i < count; i++) {
    const folder = join(tree, `layer${index}`, `d${i % 97}`, `s${i % 400}`);
    mkdirSync(folder, { recursive: true });
    // Sizes from a tenth to twice the mean: the mean stays.
    const length = i % 10 === 0 ? size * 5 : Math.floor(size * (0.1 + ((i * 7) % 10) / 10));
    const at = (i * 7919) % (1 << 19);
    writeFileSync(
      join(folder, `f${i}`),
      Buffer.concat([
        noise.subarray(at, at + Math.floor(length / 3)),
        text.subarray(at, at + Math.ceil((2 * length) / 3)),
      ]),
    );
  }
  const tarFile = join(base, `layer${index}.tar`);
  command("tar", ["-cf", tarFile, "-C", tree, "."]);
  rmSync(tree, { recursive: true });
  if (values.compression === "gzip") command("gzip", ["-6", tarFile]);
  if (values.compression === "zstd") command("zstd", ["-q", "--rm", tarFile]);
  return `${tarFile}${{ gzip: ".gz", zstd: ".zst" }[values.compression] ?? ""}`;
}

function nspod(args: readonly string[]): void {
  command(values.nspod, args, env);
}

function command(file: string, args: readonly string[], environment = process.env): Buffer {
  const done = spawnSync(file, args, {
    env: environment,
    maxBuffer: 2 ** 31,
    stdio: ["ignore", "pipe", "inherit"],
  });
  if (done.status !== 0) throw new Error(`${file} ${args.join(" ")} failed`);
  return done.stdout;
}
