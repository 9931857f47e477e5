import { suite } from "uvu";
import * as assert from "uvu/assert";
import { statsRows, topRows } from "../../../src/cli/usage-rows.ts";
import type { PodUsage, Usage } from "../../../src/pod/pod-meter.ts";

function pod(name: string, namespace: string, total: Usage): PodUsage {
  const facts = { uid: name, labels: {}, timeMs: 0, windowMs: 1000 };
  return {
    name,
    namespace,
    ...facts,
    total,
    containers: [{ name: "main", startedAtMs: 0, ...total }],
  };
}

const busy = pod("busy", "b", { cpuMillis: 250.2, pids: 3 });
const large = pod("large", "a", {
  cpuMillis: 0,
  pids: 1,
  memory: { currentBytes: 9e6, workingSetBytes: 5 * 1024 * 1024, limitBytes: 10 * 1024 * 1024 },
});

const rows = suite("topRows()");

rows("sorts by what is asked for, and shows what is not known as a dash", () => {
  assert.equal(topRows([busy, large], { sortBy: "memory", sum: true }), [
    ["NAME", "CPU(cores)", "MEMORY(bytes)"],
    ["large", "0m", "5Mi"],
    ["busy", "251m", "-"],
    ["", "251m", "5Mi"],
  ]);
  assert.equal(topRows([busy, large], { allNamespaces: true, containers: true, headers: false }), [
    ["a", "large", "main", "0m", "5Mi"],
    ["b", "busy", "main", "251m", "-"],
  ]);
});

rows("statsRows() has a row for each container", () => {
  const [, first, second] = statsRows([busy, large]);
  assert.equal(first, ["busy", "main", "25.02%", "-", "-", "-", "-", "-", "3"]);
  assert.equal(second?.slice(3, 5), ["5.24MB / 10.5MB", "50.00%"]);
});

rows.run();
