// `make test` and `make check`: runs the steps one after the other, goes on after a failure, says
// what of the table of safety has passed, and ends with the sum "N passed, N failed". A step that prints such a line itself (the test runner)
// counts as that many; any other step is one test.
import { spawn } from "node:child_process";
import { securitySummary } from "./security-table.ts";

interface Step {
  readonly title: string;
  readonly command: readonly string[];
}

const node = process.execPath;
const make = ["make", "--no-print-directory"];

const CHECK: readonly Step[] = [
  { title: "format and lint", command: [node, "node_modules/.bin/biome", "check"] },
  { title: "types", command: [node, "node_modules/.bin/tsc", "--noEmit", "-p", "."] },
  {
    title: "lint with types",
    command: [node, "node_modules/.bin/eslint", "--max-warnings=0", "src", "test"],
  },
  { title: "unused code", command: [node, "node_modules/.bin/knip"] },
  {
    title: "floors",
    command: [
      node,
      "test/support/run.ts",
      "test/unit/floors.test.ts",
      "test/unit/top-level.test.ts",
    ],
  },
  {
    title: "generated definitions",
    command: [node, "src/spec/kubernetes.generate.ts", "--check"],
  },
  {
    title: "generated protobuf fields",
    command: [node, "src/spec/protobuf.generate.ts", "--check"],
  },
  {
    title: "generated files",
    command: [...make, "-C", "native", "OUT=../dist/native", "abi-check"],
  },
  { title: "C warnings", command: [...make, "-C", "native", "OUT=../dist/native", "check"] },
];

const TEST: readonly Step[] = [
  ...CHECK.filter((step) => step.title !== "floors"), // the unit tests hold them
  { title: "C unit tests", command: [...make, "-C", "native", "OUT=../dist/native", "test"] },
  { title: "unit tests", command: [...make, "test-unit"] },
  { title: "integration tests", command: [...make, "test-root"] },
];

let passed = 0;
let failed = 0;
const failures: string[] = [];
const failedFiles: string[] = [];
const unsteady: string[] = [];
for (const step of process.argv[2] === "check" ? CHECK : TEST) {
  const begin = performance.now();
  console.log(`== ${step.title}`);
  const { code, output } = await run(step.command);
  const seconds = ((performance.now() - begin) / 1000).toFixed(1);
  const counts = [...output.matchAll(/^(\d+) passed, (\d+) failed$/gm)].at(-1);
  let [stepPassed, stepFailed] = counts ? [Number(counts[1]), Number(counts[2])] : [0, 0];
  if (!counts && code === 0) stepPassed = 1;
  if (code !== 0) stepFailed = Math.max(stepFailed, 1);
  failedFiles.push(...[...output.matchAll(/^ {2}failed: (\S+):/gm)].map(([, file = ""]) => file));
  unsteady.push(...[...output.matchAll(/^ {2}unsteady: .*$/gm)].map(([line]) => line));
  passed += stepPassed;
  failed += stepFailed;
  if (stepFailed > 0) failures.push(step.title);
  console.log(`== ${step.title}: ${stepFailed > 0 ? "FAILED" : "ok"}, ${seconds} s`);
}
if (process.argv[2] !== "check") console.log(securitySummary(failedFiles).join("\n"));
if (unsteady.length > 0) console.log(["Passed the second time only:", ...unsteady].join("\n"));
if (failures.length > 0) console.log(`Failed: ${failures.join(", ")}`);
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed > 0 ? 1 : 0;

/** Runs a command; its output goes to ours as it comes and is returned too. */
async function run(command: readonly string[]): Promise<{ code: number; output: string }> {
  const [file = "", ...args] = command;
  const child = spawn(file, args, { stdio: ["ignore", "pipe", "inherit"] });
  let output = "";
  child.stdout.setEncoding("utf8").on("data", (chunk: string) => {
    output += chunk;
    process.stdout.write(chunk);
  });
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  child.on("error", reject).on("close", (code) => resolve(code ?? 1));
  return { code: await promise, output };
}
