// `make bench`: measures nspod side by side with other runtimes and with what the kernel alone takes.
//
//   ONLY=start,exec   these measures (default: all)    ROUNDS=5   of each measure (default: each its own)
//   SCRATCH=/dev/shm  folder for all state             OUT=folder where results go
//
// Prints what it finds as it goes. A whole run writes to test/bench/results/ and README.md, others to dist/bench/results/.
import { mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";
import { runCommand } from "../support/run-command.ts";
import { compilePrograms } from "./compile-programs.ts";
import { bigImage, smallImage } from "./images.ts";
import type { Bench, Measure } from "./measure.ts";
import { density } from "./measures/density.ts";
import { down } from "./measures/down.ts";
import { exec } from "./measures/exec.ts";
import { get } from "./measures/get.ts";
import { importMeasure } from "./measures/import.ts";
import { logs } from "./measures/logs.ts";
import { memory } from "./measures/memory.ts";
import { objects } from "./measures/objects.ts";
import { rate } from "./measures/rate.ts";
import { startMeasure } from "./measures/start.ts";
import { upAndDown } from "./measures/up-and-down.ts";
import { resetAll } from "./nspod.ts";
import { containerd } from "./peers/containerd.ts";
import { crun } from "./peers/crun.ts";
import { docker } from "./peers/docker.ts";
import { findProgram, type Peer } from "./peers/peer.ts";
import { podman } from "./peers/podman.ts";
import { skopeo } from "./peers/skopeo.ts";
import type { Place } from "./place.ts";
import { type Results, thisMachine, versionIn } from "./results.ts";
import { reasonOf } from "./rounds.ts";
import { type Absence, type Findings, rows, type Series } from "./rows.ts";
import { median } from "./statistics.ts";
import { formatResults, formatValue } from "./table.ts";
import { shownFolder, writeResults } from "./write-results.ts";

const repository = join(import.meta.dirname, "../..");
const measures: readonly Measure[] = [
  importMeasure,
  startMeasure,
  upAndDown,
  down,
  exec,
  get,
  rate,
  density,
  memory,
  logs,
  objects,
];
const peers: readonly Peer[] = [podman, skopeo, crun, containerd, docker];

const chosen = chooseMeasures(process.env["ONLY"]);
const place = await makePlace();
// Stopped from outside, everything must go, too. Rooms end with this process.
for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => process.exit(1));
process.on("exit", () => {
  resetAll();
  rmSync(place.folder, { recursive: true, force: true });
});

const series: Series[] = [];
const absences: Absence[] = [];
const failed: string[] = [];
const usable: Peer[] = [];
const versions: Record<string, string> = { node: process.versions.node };
for (const peer of peers) {
  const missing = peer.needs.filter((program) => findProgram(program, place.path) === undefined);
  if (missing.length > 0) {
    absences.push({ who: peer.name, reason: `${missing.join(", ")} not in PATH: make bench-deps` });
    continue;
  }
  usable.push(peer);
  const [file = "", ...args] = peer.version;
  const { stdout } = await runCommand(file, args, { env: { PATH: place.path } });
  versions[peer.name] = versionIn(stdout);
}
const wantedRounds = Number(process.env["ROUNDS"] ?? 0);
const bench: Bench = { place, peers: usable, rounds: (usual) => wantedRounds || usual };
for (const measure of chosen) {
  const begin = performance.now();
  console.log(`${measure.name}:`);
  let found: Findings;
  try {
    found = await measure.run(bench);
  } catch (error) {
    console.log(`    failed: ${reasonOf(error)}`);
    failed.push(measure.name);
    continue;
  }
  series.push(...found.series);
  absences.push(...found.absences);
  for (const { row, who, values } of found.series) {
    const [middle, least, most] = [median(values), Math.min(...values), Math.max(...values)];
    const show = (value: number): string => formatValue(value);
    console.log(
      `    ${rows[row].title.padEnd(44)} ${who.padEnd(12)} ${show(middle).padStart(8)} ${rows[row].unit}   ${show(least)} to ${show(most)}, ${values.length} values`,
    );
  }
  for (const { who, reason } of found.absences) console.log(`    without ${who}: ${reason}`);
  for (const remark of found.remarks ?? []) console.log(`    ${remark}`);
  console.log(`    (${((performance.now() - begin) / 1000).toFixed(0)} s)`);
}
const results: Results = {
  date: new Date().toISOString().slice(0, 10),
  machine: thisMachine(),
  versions,
  series,
  absences,
};
const isWhole = chosen.length === measures.length && failed.length === 0;
const out = process.env["OUT"] ?? (isWhole ? shownFolder : join(repository, "dist/bench/results"));
writeResults(results, out);
console.log(`\n${formatResults(results)}\nWritten to ${out}`);
if (failed.length > 0) {
  console.log(`Failed: ${failed.join(", ")}`);
  process.exitCode = 1;
}

function chooseMeasures(only: string | undefined): readonly Measure[] {
  if (!only) return measures;
  const words = only.split(",");
  const unknown = words.filter((word) => measures.every(({ name }) => name !== word));
  if (unknown.length === 0) return measures.filter(({ name }) => words.includes(name));
  const names = measures.map(({ name }) => name).join(", ");
  throw new Error(`There is no measure "${unknown.join(", ")}"; there are ${names}`);
}

async function makePlace(): Promise<Place> {
  const folder = mkdtempSync(join(process.env["SCRATCH"] ?? "/dev/shm", "nspod-bench-"));
  const unpacked = join(repository, "dist/bench/debian/usr");
  const small = await smallImage(
    join(repository, "dist/images/busybox.tar"),
    join(folder, "small"),
  );
  const cache = join(process.env["XDG_CACHE_HOME"] ?? "/var/cache", "nspod-bench");
  let big: ReturnType<typeof bigImage> | undefined;
  return {
    name: `nspod-bench-${process.pid}`,
    folder,
    path: `${unpacked}/bin:${unpacked}/sbin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin`,
    small,
    big: async () => {
      big ??= bigImage(cache, join(folder, "big"));
      return await big;
    },
    ...(await compilePrograms(folder)),
  };
}
