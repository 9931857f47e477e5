// Promise: volumes hold what the manifest says, for all containers of the pod, and are a way to
// nowhere else.
import {
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import * as assert from "uvu/assert";
import type { Container, HostPathType, PodSpec, VolumeMount } from "../../src/spec/pod.ts";
import { podSuite } from "../support/pod-suite.ts";
import { type Pods, shell, sleeper, statusOf } from "../support/pods.ts";
import { requires } from "../support/requires.ts";

requires("root");

const { test, run } = podSuite("volumes", "busybox");

const at = (mountPath: string, more: Partial<VolumeMount> = {}): VolumeMount => ({
  name: "v",
  mountPath,
  ...more,
});

function onDisk(...containers: readonly Container[]): PodSpec {
  return { volumes: [{ name: "v", emptyDir: {} }], containers };
}

test("an emptyDir is empty, shared by the containers, writable for all, and gone with the pod", async (pods) => {
  const pod = await pods.up(
    "disk",
    onDisk(
      sleeper("one", { volumeMounts: [at("/a")], securityContext: { runAsUser: 1000 } }),
      sleeper("two", { volumeMounts: [at("/b/c")], securityContext: { runAsUser: 2000 } }),
    ),
  );
  assert.is(await pods.ask("disk", "ls -A /a", "one"), "");
  await pods.ask("disk", "echo from one > /a/file", "one");
  assert.is(await pods.ask("disk", "cat /b/c/file; echo two > /b/c/two", "two"), "from one");
  assert.is(await pods.ask("disk", "stat -c '%a %u %g' /a", "one"), "777 0 0");
  const folder = join(pods.instance.root, "pods", pod.metadata.uid, "volumes/v");
  assert.equal(readdirSync(folder).sort(), ["file", "two"]);
  await pods.delete("disk");
  assert.throws(() => statSync(folder), /ENOENT/);
});

test("set-user-id files and devices on an emptyDir have no effect", async (pods) => {
  await pods.up(
    "flags",
    onDisk(sleeper("main", { volumeMounts: [at("/v")], securityContext: { privileged: true } })),
  );
  const flags = await pods.ask("flags", "awk '$5 == \"/v\" {print $6}' /proc/self/mountinfo");
  for (const flag of ["nosuid", "nodev"]) assert.ok(flags.split(",").includes(flag), flags);
  await pods.delete("flags");
});

test("an emptyDir in memory ends with ENOSPC at its sizeLimit and leaves nothing on the disk", async (pods) => {
  const pod = await pods.up("memory", {
    volumes: [{ name: "v", emptyDir: { medium: "Memory", sizeLimit: "4Mi" } }],
    containers: [
      sleeper("one", { volumeMounts: [at("/v")] }),
      sleeper("two", { volumeMounts: [at("/v")] }),
    ],
  });
  assert.is(await pods.ask("memory", "stat -f -c %T /v", "one"), "tmpfs");
  await pods.ask("memory", "echo shared > /v/word", "one");
  assert.is(await pods.ask("memory", "cat /v/word", "two"), "shared");
  const full = await pods.exec("memory", "dd if=/dev/zero of=/v/big bs=64k count=128");
  assert.is.not(full.code, 0);
  assert.match(full.stderr, "No space left on device");
  assert.is(await pods.ask("memory", "stat -c %s /v/big"), String(4 * 1024 * 1024 - 4096));
  const folder = join(pods.instance.root, "pods", pod.metadata.uid, "volumes/v");
  assert.equal(readdirSync(folder), [], "the host sees the folder below the mount");
  await pods.delete("memory");
});

test("readOnly refuses writes, in that container only", async (pods) => {
  await pods.up(
    "readonly",
    onDisk(
      sleeper("writer", { volumeMounts: [at("/v")] }),
      sleeper("reader", { volumeMounts: [at("/v", { readOnly: true })] }),
    ),
  );
  await pods.ask("readonly", "echo word > /v/file", "writer");
  assert.is(await pods.ask("readonly", "cat /v/file", "reader"), "word");
  const refused = await pods.exec("readonly", "echo no > /v/file", { container: "reader" });
  assert.match(refused.stderr, "Read-only file system");
  const remount = await pods.exec("readonly", "mount -o remount,rw /v", { container: "reader" });
  assert.is.not(remount.code, 0);
  await pods.delete("readonly");
});

test("subPath mounts a folder or a file of the volume, and makes a missing folder", async (pods) => {
  const pod = await pods.ended("subpath", {
    ...onDisk(
      shell("main", "cat /file; ls -A /folder; echo made > /made/word; cat /whole/new/deep/word", {
        volumeMounts: [
          at("/folder", { subPath: "sub/folder" }),
          at("/file", { subPath: "sub/file" }),
          at("/made", { subPath: "new/deep" }),
          at("/whole"),
        ],
      }),
    ),
    initContainers: [
      shell("fill", "mkdir -p /v/sub/folder; echo in file > /v/sub/file; touch /v/sub/folder/x", {
        volumeMounts: [at("/v")],
      }),
    ],
  });
  assert.is(pod.status?.phase, "Succeeded", JSON.stringify(pod.status));
  assert.is(await pods.log("subpath", "main"), "in file\nx\nmade\n");
});

// CVE-2017-1002101 and CVE-2021-25741: the content of a volume must not lead a subPath out of it.
for (const [words, link] of [
  ["the root", "/"],
  ["a folder of the host", "/etc"],
  ["its parent", ".."],
  ["far up", "a/../../../../../../../../etc"],
  ["the process's root", "/proc/1/root"],
] as const) {
  test(`a subPath that is a symbolic link to ${words} leads nowhere outside`, async (pods) => {
    const name = `hostile-${words.replace(/[^a-z]/g, "-")}`;
    await pods.create(name, {
      ...onDisk(
        shell("main", "ls -A /stolen", { volumeMounts: [at("/stolen", { subPath: "link" })] }),
      ),
      initContainers: [
        shell("trap", `mkdir /v/a; ln -s ${link} /v/link`, { volumeMounts: [at("/v")] }),
      ],
    });
    const pod = await pods.until(name, "a verdict", (each) => {
      const { state } = statusOf(each, "main");
      return (
        (state?.waiting?.reason ?? "PodInitializing") !== "PodInitializing" || !!state?.terminated
      );
    });
    const { waiting, terminated } = statusOf(pod, "main").state ?? {};
    if (terminated !== undefined) {
      // Following the link inside of the volume is fine, leaving it is not.
      const listing = terminated.exitCode === 0 ? await pods.log(name, "main") : "";
      assert.not.match(listing, /passwd|hostname|usr|proc/);
    } else {
      assert.match(waiting?.message ?? "", "link");
    }
    await pods.delete(name);
  });
}

test("a hostPath shows the host's files and takes the container's", async (pods) => {
  const folder = join(pods.instance.base, "host");
  mkdirSync(folder);
  writeFileSync(join(folder, "in"), "from the host");
  await pods.output("hostpath", {
    volumes: [{ name: "v", hostPath: { path: folder, type: "Directory" } }],
    containers: [shell("main", "cp /v/in /v/out", { volumeMounts: [at("/v")] })],
  });
  assert.is(readFileSync(join(folder, "out"), "utf8"), "from the host");
  await pods.delete("hostpath");
  assert.equal(
    readdirSync(folder).sort(),
    ["in", "out"],
    "deleting the pod leaves the host's files",
  );
});

const types: readonly HostPathType[] = [
  "",
  "Directory",
  "DirectoryOrCreate",
  "File",
  "FileOrCreate",
  "Socket",
  "CharDevice",
  "BlockDevice",
];

test("every type of hostPath takes what it names and refuses the rest", async (pods) => {
  const base = join(pods.instance.base, "types");
  mkdirSync(join(base, "folder"), { recursive: true });
  writeFileSync(join(base, "file"), "x");
  symlinkSync(join(base, "folder"), join(base, "link"));
  await using server = createServer();
  await new Promise<void>((resolve) => server.listen(join(base, "socket"), resolve));
  const found: Readonly<Record<string, readonly HostPathType[]>> = {
    [join(base, "folder")]: ["", "Directory", "DirectoryOrCreate"],
    [join(base, "link")]: ["", "Directory", "DirectoryOrCreate"],
    [join(base, "file")]: ["", "File", "FileOrCreate"],
    [join(base, "socket")]: ["", "Socket"],
    "/dev/null": ["", "CharDevice"],
  };
  const spec = (path: string, type: HostPathType): PodSpec => ({
    volumes: [{ name: "v", hostPath: { path, type } }],
    containers: [shell("main", "test -e /v", { volumeMounts: [at("/v")] })],
  });
  const verdicts = Object.entries(found).flatMap(([path, allowed], row) =>
    types.map(async (type, column) => {
      const name = `type-${row}-${column}`;
      await pods.create(name, spec(path, type));
      const isAllowed = allowed.includes(type);
      const pod = isAllowed
        ? await pods.untilEnded(name)
        : await pods.until(name, "the refusal", (each) =>
            /hostPath type check failed/.test(statusOf(each, "main").state?.waiting?.message ?? ""),
          );
      assert.is(pod.status?.phase, isAllowed ? "Succeeded" : "Pending", `${path} as "${type}"`);
      return name;
    }),
  );
  const names = await Promise.all(verdicts);
  const [refused = ""] = names.slice(3);
  const failed = (await pods.events(refused)).find(({ reason }) => reason === "FailedMount");
  assert.is(failed?.type, "Warning");
  assert.match(
    failed?.message ?? "",
    `MountVolume.SetUp failed for volume "v" : hostPath type check failed: "${base}/folder" is not a File but a Directory`,
  );
  await pods.delete(...names);
}, 90_000);

test("…OrCreate makes what is missing; other types say that it is missing", async (pods) => {
  const base = join(pods.instance.base, "made");
  await pods.output("made", {
    volumes: [{ name: "v", hostPath: { path: join(base, "a/b"), type: "DirectoryOrCreate" } }],
    containers: [shell("main", "touch /v/x", { volumeMounts: [at("/v")] })],
  });
  assert.is(statSync(join(base, "a/b")).mode & 0o7777, 0o755);
  await pods.output("made-file", {
    volumes: [{ name: "v", hostPath: { path: join(base, "file"), type: "FileOrCreate" } }],
    containers: [shell("main", "echo word > /v", { volumeMounts: [at("/v")] })],
  });
  assert.is(statSync(join(base, "file")).mode & 0o7777, 0o644);
  assert.is(readFileSync(join(base, "file"), "utf8"), "word\n");
  await pods.create("missing", {
    volumes: [{ name: "v", hostPath: { path: join(base, "later"), type: "Directory" } }],
    containers: [shell("main", "ls /v", { volumeMounts: [at("/v")] })],
  });
  await pods.until("missing", "the refusal", (pod) =>
    statusOf(pod, "main").state?.waiting?.message?.includes("does not exist on this node"),
  );
  await pods.delete("made", "made-file", "missing");
});

async function evicted(pods: Pods, name: string): Promise<void> {
  const pod = await pods.until(
    name,
    "the eviction",
    (each) => each.status?.phase === "Failed",
    40_000,
  );
  assert.is(pod.status?.reason, "Evicted");
  assert.is(pod.status?.message, 'Usage of EmptyDir volume "v" exceeds the limit "1Mi".');
  assert.ok((await pods.events(name)).some(({ reason }) => reason === "Evicted"));
}

test("an emptyDir on disk that outgrows its sizeLimit ends the pod as Evicted", async (pods) => {
  await pods.create("evicted", {
    restartPolicy: "Always",
    volumes: [{ name: "v", emptyDir: { sizeLimit: "1Mi" } }],
    containers: [
      shell("main", "dd if=/dev/zero of=/v/big bs=1M count=3; exec sleep infinity", {
        volumeMounts: [at("/v")],
      }),
    ],
  });
  await evicted(pods, "evicted");
}, 60_000);

run();
