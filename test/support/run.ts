// The test runner: every test file is a uvu program in a process (and process group) of its own.
//   run.ts [--parallel N] [--limit SECONDS] [--title WORDS] [--again] [--emulated LIST] FILE|FOLDER…
// --again: a file that failed runs once more when the others have ended. The second verdict counts, and the file is
// named as unsteady: what depends on the load of a machine shall be mended, not hide what else a run has found.
// --emulated: in a guest without KVM only the files that LIST names run; the others are named.
// Why not uvu's own: it loads all files into one process, has no time limit, and swallows errors of
// hooks (its exit status stays 0). Failed here = tests that did not pass, plus one for a file that
// crashed, ran no test, left `only` or an unexplained skip behind, or did not end in time.
// Last line: "N passed, N failed". Exit status 1 when anything failed.
import { spawn } from "node:child_process";
import { readdirSync, readFileSync, statSync } from "node:fs";
import { availableParallelism } from "node:os";
import { basename, join, relative } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import { type FileResult, judge } from "./judge.ts";
import { patient } from "./patience.ts";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    parallel: { type: "string", default: String(Math.min(availableParallelism(), 4)) },
    limit: { type: "string", default: "120" },
    title: { type: "string", default: "tests" },
    again: { type: "boolean", default: false },
    emulated: { type: "string" },
  },
});

const limitMs = patient(Number(values.limit) * 1000);
const files = chosen(positionals.flatMap(testFiles).sort());
const children = new Set<number>();
// A terminal's Ctrl-C reaches only our own group; the children have groups of their own.
for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.on(signal, () => {
    for (const pid of children) killGroup(pid);
    process.exit(130);
  });
}

const started = performance.now();
let results: FileResult[] = [];
const queue = [...files];
await Promise.all(Array.from({ length: Number(values.parallel) }, worker));
const unsteady = values.again ? await runAgain(results.filter((each) => each.failed > 0)) : [];

const passed = results.reduce((sum, result) => sum + result.passed, 0);
const failed = results.reduce((sum, result) => sum + result.failed, 0);
const skipped = results.reduce((sum, result) => sum + result.skips.length, 0);
const seconds = ((performance.now() - started) / 1000).toFixed(1);
console.log(`${values.title}: ${files.length} files, ${seconds} s, ${skipped} skipped`);
for (const { file, problems } of unsteady) {
  console.log(`  unsteady: ${file}: ${problems.join("; ")}; the second time it passed`);
}
for (const result of results.filter((each) => each.failed > 0)) {
  console.log(`  failed: ${result.file}: ${result.problems.join("; ")}`);
}
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed > 0 ? 1 : 0;

async function worker(): Promise<void> {
  for (let file = queue.shift(); file !== undefined; file = queue.shift()) {
    let result = await runFile(file);
    if (isEndedByV8(result)) {
      console.log(`again ${result.file}: V8 ended it before its first test`);
      result = await runFile(file);
    }
    results.push(result);
    print(result);
  }
}

/** Runs each once more, alone. @returns the first verdicts of those that have passed now. */
async function runAgain(first: readonly FileResult[]): Promise<readonly FileResult[]> {
  const steadied: FileResult[] = [];
  for (const before of first) {
    console.log(`again ${before.file}`);
    const result = await runFile(before.file);
    print(result);
    results = results.map((each) => (each === before ? result : each));
    if (result.failed === 0) steadied.push(before);
  }
  return steadied;
}

/**
 * V8's registry of compiled code may lose a page while WebAssembly is loaded, and Node.js strips types with that
 * (nodejs/node#64500, Node.js 24). Only what V8 says itself, and only before any test has run.
 */
function isEndedByV8({ output }: FileResult): boolean {
  return /^# Fatal error in /m.test(output) && !/[•✘]/.test(output);
}

async function runFile(file: string): Promise<FileResult> {
  const begin = performance.now();
  const child = spawn(process.execPath, [file], {
    detached: true,
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, NODE_NO_WARNINGS: "1", FORCE_COLOR: "0" },
  });
  const pid = child.pid;
  if (pid !== undefined) children.add(pid);
  let output = "";
  const collect = (chunk: string): void => {
    output += chunk;
  };
  child.stdout.setEncoding("utf8").on("data", collect);
  child.stderr.setEncoding("utf8").on("data", collect);
  let timedOut = false;
  const timer = setTimeout(() => {
    timedOut = true;
    if (pid !== undefined) killGroup(pid);
  }, limitMs);
  const closed = new Promise<void>((resolve) => child.on("close", () => resolve()));
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  child.on("error", reject).on("exit", (code, signal) => resolve(signal ?? String(code)));
  const ending = await promise;
  clearTimeout(timer);
  if (pid !== undefined) {
    killGroup(pid);
    children.delete(pid);
  }
  // "close" comes when the last writer is gone: a process that the test left in another session
  // must not hold us up, so wait for it only as long as reading what is in the pipe can take.
  await Promise.race([closed, sleep(500, undefined, { ref: false })]);
  child.stdout.destroy();
  child.stderr.destroy();
  return judge({
    file: relative(process.cwd(), file),
    output,
    ending,
    limitSeconds: timedOut ? limitMs / 1000 : undefined,
    durationMs: performance.now() - begin,
  });
}

function killGroup(pid: number): void {
  try {
    process.kill(-pid, "SIGKILL");
  } catch (error) {
    // ESRCH: the group is empty already, which is what we want.
    if (!(error instanceof Error && "code" in error && error.code === "ESRCH")) throw error;
  }
}

function print(result: FileResult): void {
  const mark = result.failed > 0 ? "FAIL" : "ok  ";
  const time = `${(result.durationMs / 1000).toFixed(1)} s`;
  console.log(`${mark} ${result.file}  ${result.passed} passed, ${result.failed} failed  ${time}`);
  for (const skip of result.skips) console.log(`     skipped: ${skip}`);
  if (result.failed > 0) {
    for (const problem of result.problems) console.log(`     ${problem}`);
    console.log(result.output.replace(/^/gm, "     | "));
  }
}

function testFiles(path: string): string[] {
  if (!statSync(path).isDirectory()) return [path];
  return readdirSync(path, { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".test.ts"))
    .map((name) => join(path, name));
}

/** All files, or in a guest that emulates its processor those that the list names. */
function chosen(all: readonly string[]): readonly string[] {
  if (values.emulated === undefined || patient(1) === 1) return all;
  const names = readFileSync(values.emulated, "utf8")
    .split("\n")
    .filter((line) => line !== "" && !line.startsWith("#"));
  const left = all.filter((file) => !names.includes(basename(file)));
  console.log(`Left out of ${all.length}, because this guest has no KVM: ${left.length} files:`);
  for (const file of left) console.log(`  SKIP ${basename(file)}`);
  return all.filter((file) => names.includes(basename(file)));
}
