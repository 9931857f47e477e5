// Promise: a container that takes descriptors, sockets, watches and files, and writes without end, takes them from
// itself: its neighbour and the daemon go on, and everything is gone with the pod (security: KRN-15).
import * as assert from "uvu/assert";
import { podSuite } from "../support/pod-suite.ts";
import { requires } from "../support/requires.ts";

requires("root", "kernel:5.15");

const { test, run } = podSuite("exhaustion", "testbox");

const image = "nspod/testbox";
const wanted = { fds: 15_000, sockets: 15_000, watches: 500, folders: 500 } as const;

test("floods of descriptors, sockets, watches, folders and lines leave neighbour and daemon alive", async (pods) => {
  const floods = Object.entries(wanted).map(([kind, count]) => ({
    ...{ name: kind, image, command: ["attack", "take", kind, String(count)] },
  }));
  const lines = {
    name: "lines",
    image,
    command: ["sh", "-c", "echo begun; yes flood | head -c 50000000; exec sleep 1000"],
  };
  await pods.up("neighbour", { containers: [{ name: "main", image, command: ["sleep", "1000"] }] });
  await pods.up("flood", { containers: [...floods, lines] });
  for (const [kind, count] of Object.entries(wanted)) {
    await pods.untilLogged("flood", kind, ` ${kind} error=`);
    // All of them: none is something that the host has few of.
    assert.is(await pods.log("flood", kind), `took=${count} ${kind} error=none\n`);
  }
  assert.is(await pods.ask("neighbour", "echo here"), "here");
  const names = (await pods.instance.must(["get", "pods", "-o", "name"])).trim().split("\n");
  assert.equal(names.sort(), ["pod/flood", "pod/neighbour"]);
  await pods.up("late", { containers: [{ name: "main", image, command: ["sleep", "1000"] }] });
  await pods.delete("flood", "late");
  assert.is(await pods.ask("neighbour", "echo still here"), "still here");
  await pods.delete("neighbour");
}, 60_000);

test("orphans without end are reaped, and no cgroup can be made", async (pods) => {
  const script = `i=0; while [ $i -lt 200 ]; do (true &) ; i=$((i+1)); done; wait
    sleep 1; ps | grep -c 'Z' ; mkdir /sys/fs/cgroup/own 2>&1; echo done; exec sleep 1000`;
  const containers = [{ name: "main", image, command: ["sh", "-c", script] }];
  await pods.up("orphans", { containers, shareProcessNamespace: true });
  await pods.untilLogged("orphans", "main", "done\n", 30_000);
  const text = await pods.log("orphans", "main");
  assert.match(text, "mkdir: can't create directory '/sys/fs/cgroup/own': Read-only file system");
  assert.ok(Number(/^\d+/.exec(text)?.[0]) <= 10, text);
  await pods.delete("orphans");
}, 60_000);

run();
