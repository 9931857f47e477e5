// The rehearsal does the work of a real start, and leaves nothing behind.
import { existsSync } from "node:fs";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import type { EngineContext } from "../../../src/pod/context.ts";
import { rehearse, rehearseOnce } from "../../../src/pod/rehearsal.ts";

const filter = Buffer.alloc(8, 1);
// What would make something is not there: to touch it would be an error.
const context = {
  instance: {
    root: "/nowhere/root",
    run: "/nowhere/run",
    bridge: "nspod9",
    subnet: "192.0.2.0/24",
    serviceSubnet: "198.51.100.0/24",
    cgroup: "/nowhere",
  },
  hierarchy: { directory: "/nowhere/cgroup", controllers: new Set(["cpu"] as const) },
  nodeMemoryBytes: 1 << 30,
  nodeCapabilities: [],
} as Partial<EngineContext> as EngineContext;

const rehearsal = suite("rehearse()");

rehearsal("writes the programs of a sandbox and of a container", () => {
  const [launch, start] = rehearseOnce(context, filter).map((bytes) => bytes.toString("latin1"));
  for (const text of ["shim.sock", "eth0", "/nowhere/run/pods/"]) assert.ok(launch?.includes(text));
  for (const text of ["overlay", "lowerdir=", "/bin/sh"]) assert.ok(start?.includes(text), text);
});

rehearsal("makes nothing", async () => {
  await rehearse(context, filter, () => false);
  assert.not(existsSync("/nowhere"));
});

rehearsal("lets others work between two rounds, and stops when it is told to", async () => {
  let turns = 0;
  const count = (): void => {
    turns++;
    if (turns < 3) setImmediate(count);
  };
  setImmediate(count);
  await rehearse(context, filter, () => turns === 3);
  assert.is(turns, 3);
});

rehearsal.run();
