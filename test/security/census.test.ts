// Promise: `nspod system census` names everything of an instance with its owner, and what looks like
// its own and has none (security: C-15). A process that has ended is nobody's any more.
import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync, rmdirSync } from "node:fs";
import { join } from "node:path";
import * as assert from "uvu/assert";
import type { OwnedThing } from "../../src/cli/census.ts";
import { eventually } from "../support/eventually.ts";
import { LiveCommand } from "../support/live-command.ts";
import { podSuite } from "../support/pod-suite.ts";
import { type Pods, sleeper } from "../support/pods.ts";
import { cgroup2MountPoint, requires } from "../support/requires.ts";

requires("root", "tool:ip");

const { test, run } = podSuite("system census", "busybox");

interface Answer {
  readonly items: readonly OwnedThing[];
  readonly withoutOwner: number;
  readonly code: number | undefined;
}

async function census(pods: Pods): Promise<Answer> {
  const { code, stdout } = await pods.instance.nspod(["system", "census", "-o", "json"]);
  return { ...(JSON.parse(stdout) as Omit<Answer, "code">), code: code ?? undefined };
}

/** How many things of each kind an owner has. */
function counts({ items }: Answer, owner: string | undefined): Record<string, number> {
  const counted: Record<string, number> = {};
  for (const each of items.filter((thing) => thing.owner === owner)) {
    counted[each.kind] = (counted[each.kind] ?? 0) + 1;
  }
  return counted;
}

test("names everything of a pod, and nothing of it when it is gone", async (pods) => {
  const main = sleeper("main", { ports: [{ containerPort: 80, hostPort: 18_473 }] });
  await pods.up("owned", { containers: [main] });
  const answer = await census(pods);
  assert.equal(counts(answer, undefined), {});
  assert.is(answer.code, 0);
  const { process: processes, ...found } = counts(answer, "pod default/owned");
  // The shim, the shell and what it waits for.
  assert.is(processes, 3);
  assert.equal(found, {
    cgroup: 3,
    folder: 2,
    link: 1,
    "network namespace": 1,
    "packet rules": 3,
    socket: 1,
  });
  assert.equal(counts(answer, "image busybox:latest"), { blob: 3, layer: 1 });
  await pods.delete("owned");
  const after = await census(pods);
  assert.equal(counts(after, "pod default/owned"), {});
  assert.equal(counts(after, undefined), {});
});

test("names what has no owner: a link, a cgroup, folders and a layer", async (pods) => {
  const { root, bridge, cgroup } = pods.instance;
  const uid = "11111111-2222-3333-4444-555555555555";
  const group = `${cgroup2MountPoint()}${cgroup}/pod${uid}`;
  const folders = [join(root, "pods", uid), join(root, "layers", "f".repeat(64)), group];
  const link = `${bridge}x`;
  for (const folder of folders) mkdirSync(folder);
  execFileSync("ip", ["link", "add", link, "type", "veth", "peer", "name", `${bridge}y`]);
  execFileSync("ip", ["link", "set", link, "master", bridge]);
  try {
    const answer = await census(pods);
    assert.is(answer.code, 1);
    assert.is(answer.withoutOwner, 4);
    assert.equal(
      answer.items.filter(({ owner }) => owner === undefined),
      [
        { kind: "cgroup", name: `${cgroup}/pod${uid}` },
        { kind: "folder", name: join(root, "pods", uid) },
        { kind: "layer", name: join(root, "layers", "f".repeat(64)) },
        { kind: "link", name: link },
      ],
    );
    const { code, stdout } = await pods.instance.nspod(["system", "census"]);
    assert.is(code, 1);
    assert.match(stdout, /^link +<none> +nspt\d+x$/m);
    assert.match(stdout, /, 4 without an owner$/m);
  } finally {
    execFileSync("ip", ["link", "del", link]);
    for (const folder of folders) rmdirSync(folder);
  }
  assert.is((await census(pods)).code, 0);
});

test("counts no process that has ended and waits for its parent", async (pods) => {
  const folder = `${cgroup2MountPoint()}${pods.instance.cgroup}/shims/dead`;
  mkdirSync(folder);
  // The parent becomes a program that waits for nobody.
  const child = `sh -c 'echo $$ > ${folder}/cgroup.procs; echo $$; exec sleep infinity'`;
  await using parent = new LiveCommand("sh", ["-c", `${child} & exec sleep infinity`]);
  await parent.says(/^\d+\n/);
  const pid = parent.stdout.trim();
  assert.is((await census(pods)).withoutOwner, 2, "the process and its cgroup");
  process.kill(Number(pid), "SIGKILL");
  await eventually("the end of the process", 5_000, () =>
    readFileSync(`/proc/${pid}/stat`, "utf8").includes(") Z ") ? true : undefined,
  );
  rmdirSync(folder);
  assert.is((await census(pods)).withoutOwner, 0);
});

run();
