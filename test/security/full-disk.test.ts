// Promise: on a disk without a free byte the daemon lives and starts, says in one sentence what it cannot do, leaves
// nothing half done, and deletes; when there is room again it goes on without a restart (security: C-06). The same when
// it has room and no inodes (security: C-07).
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { ArmedDaemon } from "../support/armed-daemon.ts";
import { eventually } from "../support/eventually.ts";
import { Instance, testImage } from "../support/instance.ts";
import { getPod, getPods, load, manifest, start } from "../support/manifest.ts";
import { shell } from "../support/pods.ts";
import { requires } from "../support/requires.ts";
import { SmallDisk } from "../support/small-disk.ts";
import { withDeadline } from "../support/with-deadline.ts";

requires("root", "tool:unshare", "tool:nsenter");

const full = suite("a disk that is full");
let instance: Instance;
let disk: SmallDisk;
let daemon: ArmedDaemon;

const names = ["one", "two", "three"];

/** Writes all the time, as those do that fill disks. */
function writer(name: string): string {
  return manifest(name, { containers: [shell("main", "while :; do date; usleep 50000; done")] });
}

full.before(async () => {
  try {
    instance = await Instance.start();
    disk = await SmallDisk.start(instance);
    daemon = await ArmedDaemon.start(instance, "", disk.enter);
    await load(instance, "busybox");
    for (const name of names) await start(instance, writer(name));
    const reserve = join(disk.view, "nspod.db-reserve");
    await eventually("the reserve", 10_000, () => (existsSync(reserve) ? true : undefined));
    await disk.fill();
  } catch (error) {
    console.error(error);
    throw error;
  }
});

full(
  "takes no image, says why, and has nothing of it",
  withDeadline(30_000, async () => {
    const before = ["images", "images/blobs/sha256", "layers"].map((name) => contentOf(name));
    const { code, stderr } = await instance.nspod(["image", "load", testImage("testbox")]);
    assert.is(code, 1);
    assert.match(stderr, /^nspod: Cannot import image "testbox.tar": .*no space left on .*\n$/);
    const after = ["images", "images/blobs/sha256", "layers"].map((name) => contentOf(name));
    assert.equal(after, before);
  }),
);

full(
  "takes no pod, says why, and those that run go on",
  withDeadline(30_000, async () => {
    // What was written before may have become less meanwhile: the store's journal, above all.
    await disk.fill();
    const { code, stderr } = await instance.nspod(["run", "-d", "-"], { input: writer("four") });
    assert.is(code, 1);
    assert.match(stderr, /^nspod: Cannot write to store ".*": no space is left on the disk\n$/);
    const pods = await getPods(instance);
    assert.equal(pods.map(({ metadata }) => metadata.name).sort(), [...names].sort());
    assert.is(await instance.must(["exec", "one", "--", "echo", "alive"]), "alive\n");
  }),
);

full(
  "lets a pod go",
  withDeadline(30_000, async () => {
    await disk.fill();
    await instance.must(["delete", "pod", "one"]);
  }),
);

full(
  "lets a pod go that a new daemon has found",
  withDeadline(60_000, async () => {
    await daemon.kill();
    await disk.fill();
    daemon = await ArmedDaemon.start(instance, "", disk.enter);
    await disk.fill();
    await instance.must(["delete", "pod", "two"]);
    const census = await instance.nspod(["system", "census"]);
    assert.is(census.code, 0, census.stdout);
  }),
);

full(
  "has room again, and everything goes on",
  withDeadline(60_000, async () => {
    await disk.empty();
    const pod = await getPod(instance, "three");
    assert.is(pod.status?.containerStatuses?.[0]?.restartCount, 0);
    await load(instance, "testbox");
    await start(instance, writer("four"));
    const logged = (): Promise<string> => instance.must(["logs", "three", "--tail", "1"]);
    const last = await logged();
    await eventually("another line of a pod that ran", 10_000, async () =>
      (await logged()) === last ? undefined : true,
    );
  }),
);

full(
  "without inodes takes no image and starts no pod, says why, and those that run go on",
  withDeadline(60_000, async () => {
    await disk.fillInodes();
    const before = ["images", "images/blobs/sha256", "layers", "pods"].map(contentOf);
    const { code, stderr } = await instance.nspod(["image", "load", testImage("demo")]);
    assert.is(code, 1);
    assert.match(stderr, /^nspod: Cannot import image "demo.tar": .*no space left on .*\n$/);
    await instance.must(["run", "-d", "-"], { input: writer("five") });
    await eventually("the failure to be told", 20_000, async () => {
      const told = await instance.must(["get", "events", "-o", "json"]);
      return /no space left on/.test(told) ? true : undefined;
    });
    const after = ["images", "images/blobs/sha256", "layers", "pods"].map(contentOf);
    assert.equal(after, before);
    assert.is(await instance.must(["exec", "three", "--", "echo", "alive"]), "alive\n");
  }),
);

full(
  "without inodes lets pods go, also those that a new daemon has found, and starts the rest when it has some",
  withDeadline(60_000, async () => {
    await instance.must(["delete", "pod", "three"]);
    await daemon.kill();
    await disk.fillInodes();
    daemon = await ArmedDaemon.start(instance, "", disk.enter);
    await instance.must(["delete", "pod", "four"]);
    await disk.empty();
    await instance.must(["wait", "--for=condition=Ready", "pod/five", "--timeout=40s"], {
      timeoutMs: 50_000,
    });
    const census = await instance.nspod(["system", "census"]);
    assert.is(census.code, 0, census.stdout);
  }),
);

full(
  "leaves nothing",
  withDeadline(60_000, async () => {
    try {
      await instance.must(["system", "reset", "--yes"]);
      await daemon.ended();
      assert.equal(readdirSync(disk.view), []);
    } finally {
      await disk[Symbol.asyncDispose]();
      await instance.close();
    }
  }),
);

full.run();

function contentOf(folder: string): readonly string[] {
  return readdirSync(join(disk.view, folder)).sort();
}
