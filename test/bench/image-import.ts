// How long an import takes beside GNU tar unpacking the same layers, in one run on one file system:
//   image-import.ts [--files 20000] [--megabytes 500] [--layers 1] [--folder /dev/shm] [--runs 3]
// Prints both times and their ratio (the promise: at most 1.5). The import also reads and hashes
// the archive, keeps the packed layers and flushes all to disk; tar does nothing of that.
import { spawnSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { ImageStore } from "../../src/image/store.ts";
import { ociArchive } from "../support/image-archive.ts";

const { values } = parseArgs({
  options: {
    files: { type: "string", default: "20000" },
    megabytes: { type: "string", default: "500" },
    layers: { type: "string", default: "1" },
    folder: { type: "string", default: "/dev/shm" },
    runs: { type: "string", default: "3" },
  },
});
const [files, bytes] = [Number(values.files), Number(values.megabytes) * 2 ** 20];
const [layerCount, runs] = [Number(values.layers), Number(values.runs)];

const base = mkdtempSync(join(values.folder, "nspod-bench-"));
process.on("exit", () => rmSync(base, { recursive: true, force: true }));
const packed = Array.from({ length: layerCount }, (_, index) => makeLayer(index));
const archive = join(base, "image.tar");
writeFileSync(
  archive,
  ociArchive([
    {
      name: "bench",
      layers: packed.map((file) => ({
        packed: readFileSync(file),
        tar: command("gzip", ["-dc", file]),
      })),
    },
  ]),
);

const ratios: number[] = [];
for (let run = 0; run < runs; run++) {
  const tarMs = timeTar();
  const importMs = await timeImport();
  ratios.push(importMs / tarMs);
  console.log(
    `run ${run + 1}: tar -xzf ${tarMs.toFixed(0)} ms, import ${importMs.toFixed(0)} ms, ratio ${(importMs / tarMs).toFixed(2)}`,
  );
}
ratios.sort((a, b) => a - b);
const median = ratios[Math.floor(ratios.length / 2)] ?? 0;
console.log(
  `median ratio ${median.toFixed(2)} (${files} files, ${values.megabytes} MB, ${layerCount} layers, ${values.folder})`,
);
process.exitCode = median <= 1.5 ? 0 : 1;

function timeTar(): number {
  const target = join(base, "tar");
  mkdirSync(target);
  const begin = performance.now();
  for (const file of packed) command("tar", ["-xzf", file, "-C", target]);
  const ms = performance.now() - begin;
  rmSync(target, { recursive: true });
  return ms;
}

async function timeImport(): Promise<number> {
  const root = join(base, "root");
  const store = ImageStore.open({ root });
  const begin = performance.now();
  await store.load({ path: archive });
  const ms = performance.now() - begin;
  rmSync(root, { recursive: true });
  return ms;
}

/** A third of the bytes is text-like, as in real images; gzip makes about half of it. */
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
  command("gzip", ["-6", tarFile]);
  return `${tarFile}.gz`;
}

function command(file: string, args: readonly string[]): Buffer {
  const done = spawnSync(file, args, { maxBuffer: 2 ** 31, stdio: ["ignore", "pipe", "inherit"] });
  if (done.status !== 0) throw new Error(`${file} ${args.join(" ")} failed`);
  return done.stdout;
}
