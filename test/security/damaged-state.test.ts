// Promise: what is damaged of one pod's state is the matter of that pod: it is ended and can be deleted, the daemon
// starts, and the others go on (security: C-25).
import { existsSync, rmSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { ArmedPods } from "../support/armed-daemon.ts";
import { eventually } from "../support/eventually.ts";
import { type Pods, sleeper, statusOf } from "../support/pods.ts";
import { requires } from "../support/requires.ts";
import { withDeadline } from "../support/with-deadline.ts";

requires("root");

const damaged = suite("the state of a pod that is damaged");
let armed: ArmedPods;
let pods: Pods;
let bystander: string | undefined;

damaged.before(async () => {
  armed = await ArmedPods.start("busybox");
  pods = armed.pods;
  await pods.up("bystander", { containers: [sleeper("main")] });
  bystander = statusOf(await pods.get("bystander"), "main").containerID;
});

/** Damages a pod's record in the store while no daemon runs. */
function changeRecord(uid: string, sql: string): void {
  using database = new DatabaseSync(join(pods.instance.root, "nspod.db"));
  const done = database.prepare(`${sql} WHERE store = 'pods' AND key = ?`).run(uid);
  assert.is(done.changes, 1);
}

type Damage = (uid: string) => void;

/** Ends the pod: nobody knows any more what it was. */
const endings: Readonly<Record<string, Damage>> = {
  "a record that is cut off": (uid) =>
    changeRecord(uid, "UPDATE records SET body = substr(body, 1, length(body) / 2)"),
  "a record of zeros": (uid) => changeRecord(uid, "UPDATE records SET body = ''"),
  "a record of something else": (uid) => changeRecord(uid, `UPDATE records SET body = '{"uid":7}'`),
};

for (const [what, damage] of Object.entries(endings)) {
  damaged(
    `ends the pod and no other: ${what}`,
    withDeadline(60_000, async () => {
      const { metadata } = await pods.up("broken", { containers: [sleeper("main")] });
      await armed.daemon.kill();
      damage(metadata.uid);
      await armed.next();
      const pod = await pods.untilEnded("broken");
      assert.is(pod.status?.phase, "Failed");
      assert.is(pod.status?.reason, "RecordDamaged");
      await pods.delete("broken");
      assert.is(statusOf(await pods.get("bystander"), "main").containerID, bystander);
    }),
  );
}

/** Begins the pod again: what was lost can be made. */
const beginnings: Readonly<Record<string, Damage>> = {
  "a record that is gone": (uid) => changeRecord(uid, "DELETE FROM records"),
  "the shim's socket": (uid) => rmSync(join(pods.instance.run, "pods", uid, "shim.sock")),
  "the shim's folder": (uid) =>
    rmSync(join(pods.instance.run, "pods", uid, "exits"), { recursive: true }),
};

for (const [what, damage] of Object.entries(beginnings)) {
  damaged(
    `leaves a pod that runs, and all others: ${what}`,
    withDeadline(60_000, async () => {
      const spec = { restartPolicy: "Always", containers: [sleeper("main")] } as const;
      const { metadata } = await pods.up("broken", spec);
      await armed.daemon.kill();
      damage(metadata.uid);
      await armed.next();
      await pods.until("broken", "it to run", (pod) => statusOf(pod, "main").ready, 40_000);
      await pods.delete("broken");
      assert.is(statusOf(await pods.get("bystander"), "main").containerID, bystander);
    }),
  );
}

damaged(
  "takes an object of the API out that cannot be read, says so, and leaves all others",
  withDeadline(60_000, async () => {
    const { metadata } = await pods.up("broken", { containers: [sleeper("main")] });
    await armed.daemon.kill();
    {
      using database = new DatabaseSync(join(pods.instance.root, "nspod.db"));
      const half = "UPDATE objects SET body = substr(body, 1, length(body) / 2)";
      const done = database.prepare(`${half} WHERE kind = 'Pod' AND name = 'broken'`).run();
      assert.is(done.changes, 1);
    }
    const { log } = await armed.next();
    assert.match(log, /Cannot read Pod default\/broken: it was taken out of/);
    assert.equal(
      (await pods.list()).map((pod) => pod.metadata.name),
      ["bystander"],
    );
    const folder = join(pods.instance.root, "pods", metadata.uid);
    await eventually("what is left of it to go", 20_000, () =>
      existsSync(folder) ? undefined : true,
    );
    assert.is(statusOf(await pods.get("bystander"), "main").containerID, bystander);
    await pods.up("broken", { containers: [sleeper("main")] });
    await pods.delete("broken");
  }),
);

damaged(
  "leaves nothing",
  withDeadline(60_000, async () => await armed.close()),
);

damaged.run();
