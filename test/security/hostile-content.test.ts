// Promise: what an image or a container leaves where nspod works is data: programs with our names are not run,
// links in place of logs are not followed, annotations change no sandbox (security: ESC-04, VOL-03, PRV-06).
import { execFileSync } from "node:child_process";
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as assert from "uvu/assert";
import type { PodSpec } from "../../src/spec/pod.ts";
import { ociArchive, tar } from "../support/image-archive.ts";
import { podSuite } from "../support/pod-suite.ts";
import { podOf, sleeper } from "../support/pods.ts";
import { requires } from "../support/requires.ts";

requires("root", "file:/bin/busybox");

const { test, run } = podSuite("hostile content", "busybox");
const canary = mkdtempSync(join(tmpdir(), "nspod-canary-"));
process.once("exit", () => rmSync(canary, { recursive: true, force: true }));

/** Programs and libraries that a careless runtime takes from the container. */
const planted = [
  ...["bin/tar", "bin/gzip", "bin/xz", "bin/zstd", "bin/unpigz", "bin/cp", "bin/ps", "bin/cat"],
  ...["bin/nsenter", "bin/mount", "usr/bin/newuidmap", "usr/bin/newgidmap", "sbin/ip", "sbin/nft"],
  ...["usr/bin/nspod", "bin/nspod-copy", "usr/bin/node", "lib/evil.so"],
  ...["lib/x86_64-linux-gnu/libnss_files.so.2", "lib/x86_64-linux-gnu/libc.so.6"],
];

test("planted programs and libraries are run by nobody but the container", async (pods) => {
  // In the container the folder does not exist; on the host a file in it tells who ran what.
  const trap = `#!/bin/busybox sh\n/bin/busybox touch ${canary}/$(/bin/busybox basename $0)\n`;
  const layer = tar([
    { name: "bin/", type: "5" },
    { name: "bin/busybox", mode: 0o755, content: readFileSync("/bin/busybox") },
    { name: "bin/sh", type: "2", link: "busybox" },
    { name: "bin/sleep", type: "2", link: "busybox" },
    { name: "etc/", type: "5" },
    { name: "etc/ld.so.preload", content: "/lib/evil.so\n" },
    { name: "etc/nsswitch.conf", content: "passwd: files\n" },
    { name: "data/", type: "5" },
    { name: "data/file", content: "content\n" },
    ...planted.map((name) => ({ name, mode: 0o4755, content: trap })),
  ]);
  const archive = ociArchive([{ name: "test/planted:1", layers: [{ tar: layer }] }]);
  await pods.instance.must(["image", "load", "-"], { input: archive });
  await pods.up("planted", {
    containers: [
      {
        name: "main",
        image: "test/planted:1",
        command: ["/bin/sh", "-c", "echo said; exec /bin/sleep 1000"],
        readinessProbe: { exec: { command: ["/bin/busybox", "true"] }, periodSeconds: 1 },
      },
    ],
  });
  const local = join(pods.instance.base, "copied");
  const nspod = (...args: readonly string[]) => pods.instance.nspod(args);
  mkdirSync(local);
  const commands = [
    ["cp", "planted:/data", local],
    ["cp", join(local, "data"), "planted:/tmp"],
    ["cp", "planted:/data/file", join(local, "file")],
    ["exec", "planted", "--", "/bin/busybox", "true"],
    ["logs", "planted"],
    ["top", "pod", "planted"],
    ["stats", "--no-stream", "planted"],
    ["describe", "pod", "planted"],
  ];
  for (const words of commands) await nspod(...words);
  assert.is(readFileSync(join(local, "file"), "utf8"), "content\n");
  assert.is((await nspod("logs", "planted")).stdout, "said\n");
  await pods.delete("planted");
  assert.equal(readdirSync(canary), []);
});

test("a log that became a link, a pipe or a folder is not read", async (pods) => {
  const secret = join(canary, "secret.log");
  writeFileSync(secret, "2026-01-01T00:00:00.000000000Z stdout F stolen\n");
  const { metadata } = await pods.up("logs", {
    containers: [{ ...sleeper("main"), command: ["sh", "-c", "echo own; exec sleep 1000"] }],
  });
  await pods.untilLogged("logs", "main", "own\n");
  const folder = join(pods.instance.root, "pods", metadata.uid, "logs/main");
  const log = join(folder, "0.log");
  const kept = join(folder, "kept");
  renameSync(log, kept);
  const replacements: readonly (readonly [string, () => void, () => void])[] = [
    ["link", () => symlinkSync(secret, log), () => unlinkSync(log)],
    ["pipe", () => execFileSync("mkfifo", [log]), () => unlinkSync(log)],
    ["folder", () => mkdirSync(log), () => rmSync(log, { recursive: true })],
  ];
  for (const [kind, make, unmake] of replacements) {
    make();
    const { stdout, code } = await pods.instance.nspod(["logs", "logs"], { timeoutMs: 8000 });
    assert.not.match(stdout, "stolen", kind);
    assert.ok(code !== null, `${kind}: an answer came`);
    unmake();
  }
  renameSync(kept, log);
  assert.is((await pods.instance.nspod(["logs", "logs"])).stdout, "own\n");
  unlinkSync(secret);
  await pods.delete("logs");
});

test("annotations and labels change nothing of the sandbox", async (pods) => {
  const spec: PodSpec = { containers: [sleeper("main")] };
  const explained = async (metadata: object): Promise<string> => {
    const pod = podOf("same", spec) as { readonly metadata: object };
    const body = { ...pod, metadata: { ...pod.metadata, ...metadata } };
    return await pods.client.text("POST", "/nspod/v1/explain", { body });
  };
  const words = {
    "io.kubernetes.cri-o.Devices": "/dev/mem",
    "io.kubernetes.cri-o.userns-mode": "host",
    "io.katacontainers.config.hypervisor.path": "/bin/sh",
    "run.oci.hooks.stdout": "/tmp/x",
    "run.oci.systemd.subgroup": "../..",
    "org.systemd.property.ExecStart": "/bin/sh",
    "cgroup.parent": "/",
    "nspod/privileged": "true",
  };
  const labels = Object.fromEntries(Object.keys(words).map((key) => [key, "true"]));
  const plain = await explained({});
  assert.match(plain, /execve/);
  assert.is(await explained({ annotations: words, labels }), plain);
});

run();
