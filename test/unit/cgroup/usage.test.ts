import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { parseIo, readUsage, workingSet } from "../../../src/cgroup/usage.ts";

const usage = suite("readUsage()");
let folder = "";

usage.before.each(() => {
  folder = mkdtempSync(join(tmpdir(), "nspod-usage-"));
});

usage.after.each(() => rmSync(folder, { recursive: true }));

const write = (name: string, text: string): void => writeFileSync(join(folder, name), text);

usage("reads what all controllers tell", () => {
  write("cpu.stat", "usage_usec 1500\nuser_usec 1000\nsystem_usec 500\n");
  write("memory.current", "1000\n");
  write("memory.stat", "anon 300\ninactive_file 400\nactive_file 10\n");
  write("memory.peak", "1200\n");
  write("memory.max", "max\n");
  write("pids.current", "3\n");
  write("io.stat", "8:0 rbytes=10 wbytes=20 rios=1 wios=2\n8:16 rbytes=1 wbytes=2\n");
  assert.equal(readUsage(folder), {
    pids: 3,
    cpuMicroseconds: 1500,
    memory: { currentBytes: 1000, workingSetBytes: 600, peakBytes: 1200 },
    io: { readBytes: 11, writeBytes: 22 },
  });
  write("memory.max", "2000\n");
  assert.is(readUsage(folder)?.memory?.limitBytes, 2000);
});

usage("leaves out what has no controller, and counts threads itself", () => {
  write("cpu.stat", "usage_usec 7\n");
  write("cgroup.threads", "10\n11\n");
  mkdirSync(join(folder, "command-0"));
  write("command-0/cgroup.threads", "12\n");
  assert.equal(readUsage(folder), { pids: 3, cpuMicroseconds: 7 });
});

usage("says when the cgroup is gone", () => {
  assert.is(readUsage(join(folder, "gone")), undefined);
});

usage("a working set is never below zero", () => {
  assert.is(workingSet(10, 20), 0);
  assert.equal(parseIo(""), { readBytes: 0, writeBytes: 0 });
});

usage.run();
