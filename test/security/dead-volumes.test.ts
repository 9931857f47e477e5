// Promise: a volume whose files have to be given to a group (fsGroup), on a file system that fails or answers nothing in
// the middle of it, is the matter of its pod: the pod says so, is tried again and can be deleted, other pods and the
// daemon go on, and a killed daemon is followed by the next one (security: NODE-02).
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import type { PodSpec } from "../../src/spec/pod.ts";
import { ArmedPods } from "../support/armed-daemon.ts";
import { DeadDisk } from "../support/dead-disk.ts";
import { eventually } from "../support/eventually.ts";
import { type Pods, sleeper, statusOf } from "../support/pods.ts";
import { requires } from "../support/requires.ts";
import { withDeadline } from "../support/with-deadline.ts";

requires("root", "file:/dev/fuse");

const dead = suite("a volume that is given to a group");
let armed: ArmedPods;
let pods: Pods;
let disk: DeadDisk;

dead.before(async () => {
  armed = await ArmedPods.start("busybox");
  pods = armed.pods;
  try {
    disk = await DeadDisk.start(join(pods.instance.base, "dead"));
    await claim(join(disk.path, "data"));
  } catch (error) {
    console.error(error);
    throw error;
  }
});

/** A claim with a volume in the folder, whose files have to be given to a group. */
async function claim(path: string): Promise<void> {
  const shared = {
    accessModes: ["ReadWriteOnce"],
    storageClassName: "",
    volumeMode: "Filesystem",
  };
  const anywhere = { key: "kubernetes.io/hostname", operator: "Exists" };
  const volume = {
    apiVersion: "v1",
    kind: "PersistentVolume",
    metadata: { name: "given" },
    spec: {
      ...shared,
      capacity: { storage: "1Gi" },
      persistentVolumeReclaimPolicy: "Retain",
      local: { path },
      nodeAffinity: { required: { nodeSelectorTerms: [{ matchExpressions: [anywhere] }] } },
    },
  };
  const wish = {
    apiVersion: "v1",
    kind: "PersistentVolumeClaim",
    metadata: { name: "given" },
    spec: { ...shared, volumeName: "given", resources: { requests: { storage: "1Gi" } } },
  };
  for (const object of [volume, wish]) await pods.createObject(object);
}

function given(): PodSpec {
  return {
    volumes: [{ name: "v", persistentVolumeClaim: { claimName: "given" } }],
    containers: [sleeper("main", { volumeMounts: [{ name: "v", mountPath: "/v" }] })],
    securityContext: { fsGroup: 777 },
  };
}

/** What everybody can go on with. */
async function othersGoOn(name: string): Promise<void> {
  await pods.up(name, { containers: [sleeper("main")] });
  assert.is(await pods.ask(name, "echo here"), "here");
  await pods.delete(name);
}

async function untilTold(name: string, why: RegExp): Promise<void> {
  await pods.until(name, `told ${why}`, (pod) =>
    why.test(statusOf(pod, "main").state?.waiting?.message ?? ""),
  );
}

dead(
  "holds up nobody but the pod whose volume it gives to a group",
  withDeadline(60_000, async () => {
    await pods.create("given", given());
    await untilTold("given", /applyFSGroup failed: getdents64 failed with EIO/);
    disk.stopListing();
    await eventually("the walk to ask", 20_000, () => (disk.listers > 0 ? true : undefined));
    await othersGoOn("beside");
    await untilTold("given", /does not answer/);
    await pods.delete("given");
    await pods.create("again", given());
    // The one that waits is a child of the daemon that was killed.
    await armed.next();
    await othersGoOn("after");
    disk.list();
    await pods.until("again", "running", ({ status }) => status?.phase === "Running");
    await pods.delete("again");
  }),
);

dead(
  "leaves nothing",
  withDeadline(60_000, async () => {
    await disk[Symbol.asyncDispose]();
    await armed.close();
  }),
);

dead.run();
