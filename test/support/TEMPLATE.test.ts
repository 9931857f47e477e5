// Copy this file to test/unit/<folder>/<name>.test.ts (or test/integration/<promise>.test.ts, and
// keep the marked lines). Suite = the symbol or the promise, test = its behaviour in a sentence.
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { requires } from "./requires.ts"; // integration: "../support/requires.ts"
import { withDeadline } from "./with-deadline.ts";

requires("kernel:5.15"); // integration only: "root", "cgroup2:memory", "tool:umoci" …

const template = suite("readLines()");
let folder = "";

template.before.each(async () => {
  folder = await mkdtemp(join(tmpdir(), "nspod-template-"));
});

// Runs after failures too: cleaning belongs here, not at the end of a test.
template.after.each(async () => {
  await rm(folder, { recursive: true, force: true });
});

template(
  "keeps the order of lines",
  withDeadline(1000, async () => {
    const path = join(folder, "lines");
    await writeFile(path, "b\na\n");
    assert.equal(await readLines(path), ["b", "a"]);
  }),
);

template.run();

async function readLines(path: string): Promise<string[]> {
  return (await readFile(path, "utf8")).split("\n").slice(0, -1);
}
