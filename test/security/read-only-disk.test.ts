// Promise: on a disk that the kernel has made read-only, because it reported an error, pods go on, the daemon lives and
// says in one sentence what it cannot do and why, and so does the next one; when the disk is mounted again nothing is
// lost or half done, pods run and go (security: C-07).
import { readdirSync } from "node:fs";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { ArmedDaemon } from "../support/armed-daemon.ts";
import { eventually } from "../support/eventually.ts";
import { Instance, NSPOD, testImage } from "../support/instance.ts";
import { JournaledDisk } from "../support/journaled-disk.ts";
import { getPods, load, manifest, start } from "../support/manifest.ts";
import { shell } from "../support/pods.ts";
import { requires } from "../support/requires.ts";
import { type CommandResult, runCommand } from "../support/run-command.ts";
import { withDeadline } from "../support/with-deadline.ts";

requires("root", "tool:unshare", "tool:nsenter", "tool:mkfs.ext4", "file:/dev/loop-control");

const readOnly = suite("a disk that becomes read-only");
let instance: Instance;
let disk: JournaledDisk;
let daemon: ArmedDaemon;

const names = ["one", "two"];

/** Writes all the time, to its log and to its root; ends when it is asked to. */
function writer(name: string): string {
  const script = "trap 'exit 3' USR1; while :; do date | tee -a /dates; usleep 50000; done";
  return manifest(name, { containers: [shell("main", script)] });
}

/** A command of a user who sees the disk, and whose daemon would. */
async function ask(...args: readonly string[]): Promise<CommandResult> {
  const [file = "", ...words] = [...disk.enter, NSPOD, ...args];
  return await runCommand(file, words, { env: instance.env });
}

readOnly.before(async () => {
  try {
    instance = await Instance.start();
    disk = await JournaledDisk.start(instance);
    daemon = await ArmedDaemon.start(instance, "", disk.enter);
    await load(instance, "busybox");
    for (const name of names) await start(instance, writer(name));
    await disk.fail();
  } catch (error) {
    console.error(error);
    throw error;
  }
});

readOnly(
  "lets those that run go on, and refuses the rest with the reason",
  withDeadline(30_000, async () => {
    const load = await instance.nspod(["image", "load", testImage("testbox")]);
    assert.is(load.code, 1);
    assert.match(load.stderr, /^nspod: Cannot import image "testbox.tar": .*read-only.*\n$/);
    const run = await instance.nspod(["run", "-d", "-"], { input: writer("three") });
    assert.is(run.code, 1);
    assert.match(run.stderr, /^nspod: Cannot write to store ".*": the file system is read-only\n$/);
    const remove = await instance.nspod(["delete", "pod", "one"]);
    assert.is(remove.code, 1);
    assert.match(
      remove.stderr,
      /^nspod: Cannot write to store ".*": the file system is read-only\n$/,
    );
    const pods = await getPods(instance);
    assert.equal(pods.map(({ metadata }) => metadata.name).sort(), names);
    assert.is(await instance.must(["exec", "one", "--", "echo", "alive"]), "alive\n");
  }),
);

readOnly(
  "is told of a container that ends meanwhile, and the daemon lives",
  withDeadline(30_000, async () => {
    await instance.must(["exec", "two", "--", "kill", "-USR1", "1"]);
    const told =
      /"default\/two","error":"Cannot write to store [^,]*: the file system is read-only"/;
    await eventually("the end to be told", 10_000, () =>
      told.test(daemon.log) ? true : undefined,
    );
    assert.is(await instance.must(["exec", "one", "--", "echo", "alive"]), "alive\n");
  }),
);

readOnly(
  "is what the next daemon says, and the user reads",
  withDeadline(30_000, async () => {
    await daemon.kill();
    const { code, stderr } = await ask("get", "pods");
    assert.is(code, 1);
    assert.match(stderr, /^nspod: .*the file system is read-only\n$/);
  }),
);

readOnly(
  "has everything when it is mounted again, and pods run and go",
  withDeadline(60_000, async () => {
    await disk.reboot();
    daemon = await ArmedDaemon.start(instance, "", disk.enter);
    for (const name of names) {
      await eventually(`pod ${name} to run again`, 20_000, async () => {
        const { code } = await instance.nspod(["exec", name, "--", "true"]);
        return code === 0 ? true : undefined;
      });
    }
    await load(instance, "testbox");
    await start(instance, writer("three"));
    await instance.must(["delete", "pod", "--now", ...names, "three"]);
    const census = await instance.nspod(["system", "census"]);
    assert.is(census.code, 0, census.stdout);
  }),
);

readOnly(
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

readOnly.run();
