// Promise: a volume can be the files of an image: read-only, merged from its layers, pinned for the
// life of the pod, and no way out of the image.
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import * as assert from "uvu/assert";
import type { PodSpec } from "../../src/spec/pod.ts";
import { eventually } from "../support/eventually.ts";
import { type ImageInput, ociArchive, type TarItem, tar } from "../support/image-archive.ts";
import { daemonPid } from "../support/manifest.ts";
import { podSuite } from "../support/pod-suite.ts";
import { type Pods, shell, sleeper } from "../support/pods.ts";
import { requires } from "../support/requires.ts";

requires("root", "file:/bin/busybox");

const { test, run } = podSuite("image volumes", "busybox");

function image(name: string, ...layers: readonly (readonly TarItem[])[]): ImageInput {
  const packed = layers.map((items) => {
    const bytes = tar(items);
    return { tar: bytes, packed: gzipSync(bytes) };
  });
  return { name, layers: packed, config: { config: {} } };
}

async function load(pods: Pods, ...inputs: readonly ImageInput[]): Promise<void> {
  await pods.instance.must(["image", "load", "-"], { input: ociArchive(inputs) });
}

const at = (mountPath: string, subPath?: string) => ({
  volumeMounts: [{ name: "files", mountPath, ...(subPath === undefined ? {} : { subPath }) }],
});

function withImage(reference: string, ...containers: PodSpec["containers"]): PodSpec {
  return { volumes: [{ name: "files", image: { reference } }], containers };
}

test("the manifest has all of an image, read-only and not to be executed", async (pods) => {
  await pods.createManifest("image-volumes");
  const name = "image-volumes";
  await pods.until(name, "it to run", ({ status }) => status?.phase === "Running");
  const facts = await pods.ask(
    name,
    "cmp /bin/busybox /files/bin/busybox && ls -i /part/busybox | wc -l",
  );
  assert.is(facts, "1");
  const mount = await pods.ask(name, "awk '$5 == \"/files\" {print $6}' /proc/self/mountinfo");
  for (const flag of ["ro", "nosuid", "nodev", "noexec"]) {
    assert.ok(mount.split(",").includes(flag), mount);
  }
  const written = await pods.exec(name, "touch /files/new");
  assert.match(written.stderr, "Read-only file system");
  const executed = await pods.exec(name, "/files/bin/busybox true");
  assert.match(executed.stderr, "Permission denied");
  await pods.delete(name);
});

test("layers are merged: the upper wins, whiteouts hide", async (pods) => {
  await load(
    pods,
    image(
      "merged:1",
      [
        { name: "both", content: "lower\n" },
        { name: "gone", content: "gone\n" },
        { name: "only-lower", content: "lower\n" },
        { name: "folder/", type: "5" },
        { name: "folder/a", content: "a\n" },
      ],
      [
        { name: "both", content: "upper\n" },
        { name: ".wh.gone" },
        { name: "folder/b", content: "b\n" },
      ],
    ),
  );
  const script = "cd /files && ls -A . folder && cat both only-lower";
  const text = await pods.output(
    "merged",
    withImage("merged:1", shell("main", script, at("/files"))),
  );
  assert.equal(text.trim().split("\n"), [
    ".:",
    "both",
    "folder",
    "only-lower",
    "",
    "folder:",
    "a",
    "b",
    "upper",
    "lower",
  ]);
  await pods.delete("merged");
});

test("a pod waits for its image and starts when it is loaded", async (pods) => {
  await pods.create("early", withImage("later:1", shell("main", "cat /files/word", at("/files"))));
  const told = await eventually("an event", 10_000, async () =>
    (await pods.events("early")).find(({ reason }) => reason === "FailedMount"),
  );
  assert.match(told.message, 'MountVolume.SetUp failed for volume "files"');
  assert.match(told.message, '"later:1" is not present on this node');
  await load(pods, image("later:1", [{ name: "word", content: "late\n" }]));
  const pod = await pods.untilEnded("early", 10_000);
  assert.is(pod.status?.phase, "Succeeded");
  assert.is(await pods.log("early"), "late\n");
  await pods.delete("early");
});

test("a pod keeps the image it started with, through a moved name, prune and a killed daemon", async (pods) => {
  await load(pods, image("moving:1", [{ name: "word", content: "old\n" }]));
  await pods.up("pinned", withImage("moving:1", sleeper("main", at("/files"))));
  await load(pods, image("moving:1", [{ name: "word", content: "new\n" }]));
  process.kill(await daemonPid(pods.instance), "SIGKILL");
  await pods.instance.must(["get", "pods"]);
  await pods.instance.must(["system", "prune", "--yes"]);
  assert.is(await pods.ask("pinned", "cat /files/word"), "old");
  await pods.delete("pinned");
});

test("no link of an image leads out of it", async (pods) => {
  const canary = join(pods.instance.base, "canary");
  writeFileSync(canary, "secret\n");
  await load(
    pods,
    image("traps:1", [
      { name: "link", type: "2", link: pods.instance.base },
      { name: "up", type: "2", link: "../../../../../../../.." },
    ]),
  );
  for (const subPath of ["link", "up"]) {
    const name = `trap-${subPath}`;
    await pods.create(
      name,
      withImage("traps:1", shell("main", "ls -A /files", at("/files", subPath))),
    );
    const pod = await pods.until(name, "a verdict", ({ status }) => {
      const state = status?.containerStatuses?.[0]?.state;
      return state?.terminated !== undefined || /^Create/.test(state?.waiting?.reason ?? "");
    });
    if (pod.status?.phase === "Succeeded") {
      assert.not.match(await pods.log(name), /canary|passwd|etc/);
    }
    await pods.delete(name);
  }
});

test("the root of a container and of a volume have the mode and owner that the image says", async (pods) => {
  const root = { name: "./", type: "5", mode: 0o750, uid: 5, gid: 6 };
  const busybox = readFileSync("/bin/busybox");
  const base = [root, { name: "busybox", mode: 0o755, content: busybox }];
  await load(pods, image("closed:1", base, [{ name: "x", content: "x" }]));
  const command = ["/busybox", "stat", "-c", "%a %u %g", "/", "/files"];
  const main = { name: "main", image: "closed:1", command, ...at("/files") };
  assert.is(await pods.output("closed", withImage("closed:1", main)), "750 5 6\n750 5 6\n");
  await pods.delete("closed");
});

run();
