import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { VolumeBinder } from "../../../src/agent/volume-binder.ts";
import { VolumeObjects } from "../../../src/agent/volume-objects.ts";
import { type Clock, systemClock } from "../../../src/base/clock.ts";
import { isPodError } from "../../../src/base/errors.ts";
import { createLogger } from "../../../src/base/log.ts";
import type {
  PersistentVolume,
  PersistentVolumeClaim,
  StorageClass,
} from "../../../src/spec/kubernetes.gen.ts";
import type { Pod } from "../../../src/spec/pod.ts";
import { Store } from "../../../src/store/store.ts";
import { claimOf, podWith, volumeOf } from "../volume/claims.ts";

interface World {
  readonly root: string;
  readonly store: Store;
  readonly binder: VolumeBinder;
  readonly events: string[];
  /** Runs the rounds that changes asked for. */
  readonly settle: () => Promise<void>;
}

const binder = suite<{ world: World }>("VolumeBinder");

binder.before.each((context) => {
  const root = mkdtempSync(join(tmpdir(), "nspod-binder-"));
  const store = Store.open(join(root, "nspod.db"));
  const events: string[] = [];
  const due: (() => void)[] = [];
  const clock: Clock = {
    ...systemClock,
    after: (_delay, run) => {
      due.push(run);
      return () => undefined;
    },
  };
  const objects = new VolumeObjects({
    store,
    clock,
    nodeName: "n1",
    root,
    discard: (path) => rmSync(path, { recursive: true }),
    report: ({ metadata }, { reason }) => events.push(`${metadata.name} ${reason}`),
  });
  const made = new VolumeBinder({ store, objects, clock, log: createLogger("silent") });
  made.start();
  const settle = async (): Promise<void> => {
    // A watch hands over its events in promises, all of which have run before the next macrotask.
    for (let quiet = 0; quiet < 3; quiet++) {
      await new Promise(setImmediate);
      const runs = due.splice(0);
      if (runs.length > 0) quiet = -1;
      for (const run of runs) run();
    }
  };
  context.world = { root, store, binder: made, events, settle };
});

binder.after.each(async ({ world }) => {
  await world.binder[Symbol.asyncDispose]();
  world.store.close();
  rmSync(world.root, { recursive: true });
});

const claim = ({ store }: World, name = "data"): PersistentVolumeClaim | undefined =>
  store.get("PersistentVolumeClaim", "default", name);
const volumes = ({ store }: World): readonly PersistentVolume[] =>
  store.list<PersistentVolume>("PersistentVolume").items;

function use({ binder: made }: World, pod: Pod): PersistentVolume {
  const [volume] = pod.spec.volumes ?? [];
  if (volume === undefined) throw new Error("the pod has no volume");
  return made.volumeOf(pod, volume);
}

function refusal(world: World, pod: Pod): unknown {
  try {
    use(world, pod);
  } catch (error) {
    assert.ok(isPodError(error, "FailedPrecondition"), String(error));
    assert.is(error.data["reason"], "FailedScheduling");
    return error.data["phrase"];
  }
  throw new Error("it was bound");
}

/** A claim as a manifest has it: without class and finalizer. */
function bareClaim(name = "data"): PersistentVolumeClaim {
  const { storageClassName: _class, ...spec } = claimOf(name).spec;
  const { finalizers: _finalizers, ...metadata } = claimOf(name).metadata;
  return { apiVersion: "v1", kind: "PersistentVolumeClaim", metadata, spec };
}

function markDeleted({ store }: World, name: string): void {
  store.mutate<PersistentVolumeClaim>("PersistentVolumeClaim", "default", name, (current) => ({
    ...current,
    metadata: { ...current.metadata, deletionTimestamp: "2026-01-01T00:00:00Z" },
  }));
}

binder(
  "a claim waits for its first pod, gets a folder then, and frees it when both are gone",
  async ({ world }) => {
    const { store, settle, root, events } = world;
    store.create(bareClaim());
    await settle();
    assert.is(claim(world)?.spec.storageClassName, "local-path");
    assert.is(claim(world)?.status?.phase, "Pending");
    assert.equal(events, ["data WaitForFirstConsumer"]);

    const pod = podWith("web", "data");
    store.create(pod);
    const volume = use(world, pod);
    const folder = join(root, "volumes/pvc-uid-data");
    assert.is(volume.spec.local?.path, folder);
    assert.is(statSync(folder).mode & 0o7777, 0o777);
    assert.is(claim(world)?.status?.phase, "Bound");
    assert.equal(claim(world)?.status?.capacity, { storage: "1Gi" });
    assert.equal(events.slice(1), ["data Provisioning", "data ProvisioningSucceeded"]);
    await settle();
    assert.is(volumes(world)[0]?.status?.phase, "Bound");

    markDeleted(world, "data");
    await settle();
    assert.ok(claim(world), "a pod uses it");
    assert.is(refusal(world, pod), 'persistentvolumeclaim "data" is being deleted');
    store.delete("Pod", "default", "web");
    await settle();
    assert.is(claim(world), undefined);
    assert.equal(volumes(world), []);
    assert.not(existsSync(folder));
  },
);

binder("a pod that has ended does not hold its claim", async ({ world }) => {
  const { store, settle } = world;
  store.create(bareClaim());
  store.create(podWith("web", "data"));
  use(world, podWith("web", "data"));
  markDeleted(world, "data");
  await settle();
  assert.ok(claim(world));
  store.mutate<Pod>("Pod", "default", "web", (pod) => ({ ...pod, status: { phase: "Succeeded" } }));
  await settle();
  assert.is(claim(world), undefined);
});

binder("a static volume is bound, released and kept", async ({ world }) => {
  const { store, settle } = world;
  store.create(volumeOf("disk", { storageClassName: "manual" }));
  store.create(claimOf("data", { storageClassName: "manual" }));
  await settle();
  assert.is(claim(world)?.spec.volumeName, "disk");
  assert.is(volumes(world)[0]?.spec.claimRef?.uid, "uid-data");
  markDeleted(world, "data");
  await settle();
  assert.is(claim(world), undefined);
  assert.is(volumes(world)[0]?.status?.phase, "Released");
  // As on a cluster: another claim does not get what the first one left.
  store.create(claimOf("other", { storageClassName: "manual" }));
  await settle();
  assert.is(claim(world, "other")?.status?.phase, "Pending");
});

binder("two claims never get the same volume", async ({ world }) => {
  const { store, settle } = world;
  store.create(volumeOf("disk", { storageClassName: "manual" }));
  for (const name of ["a", "b"]) store.create(claimOf(name, { storageClassName: "manual" }));
  await settle();
  const bound = ["a", "b"].filter((name) => claim(world, name)?.status?.phase === "Bound");
  assert.equal(bound, ["a"]);
});

binder("Delete never touches data of the host, even below the data root", async ({ world }) => {
  const { store, settle, root, events } = world;
  const path = join(root, "precious");
  mkdirSync(path);
  const persistentVolumeReclaimPolicy = "Delete";
  const spec = {
    storageClassName: "manual",
    hostPath: { path },
    persistentVolumeReclaimPolicy,
  } as const;
  store.create(volumeOf("disk", spec));
  store.create(claimOf("data", { storageClassName: "manual" }));
  await settle();
  markDeleted(world, "data");
  await settle();
  assert.is(volumes(world)[0]?.status?.phase, "Failed");
  assert.ok(events.includes("disk VolumeFailedDelete"), events.join());
  assert.ok(existsSync(path));
});

binder(
  "the claim of an ephemeral volume is made for the pod and goes with it",
  async ({ world }) => {
    const { store, settle } = world;
    const { storageClassName: _class, ...spec } = claimOf("x").spec;
    const volumeClaimTemplate = {
      metadata: { name: "", namespace: "", uid: "", labels: { app: "web" } },
      spec,
    };
    const bare = podWith("web");
    const pod: Pod = {
      ...bare,
      spec: { ...bare.spec, volumes: [{ name: "scratch", ephemeral: { volumeClaimTemplate } }] },
    };
    store.create(pod);
    use(world, pod);
    await settle();
    const made = claim(world, "web-scratch");
    assert.is(made?.status?.phase, "Bound");
    assert.equal(made?.metadata.labels, { app: "web" });
    assert.is(made?.metadata.ownerReferences?.[0]?.uid, "uid-web");
    const other = { ...pod, metadata: { ...pod.metadata, uid: "another" } };
    assert.match(String(refusal(world, other)), "was not created for pod");
    store.delete("Pod", "default", "web");
    await settle();
    assert.is(claim(world, "web-scratch"), undefined);
    assert.equal(volumes(world), []);
  },
);

binder("says as the scheduler why a pod has no volume yet", async ({ world }) => {
  const { store } = world;
  const pod = podWith("web", "data");
  assert.is(refusal(world, pod), 'persistentvolumeclaim "data" not found');
  store.create(claimOf("data", { storageClassName: "" }));
  assert.is(refusal(world, pod), "pod has unbound immediate PersistentVolumeClaims");
});

binder("a claim that asks for more gets it when its class lets it", async ({ world }) => {
  const { store, settle, events } = world;
  store.create(bareClaim());
  store.create(podWith("web", "data"));
  use(world, podWith("web", "data"));
  const ask = (storage: string): void => {
    store.mutate<PersistentVolumeClaim>("PersistentVolumeClaim", "default", "data", (current) => ({
      ...current,
      spec: { ...current.spec, resources: { requests: { storage } } },
    }));
  };
  ask("2Gi");
  await settle();
  assert.equal(claim(world)?.status?.capacity, { storage: "2Gi" });
  assert.equal(volumes(world)[0]?.spec.capacity, { storage: "2Gi" });
  assert.ok(events.includes("data FileSystemResizeSuccessful"), events.join());
  store.mutate<StorageClass>("StorageClass", "", "local-path", (current) => ({
    ...current,
    allowVolumeExpansion: false,
  }));
  ask("3Gi");
  await settle();
  assert.equal(claim(world)?.status?.capacity, { storage: "2Gi" });
});

binder("ReadWriteOncePod is for one pod at a time", ({ world }) => {
  const { store } = world;
  const { spec, ...rest } = bareClaim();
  store.create({ ...rest, spec: { ...spec, accessModes: ["ReadWriteOncePod"] } });
  const first = podWith("a", "data");
  const second = podWith("b", "data");
  store.create(first);
  store.create(second);
  use(world, first);
  assert.match(String(refusal(world, second)), "ReadWriteOncePod access mode");
  store.delete("Pod", "default", "a");
  use(world, second);
});

/** A pod on another node, which makes its folders below /far. */
function podFarAway({ store }: World): Pod {
  const metadata = {
    name: "n2",
    namespace: "",
    uid: "n2",
    labels: { "kubernetes.io/hostname": "n2" },
    annotations: { "nspod/volumes": "/far" },
  };
  store.create({ apiVersion: "v1", kind: "Node", metadata });
  store.create(bareClaim());
  const pod = podWith("web", "data");
  store.create(pod);
  return { ...pod, spec: { ...pod.spec, nodeName: "n2" } };
}

binder("the claim of a pod on another node gets its volume there", async ({ world }) => {
  const { root } = world;
  const volume = use(world, podFarAway(world));
  assert.is(volume.spec.local?.path, "/far/pvc-uid-data");
  assert.equal(volume.metadata.labels, { "kubernetes.io/hostname": "n2" });
  assert.not(existsSync(join(root, "volumes")));
  assert.is(claim(world)?.status?.phase, "Bound");
  const here = refusal(world, podWith("other", "data"));
  assert.is(here, "1 node(s) had volume node affinity conflict");
});

binder("and its node takes the folder away before the volume is gone", async ({ world }) => {
  const { store, settle } = world;
  use(world, podFarAway(world));
  store.delete("Pod", "default", "web");
  markDeleted(world, "data");
  await settle();
  const [asked] = volumes(world);
  assert.equal(asked?.metadata.finalizers, ["nspod/volume-folder"]);
  assert.ok(asked?.metadata.deletionTimestamp);
  // Nothing else is asked for meanwhile.
  const before = store.resourceVersion;
  world.binder.round();
  assert.is(store.resourceVersion, before);
  store.delete("Node", "", "n2");
  await settle();
  assert.equal(volumes(world), []);
});

binder("a volume of another node that is to be kept waits for somebody", async ({ world }) => {
  const { store, settle } = world;
  use(world, podFarAway(world));
  store.mutate<PersistentVolume>("PersistentVolume", "", "pvc-uid-data", (volume) => ({
    ...volume,
    spec: { ...volume.spec, persistentVolumeReclaimPolicy: "Retain" },
  }));
  store.delete("Pod", "default", "web");
  markDeleted(world, "data");
  await settle();
  const [kept] = volumes(world);
  assert.is(kept?.status?.phase, "Released");
  assert.is(kept?.metadata.deletionTimestamp, undefined);
});

binder(
  "an empty folder of a volume that was never stored goes, one with data stays",
  ({ world }) => {
    const { root, store } = world;
    const folders = ["empty", "data/word", "pv"].map((name) => join(root, "volumes", name));
    for (const folder of folders) mkdirSync(folder, { recursive: true });
    store.create(volumeOf("pv"));
    world.binder.start();
    assert.equal(readdirSync(join(root, "volumes")).sort(), ["data", "pv"]);
  },
);

binder("after a crash between its two writes a binding is completed", async ({ world }) => {
  const { store, settle } = world;
  const claimRef = { name: "data", namespace: "default", uid: "uid-data" };
  store.create(volumeOf("disk", { storageClassName: "manual", claimRef }));
  store.create(claimOf("data", { storageClassName: "manual" }));
  await settle();
  assert.is(claim(world)?.spec.volumeName, "disk");
});

binder.run();
