// Promise: a volume is mounted the way the manifest says: in part, by variables, read-only as deep
// as asked, and joined with what others mount in it; what cannot be is refused by name.
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import * as assert from "uvu/assert";
import type { Container, PodSpec, VolumeMount } from "../../src/spec/pod.ts";
import { eventually } from "../support/eventually.ts";
import { podSuite } from "../support/pod-suite.ts";
import { type Pods, shell, sleeper, statusOf } from "../support/pods.ts";
import { requires } from "../support/requires.ts";

requires("root", "tool:mount");

const { test, run } = podSuite("volume mounts", "busybox");
const name = "volume-mounts";

/** A shared mount of the host with another mount in it; both are gone afterwards. */
async function withHostMounts(pods: Pods, body: (folder: string) => Promise<void>): Promise<void> {
  const folder = join(pods.instance.base, "shared");
  mkdirSync(join(folder, "below"), { recursive: true });
  mkdirSync(join(folder, "later"), { recursive: true });
  execFileSync("mount", ["--bind", folder, folder]);
  try {
    execFileSync("mount", ["--make-shared", folder]);
    execFileSync("mount", ["-t", "tmpfs", "below", join(folder, "below")]);
    await body(folder);
  } finally {
    execFileSync("umount", ["-R", folder]);
  }
}

function onHost(path: string, ...containers: readonly Container[]): PodSpec {
  return { volumes: [{ name: "host", hostPath: { path } }], containers };
}

function mounted(more: Partial<VolumeMount>): Pick<Container, "volumeMounts"> {
  return { volumeMounts: [{ name: "host", mountPath: "/host", ...more }] };
}

const privileged = { securityContext: { privileged: true } };

test("the manifest is mounted as it says", async (pods) => {
  await pods.createManifest(name);
  await pods.until(name, "it to run", ({ status }) => status?.phase === "Running");
  assert.is(await pods.ask(name, "cat /word /part/word", "parts"), "top\nweb");
  const refused = await pods.exec(name, "echo no > /whole/word", { container: "parts" });
  assert.match(refused.stderr, "Read-only file system");
  assert.is(await pods.ask(name, "stat -c '%a %g' /memory /part", "parts"), "2777 3000\n2755 3000");
  const pod = await pods.get(name);
  assert.equal(statusOf(pod, "parts").volumeMounts?.[0], {
    name: "disk",
    mountPath: "/whole",
    readOnly: true,
    recursiveReadOnly: "Enabled",
  });
});

test("what one container mounts with Bidirectional another one sees, and the host does not", async (pods) => {
  await pods.ask(
    name,
    "mkdir /joined/new && mount -t tmpfs new /joined/new && echo word > /joined/new/file",
    "mounter",
  );
  assert.is(await pods.ask(name, "cat /joined/new/file", "watcher"), "word");
  assert.not.match(readFileSync("/proc/self/mountinfo", "utf8"), "/joined");
  await pods.ask(name, "umount /joined/new", "mounter");
  assert.is(await pods.ask(name, "ls -A /joined/new", "watcher"), "");
  await pods.delete(name);
});

test("readOnly alone leaves what is mounted below writable, recursiveReadOnly does not", async (pods) => {
  await withHostMounts(pods, async (folder) => {
    const readOnly = { readOnly: true };
    await pods.up(
      "readonly",
      onHost(
        folder,
        sleeper("flat", mounted(readOnly)),
        sleeper("deep", mounted({ ...readOnly, recursiveReadOnly: "Enabled" })),
      ),
    );
    await pods.ask("readonly", "echo word > /host/below/file", "flat");
    for (const [container, path] of [
      ["flat", "/host/file"],
      ["deep", "/host/file"],
      ["deep", "/host/below/file"],
    ] as const) {
      const refused = await pods.exec("readonly", `echo no > ${path}`, { container });
      assert.match(refused.stderr, "Read-only file system", `${container} ${path}`);
    }
    await pods.delete("readonly");
  });
});

test("HostToContainer sees what the host mounts later, None does not", async (pods) => {
  await withHostMounts(pods, async (folder) => {
    await pods.up(
      "later",
      onHost(
        folder,
        sleeper("sees", mounted({ mountPropagation: "HostToContainer" })),
        sleeper("part", mounted({ mountPropagation: "HostToContainer", subPath: "later" })),
        sleeper("none", mounted({})),
      ),
    );
    const place = join(folder, "later/new");
    mkdirSync(place);
    execFileSync("mount", ["-t", "tmpfs", "later", place]);
    writeFileSync(join(place, "file"), "word\n");
    assert.is(await pods.ask("later", "cat /host/later/new/file", "sees"), "word");
    assert.is(await pods.ask("later", "cat /host/new/file", "part"), "word");
    assert.is(await pods.ask("later", "ls -A /host/later/new", "none"), "");
    await pods.delete("later");
    assert.ok(existsSync(join(place, "file")), "the end of the pod unmounts nothing of the host");
  });
});

test("Bidirectional on a hostPath mounts on the host", async (pods) => {
  await withHostMounts(pods, async (folder) => {
    const both = mounted({ mountPropagation: "Bidirectional" });
    await pods.up(
      "both",
      onHost(
        folder,
        sleeper("mounter", { ...both, ...privileged }),
        sleeper("sees", mounted({ mountPropagation: "HostToContainer" })),
      ),
    );
    await pods.ask(
      "both",
      "mount -t tmpfs new /host/later && echo word > /host/later/file",
      "mounter",
    );
    assert.is(readFileSync(join(folder, "later/file"), "utf8"), "word\n");
    assert.is(await pods.ask("both", "cat /host/later/file", "sees"), "word");
    await pods.delete("both");
    // As on a cluster: whoever mounts on the host has to unmount there.
    assert.is(readFileSync(join(folder, "later/file"), "utf8"), "word\n");
  });
});

test("propagation from a mount of the host that is private is refused in words", async (pods) => {
  const folder = join(pods.instance.base, "private");
  mkdirSync(folder);
  execFileSync("mount", ["--bind", folder, folder]);
  try {
    execFileSync("mount", ["--make-private", folder]);
    await pods.create(
      "private",
      onHost(folder, sleeper("main", mounted({ mountPropagation: "HostToContainer" }))),
    );
    const told = await eventually("an event", 10_000, async () =>
      (await pods.events("private")).find(({ reason }) => reason === "FailedMount"),
    );
    assert.match(told.message, `"${folder}" but it is not a shared or slave mount`);
    await pods.delete("private");
  } finally {
    execFileSync("umount", [folder]);
  }
});

test("a subPathExpr without a value or out of the volume is a configuration error", async (pods) => {
  for (const [expression, words] of [
    ["$(NONE)/x", 'subPathExpr: no value for variable "NONE"'],
    ["$(UP)", 'subPathExpr: must not contain ".."'],
    ["$(ROOT)", "subPathExpr: must be a relative path"],
  ] as const) {
    const main = sleeper("main", {
      env: [
        { name: "UP", value: "../../etc" },
        { name: "ROOT", value: "/etc" },
      ],
      volumeMounts: [{ name: "v", mountPath: "/v", subPathExpr: expression }],
    });
    await pods.create("expression", { volumes: [{ name: "v", emptyDir: {} }], containers: [main] });
    const pod = await pods.until(
      "expression",
      "the error",
      (each) => statusOf(each, "main").state?.waiting?.reason === "CreateContainerConfigError",
    );
    assert.match(statusOf(pod, "main").state?.waiting?.message ?? "", words);
    await pods.delete("expression");
  }
});

test("what cannot be mounted so is refused at the door, all of it at once", async (pods) => {
  const volumeMounts = [
    { name: "host", mountPath: "/a", mountPropagation: "Bidirectional" },
    { name: "host", mountPath: "/b", recursiveReadOnly: "Enabled" },
    { name: "host", mountPath: "/c", recursiveReadOnly: "Always", readOnly: true },
    { name: "host", mountPath: "/d", subPath: "x", subPathExpr: "y" },
  ];
  const pod = {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name: "refused" },
    spec: {
      volumes: [{ name: "host", emptyDir: { medium: "Disk" } }],
      containers: [{ name: "main", image: "busybox", volumeMounts }],
    },
  };
  const { code, stderr } = await pods.instance.nspod(["apply", "-f", "-"], {
    input: JSON.stringify(pod),
  });
  assert.is.not(code, 0);
  for (const words of [
    "spec.volumes[0].emptyDir.medium: must be one of",
    "volumeMounts[0].mountPropagation: Bidirectional is available only to privileged containers",
    "volumeMounts[1].recursiveReadOnly: may only be given when readOnly is true",
    'volumeMounts[2].recursiveReadOnly: must be one of "Disabled", "IfPossible", "Enabled"',
    "volumeMounts[3].subPathExpr: must not be given beside subPath",
  ]) {
    assert.ok(stderr.includes(words), `${words}\n${stderr}`);
  }
});

test("an emptyDir keeps the mode that a container gives it when the container starts again", async (pods) => {
  const main = shell("main", "trap 'exit 1' TERM; echo run >> /v/runs; sleep infinity & wait", {
    volumeMounts: [{ name: "v", mountPath: "/v" }],
  });
  const volumes = [{ name: "v", emptyDir: {} }];
  const pod = await pods.up("mode", { restartPolicy: "Always", volumes, containers: [main] });
  await pods.ask("mode", "chmod 711 /v");
  const folder = join(pods.instance.root, "pods", pod.metadata.uid, "volumes/v");
  await pods.exec("mode", "kill 1");
  await eventually("the second run", 20_000, () =>
    readFileSync(join(folder, "runs"), "utf8") === "run\nrun\n" ? true : undefined,
  );
  assert.is(statSync(folder).mode & 0o7777, 0o711);
  await pods.delete("mode");
});

test("huge pages: an error that says how to get them, and a hugetlbfs when they are there", async (pods) => {
  const setting = "/sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages";
  if (!existsSync(setting)) return;
  const before = readFileSync(setting, "utf8").trim();
  const pod = (main: Container): PodSpec => ({
    volumes: [{ name: "huge", emptyDir: { medium: "HugePages-2Mi" } }],
    containers: [{ ...main, volumeMounts: [{ name: "huge", mountPath: "/huge" }] }],
  });
  const main = shell("main", "awk '$2 == \"/huge\" {print $3, $4}' /proc/self/mounts");
  if (before === "0") {
    await pods.create("none", pod(main));
    const told = await eventually("an event", 10_000, async () =>
      (await pods.events("none")).find(({ reason }) => reason === "FailedMount"),
    );
    assert.match(told.message, "this node has no huge pages of 2048 KiB");
    await pods.delete("none");
  }
  try {
    writeFileSync(setting, "2");
    if (readFileSync(setting, "utf8").trim() === "0") return;
    assert.match(await pods.output("huge", pod(main)), /^hugetlbfs .*pagesize=2M/);
    await pods.delete("huge");
  } finally {
    writeFileSync(setting, before);
  }
});

run();
