// Promise: what is busy in a pod's folder, because the host works in it or has mounted on it, holds up neither the pod's
// deletion nor that of others; foreign data is not touched, and nothing is left once it is free (security: VOL-09).
import { execFileSync, spawn } from "node:child_process";
import { closeSync, mkdirSync, openSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import * as assert from "uvu/assert";
import { trashFolder } from "../../src/agent/trash-collector.ts";
import { mountOf, readMountinfo } from "../../src/sys/mountinfo.ts";
import { eventually } from "../support/eventually.ts";
import { podSuite } from "../support/pod-suite.ts";
import { shell, sleeper } from "../support/pods.ts";
import { requires } from "../support/requires.ts";

requires("root", "kernel:5.15", "tool:mount");

const { test, run } = podSuite("busy volumes", "busybox");

const data = { volumes: [{ name: "data", emptyDir: {} }] };
const volumeMounts = [{ name: "data", mountPath: "/data" }];

/** Names at any depth. */
function names(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: "utf8" });
}

test("a mount, an open file and a working directory of the host in it outlive the pod", async (pods) => {
  const foreign = join(pods.instance.base, "foreign");
  mkdirSync(join(foreign, "below"), { recursive: true });
  writeFileSync(join(foreign, "below/file"), "foreign");
  const script =
    "mkdir -p /data/a/b/mounted /data/c; for i in 1 2 3; do echo own > /data/c/$i; done";
  const main = shell("main", `${script}; touch /data/done; exec sleep 1000`, { volumeMounts });
  const { metadata } = await pods.up("busy", { ...data, containers: [main] });
  const folder = join(pods.instance.root, "pods", metadata.uid, "volumes/data");
  await pods.ask("busy", "until [ -e /data/done ]; do usleep 10000; done");
  const trash = trashFolder(pods.instance.root);

  execFileSync("mount", ["--bind", foreign, join(folder, "a/b/mounted")]);
  const open = openSync(join(folder, "c/1"), "r");
  const worker = spawn("sleep", ["1000"], { cwd: join(folder, "c") });
  try {
    await pods.delete("busy");
    // Of what was in the pod's folder only the mount point is left, and what belongs to another pod goes as ever.
    await pods.up("other", { ...data, containers: [sleeper("main", { volumeMounts })] });
    await pods.delete("other");
    await eventually("all but the mount to go", 10_000, () =>
      readdirSync(trash).length === 1 &&
      names(trash).every((name) => /^[0-9a-f]{24}(\/mounted.*)?$/.test(name))
        ? true
        : undefined,
    );
    assert.is(readFileSync(open, "utf8"), "own\n");
    assert.equal(names(foreign).sort(), ["below", "below/file"]);
    assert.is(readFileSync(join(foreign, "below/file"), "utf8"), "foreign");
  } finally {
    closeSync(open);
    worker.kill("SIGKILL");
    const [left = ""] = readdirSync(trash);
    execFileSync("umount", [join(trash, left, "mounted")]);
  }
  // The next thing that is thrown away has it tried again.
  await pods.up("next", { ...data, containers: [sleeper("main", { volumeMounts })] });
  await pods.delete("next");
  await eventually("an empty trash", 10_000, () => (names(trash).length === 0 ? true : undefined));
  assert.is(readFileSync(join(foreign, "below/file"), "utf8"), "foreign");
});

test("what a container has mounted on the host stays there with its files, also while it is in use", async (pods) => {
  const shared = join(pods.instance.base, "shared");
  mkdirSync(join(shared, "later"), { recursive: true });
  execFileSync("mount", ["--bind", shared, shared]);
  execFileSync("mount", ["--make-shared", shared]);
  try {
    await pods.up("both", {
      volumes: [{ name: "host", hostPath: { path: shared } }],
      containers: [
        sleeper("main", {
          securityContext: { privileged: true },
          volumeMounts: [
            { name: "host", mountPath: "/host", mountPropagation: "Bidirectional" as const },
          ],
        }),
      ],
    });
    await pods.ask("both", "mount -t tmpfs new /host/later && echo word > /host/later/file");
    const worker = spawn("sleep", ["1000"], { cwd: join(shared, "later") });
    try {
      await pods.delete("both");
      assert.is(readFileSync(join(shared, "later/file"), "utf8"), "word\n");
    } finally {
      worker.kill("SIGKILL");
    }
    assert.is(mountOf(readMountinfo(), join(shared, "later"))?.mountPoint, join(shared, "later"));
  } finally {
    execFileSync("umount", ["-l", "-R", shared]);
  }
});

run();
