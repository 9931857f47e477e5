// Promise: what a pod writes to a persistent volume claim is there for the next pod, after the
// daemon was killed too, and goes or stays as the reclaim policy says; claims, volumes and events
// are those of a cluster.
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import * as assert from "uvu/assert";
import type {
  PersistentVolume,
  PersistentVolumeClaim,
  StorageClass,
} from "../../src/spec/kubernetes.gen.ts";
import type { PodSpec } from "../../src/spec/pod.ts";
import { eventually } from "../support/eventually.ts";
import { daemonPid } from "../support/manifest.ts";
import { podSuite } from "../support/pod-suite.ts";
import { type Pods, shell } from "../support/pods.ts";
import { requires } from "../support/requires.ts";

requires("root");

const { test, run } = podSuite("persistent volumes", "busybox");

/** Named by the manifest. */
const statics = "/tmp/nspod-static-volumes";

const claimsPath = "/api/v1/namespaces/default/persistentvolumeclaims";
const volumesPath = "/api/v1/persistentvolumes";

async function claimOf(pods: Pods, name: string): Promise<PersistentVolumeClaim | undefined> {
  const { items } = await pods.client.json<{ items: PersistentVolumeClaim[] }>("GET", claimsPath);
  return items.find(({ metadata }) => metadata.name === name);
}

async function volumesOf(pods: Pods): Promise<readonly PersistentVolume[]> {
  return (await pods.client.json<{ items: PersistentVolume[] }>("GET", volumesPath)).items;
}

async function untilBound(pods: Pods, name: string): Promise<PersistentVolume> {
  const claim = await eventually(`claim ${name} to be bound`, 10_000, async () => {
    const found = await claimOf(pods, name);
    return found?.status?.phase === "Bound" ? found : undefined;
  });
  const { volumeName } = claim.spec;
  return await pods.client.json<PersistentVolume>("GET", `${volumesPath}/${volumeName}`);
}

async function untilGone(pods: Pods, name: string): Promise<void> {
  await eventually(`claim ${name} to be gone`, 10_000, async () =>
    (await claimOf(pods, name)) === undefined ? true : undefined,
  );
}

function using(claimName: string, ...containers: PodSpec["containers"]): PodSpec {
  return { volumes: [{ name: "v", persistentVolumeClaim: { claimName } }], containers };
}

/** A command starts the next one. */
async function killDaemon({ instance }: Pods): Promise<void> {
  process.kill(await daemonPid(instance), "SIGKILL");
  await instance.must(["get", "pods"]);
}

const at = { volumeMounts: [{ name: "v", mountPath: "/v" }] };

function claim(name: string, spec: Partial<PersistentVolumeClaim["spec"]> = {}) {
  return {
    apiVersion: "v1",
    kind: "PersistentVolumeClaim",
    metadata: { name },
    spec: {
      accessModes: ["ReadWriteOnce"],
      resources: { requests: { storage: "1Mi" } },
      ...spec,
    },
  };
}

test("the built-in classes are there, and one of them is the default", async (pods) => {
  const path = "/apis/storage.k8s.io/v1/storageclasses";
  const { items } = await pods.client.json<{ items: StorageClass[] }>("GET", path);
  assert.equal(
    items.map(({ metadata, provisioner, reclaimPolicy, volumeBindingMode }) => [
      metadata.name,
      metadata.annotations?.["storageclass.kubernetes.io/is-default-class"],
      provisioner,
      reclaimPolicy,
      volumeBindingMode,
    ]),
    [
      ["local-path", "true", "rancher.io/local-path", "Delete", "WaitForFirstConsumer"],
      ["standard", "false", "rancher.io/local-path", "Delete", "WaitForFirstConsumer"],
    ],
  );
});

test("every kind of claim of the manifest is bound and can be used", async (pods) => {
  mkdirSync(join(statics, "local"), { recursive: true, mode: 0o777 });
  await pods.createManifest("persistent-volumes");
  await pods.until("writer", "it to run", ({ status }) => status?.phase === "Running");
  assert.is((await untilBound(pods, "by-label")).metadata.name, "static-host-path");
  assert.is((await untilBound(pods, "reserved")).metadata.name, "static-local");
  const data = await untilBound(pods, "data");
  assert.is(data.spec.persistentVolumeReclaimPolicy, "Delete");
  assert.equal(data.spec.capacity, { storage: "64Mi" });
  assert.is(data.spec.claimRef?.name, "data");
  assert.is((await untilBound(pods, "archive")).spec.persistentVolumeReclaimPolicy, "Retain");
  const scratch = await claimOf(pods, "writer-scratch");
  assert.is(scratch?.status?.phase, "Bound");
  assert.equal(scratch?.metadata.labels, { app: "writer" });

  for (const folder of ["data", "archive", "reserved", "scratch"]) {
    await pods.ask("writer", `echo ${folder} > /${folder}/word`);
  }
  assert.is(readFileSync(join(statics, "local/word"), "utf8"), "reserved\n");
  // fsGroup owns what supports it; a hostPath stays as it is.
  assert.is(await pods.ask("writer", "stat -c '%a %g' /data /reserved"), "2777 4242\n2775 4242");
  assert.is(await pods.ask("writer", "stat -c %g /labelled"), "0");
  const refused = await pods.exec("writer", "echo no > /labelled/word");
  assert.match(refused.stderr, "Read-only file system");
  const flags = await pods.ask("writer", "awk '$5 == \"/data\" {print $6}' /proc/self/mountinfo");
  for (const flag of ["nosuid", "nodev"]) assert.ok(flags.split(",").includes(flag), flags);
});

test("a claim that is deleted stays until its pod is gone, then policy decides", async (pods) => {
  const data = (await untilBound(pods, "data")).spec.local?.path ?? "";
  const kept = (await untilBound(pods, "archive")).spec.local?.path ?? "";
  const scratch = (await untilBound(pods, "writer-scratch")).spec.local?.path ?? "";
  for (const name of ["data", "archive", "by-label"]) {
    await pods.deleteObject("PersistentVolumeClaim", name);
  }
  assert.ok((await claimOf(pods, "data"))?.metadata.deletionTimestamp);
  assert.is(await pods.ask("writer", "cat /data/word"), "data");
  await pods.delete("writer");
  for (const name of ["data", "archive", "by-label", "writer-scratch"]) await untilGone(pods, name);
  await eventually("the data to be freed", 10_000, () =>
    existsSync(data) || existsSync(scratch) ? undefined : true,
  );
  assert.is(readFileSync(join(kept, "word"), "utf8"), "archive\n");
  const phases = await eventually("two volumes to be released", 10_000, async () => {
    const volumes = await volumesOf(pods);
    const found = volumes.map(({ metadata: { name }, status }) => [
      name.replace(/^pvc-.*/, "provisioned"),
      status?.phase,
    ]);
    return found.filter(([, phase]) => phase === "Released").length === 2 ? found : undefined;
  });
  assert.equal(phases.sort(), [
    ["provisioned", "Released"],
    ["static-host-path", "Released"],
    ["static-local", "Bound"],
  ]);
  rmSync(statics, { recursive: true });
});

test("data outlives pods and a daemon that is killed", async (pods) => {
  await pods.createObject(claim("lasting"));
  await pods.ended("first", using("lasting", shell("main", "echo kept > /v/word", at)));
  await pods.delete("first");
  await killDaemon(pods);
  const reader = shell("main", "cat /v/word; stat -c %a /v", at);
  assert.is(await pods.output("second", using("lasting", reader)), "kept\n777\n");
  await pods.delete("second");
  await pods.deleteObject("PersistentVolumeClaim", "lasting");
  await untilGone(pods, "lasting");
});

test("a pod that runs is adopted with its claim, and a restarted container finds its data", async (pods) => {
  await pods.createObject(claim("adopted"));
  await pods.up("adopted", {
    ...using(
      "adopted",
      shell("main", "trap 'exit 1' TERM; echo run >> /v/runs; sleep infinity & wait", at),
    ),
    restartPolicy: "Always",
  });
  await pods.ask("adopted", "chmod 711 /v");
  await killDaemon(pods);
  await pods.ask("adopted", "true");
  await pods.exec("adopted", "kill 1");
  await eventually("the second run", 20_000, async () => {
    const { code, stdout } = await pods.exec("adopted", "cat /v/runs && stat -c %a /v");
    return code === 0 && stdout === "run\nrun\n711\n" ? true : undefined;
  });
  await pods.delete("adopted");
  await pods.deleteObject("PersistentVolumeClaim", "adopted");
  await untilGone(pods, "adopted");
});

test("a pod waits for its claim in the words of the scheduler and starts when it comes", async (pods) => {
  await pods.create("early", using("late", shell("main", "echo word > /v/file", at)));
  const told = await eventually("an event", 10_000, async () =>
    (await pods.events("early")).find(({ reason }) => reason === "FailedScheduling"),
  );
  assert.match(told.message, '0/1 nodes are available: persistentvolumeclaim "late" not found');
  await pods.createObject(claim("late"));
  const pod = await pods.untilEnded("early", 10_000);
  assert.is(pod.status?.phase, "Succeeded");
  await pods.delete("early");
  await pods.deleteObject("PersistentVolumeClaim", "late");
  await untilGone(pods, "late");
});

test("claims tell what they wait for", async (pods) => {
  await pods.createObject(claim("waits"));
  await pods.createObject(claim("nobody", { storageClassName: "" }));
  await pods.createObject(claim("unknown", { storageClassName: "none-such" }));
  const expected = [
    ["waits", "WaitForFirstConsumer", "waiting for first consumer to be created before binding"],
    [
      "nobody",
      "FailedBinding",
      "no persistent volumes available for this claim and no storage class is set",
    ],
    ["unknown", "ProvisioningFailed", 'storageclass.storage.k8s.io "none-such" not found'],
  ] as const;
  for (const [name, reason, message] of expected) {
    const event = await eventually(`the event of ${name}`, 10_000, async () =>
      (await pods.events(name)).find((each) => each.reason === reason),
    );
    assert.is(event.message, message);
    assert.is(event.involvedObject.kind, "PersistentVolumeClaim");
    await pods.deleteObject("PersistentVolumeClaim", name);
    await untilGone(pods, name);
  }
});

test("fsGroup owns what an earlier pod left, and never what a link leads to", async (pods) => {
  await pods.createObject(claim("owned"));
  const mess = [
    "mkdir -p /v/a/b && echo x > /v/a/b/file && chmod 600 /v/a/b/file",
    "ln -s /etc/passwd /v/a/link && ln -s / /v/a/root && mkfifo /v/a/fifo",
    "cp /bin/busybox /v/a/suid && chmod 4711 /v/a/suid",
  ].join(" && ");
  await pods.output("messy", using("owned", shell("main", mess, at)));
  const canary = join(pods.instance.base, "canary");
  writeFileSync(canary, "");
  const folder = (await untilBound(pods, "owned")).spec.local?.path ?? "";
  await pods.delete("messy");
  const list = "cd /v && stat -c '%n %a %g' a a/b a/b/file a/suid a/fifo; cat a/b/file";
  const group: PodSpec["securityContext"] = { fsGroup: 777, runAsUser: 1000 };
  const first = await pods.output("group", {
    ...using("owned", shell("main", list, at)),
    securityContext: group,
  });
  assert.equal(first.trim().split("\n"), [
    "a 2775 777",
    "a/b 2775 777",
    "a/b/file 660 777",
    "a/suid 4771 777",
    "a/fifo 644 777",
    "x",
  ]);
  assert.is(statSync(canary).gid, 0);
  assert.is(statSync("/etc/passwd").gid, 0);
  assert.is(statSync("/").gid, 0);
  assert.is(statSync(folder).mode & 0o7777, 0o2777);
  await pods.delete("group");
  await pods.deleteObject("PersistentVolumeClaim", "owned");
  await untilGone(pods, "owned");
});

test("a block device is refused by name", async (pods) => {
  const input = JSON.stringify(claim("block", { volumeMode: "Block" }));
  const { code, stderr } = await pods.instance.nspod(["apply", "-f", "-"], { input });
  assert.is.not(code, 0);
  assert.match(stderr, /volumeMode.*"Block"/s);
});

test("a claim whose pods are gone leaves no folder", async (pods) => {
  const folder = join(pods.instance.root, "volumes");
  const retained = (await volumesOf(pods)).filter(({ spec }) => spec.storageClassName === "kept");
  assert.equal(
    readdirSync(folder),
    retained.map(({ metadata }) => metadata.name),
  );
});

run();
