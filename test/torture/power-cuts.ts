// The power of a machine goes at random points of its work: what its disk holds then is a store that opens, with all
// that was told as stored, and no half images (security: C-04, C-05).
//
// A guest works on a disk that remembers every write and every flush (support/recorded-disk.ts). Each cut is made of
// these: all that was written before the last flush, and of what came later all, nothing, or some sectors. A daemon on
// this machine, for which it is the boot after a power cut, starts on each (power-check.ts).
import { spawn } from "node:child_process";
import { rmSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { readLines } from "../../src/cli/json-lines.ts";
import { DiskHistory, type Survives } from "../support/disk-history.ts";
import { Instance } from "../support/instance.ts";
import { RecordedDisk } from "../support/recorded-disk.ts";
import { firstMissing } from "../support/requires.ts";
import { mustRun } from "../support/run-command.ts";
import { type Figures, share } from "./figures.ts";
import { PowerCheck } from "./power-check.ts";
import { type Fact, Facts, type Moment } from "./power-facts.ts";

const cuts = share(100);
/** So much is told to the workload as done: pods, objects and images that came, changed and went. */
const told = Math.max(60, share(400));
/** Of work, on a machine where that much takes too long. */
const longestMs = 600_000;
const diskBytes = 1 << 30;
const tools = ["tool:qemu-system-x86_64", "tool:mkfs.ext4"] as const;
const repository = join(import.meta.dirname, "../..");

/** What becomes of the writes since the last flush. */
const fates: readonly (readonly [string, () => Survives])[] = [
  ["all", () => () => true],
  ["none", () => () => false],
  ["some", survivesByChance],
];

function survivesByChance(): Survives {
  const part = Math.random();
  return () => Math.random() < part;
}

export async function powerCuts(figures: Figures): Promise<void> {
  const missing = firstMissing(["arch:x64", ...tools, "file:/dev/loop-control"]);
  if (missing !== undefined) {
    throw new Error(`${missing.need}: ${missing.reason}: see "make vm-deps"`);
  }
  await using instance = await Instance.start();
  const at = (name: string): string => join(instance.base, name);
  const check = await PowerCheck.start(instance);
  const files = { disk: at("disk"), log: at("log"), past: at("past") };
  writeFileSync(files.disk, "");
  truncateSync(files.disk, diskBytes);
  await mustRun("mkfs.ext4", ["-q", "-E", "lazy_itable_init=0,lazy_journal_init=0", files.disk]);
  await mustRun("cp", ["--sparse=always", files.disk, files.past]);
  using history = new DiskHistory(files);
  const facts = await work(instance, at("disk.sock"), history);
  const moments = randomMoments(history, facts);
  const wrong: unknown[] = [];
  const sums = fates.map(([name, fate]) => ({ name, fate, cuts: 0, open: 0, lost: 0 }));
  for (const [index, moment] of moments.entries()) {
    const sum = sums[index % sums.length];
    if (sum === undefined) continue;
    const { open, lost } = await history.cut(moment.position, sum.fate(), at("cut"));
    sum.cuts += 1;
    sum.open += open;
    sum.lost += lost;
    const problems = await check.problemsOf(at("cut"), facts.allowedAt(moment));
    if (problems.length > 0) wrong.push({ ...moment, fate: sum.name, open, lost, problems });
    rmSync(at("cut"));
  }
  for (const { name, cuts: count, open, lost } of sums) {
    const what = `power cuts, ${name} of the writes since the last flush survive`;
    figures.add("C-04", what, "some", `${count}, ${lost} of ${open} sectors lost`, count > 0);
  }
  figures.add("C-04", "power cuts in all", String(cuts), moments.length, moments.length === cuts);
  const last = moments.at(-1);
  const done = last === undefined ? 0 : facts.doneBy(last);
  const { images, layers } = check;
  figures.add("C-04", "facts told to the workload before the last one", "some", done, done > 0);
  figures.add("C-04", "images saved, layers compared", "some", `${images}, ${layers}`, layers > 0);
  figures.none("C-04", "disks that are not as they must be", wrong);
}

/** Runs the workload in a guest, until enough is done. */
async function work(instance: Instance, socket: string, history: DiskHistory): Promise<Facts> {
  await using _disk = await RecordedDisk.listen(socket, diskBytes, history);
  const facts = new Facts();
  const variables = Object.entries(instance.env).map(([name, value]) => `${name}=${value}`);
  const workload = join(import.meta.dirname, "power-workload.ts");
  const images = join(repository, "dist/images");
  const command = [process.execPath, workload, images];
  const guest = spawn(join(repository, "test/vm/run.sh"), ["env", ...variables, ...command], {
    cwd: repository,
    env: { ...process.env, SECOND_DISK: `nbd+unix:///?socket=${socket}`, MEM: "2048", DISK: "1G" },
    stdio: ["ignore", "pipe", "inherit"],
    detached: true,
  });
  const status = new Promise<number | null>((resolve, reject) => {
    guest.on("error", reject).on("close", resolve);
  });
  let isEnough = false;
  const end = (): void => {
    if (isEnough || guest.pid === undefined) return;
    isEnough = true;
    // All of run.sh's programs: it takes away its folder then.
    process.kill(-guest.pid, "SIGTERM");
  };
  let timer: NodeJS.Timeout | undefined;
  let done = 0;
  for await (const line of readLines(guest.stdout)) {
    // What comes after the cut counts for nothing; the last line may be half of one.
    if (isEnough) continue;
    if (!line.startsWith('{"step"')) {
      console.log(line);
      continue;
    }
    const fact = JSON.parse(line) as Fact;
    facts.add(fact, { position: history.length, ms: performance.now() });
    timer ??= setTimeout(end, longestMs);
    if (fact.step === "done") done += 1;
    if (done >= told) end();
  }
  clearTimeout(timer);
  const code = await status;
  if (!isEnough) throw new Error(`The guest ended with ${code}`);
  return facts;
}

/** Between the first fact and the last one, each behind a write of its own, in their order. */
function randomMoments(history: DiskHistory, facts: Facts): readonly Moment[] {
  const { first, last } = facts.span;
  const positions = history.writesBetween(first, last);
  while (positions.length > cuts) {
    positions.splice(Math.floor(Math.random() * positions.length), 1);
  }
  return positions.map((position) => ({ position, ms: history.timeOf(position - 1) }));
}
