// Promise: another version of nspod takes over the pods that live: same containers, no restart, exec, logs and delete
// as before. Its store is taken forward; an older version refuses it and changes nothing. A shim that a version
// cannot talk to keeps its containers.
import { existsSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import * as assert from "uvu/assert";
import { migrations } from "../../src/store/migrations.ts";
import { eventually } from "../support/eventually.ts";
import { NSPOD } from "../support/instance.ts";
import { buildVersion, type Edit } from "../support/other-version.ts";
import { podSuite } from "../support/pod-suite.ts";
import { type Pods, sleeper, statusOf } from "../support/pods.ts";
import { requires } from "../support/requires.ts";
import { type CommandResult, runCommand } from "../support/run-command.ts";

requires("root", "kernel:5.15", "tool:make");

const { test, run } = podSuite("upgrade", "busybox");

/** A version and the command that is its own. */
interface Version {
  readonly number: string;
  readonly nspod: string;
}

const first: Version = { number: "0.1.0", nspod: NSPOD };
let second: Version;
let third: Version;
/** Another protocol of shims, the store of the third. */
let stranger: Version;

const names = ["steady", "quiet"];
const containers = new Map<string, string | undefined>();

const numbered = (number: string): Edit => ({
  file: "src/daemon/version.ts",
  from: 'version = "0.1.0"',
  to: `version = "${number}"`,
});
const migrating = (...steps: readonly string[]): Edit => ({
  file: "src/store/migrations.ts",
  from: "\n];",
  to: `\n${steps.map((step) => `${JSON.stringify(step)},`).join("\n")}\n];`,
});
const addNotes = "CREATE TABLE notes (key TEXT) STRICT;";
const fillNotes = "INSERT INTO notes SELECT key FROM records WHERE store = 'pods';";
const otherProtocol: Edit = {
  file: "src/shim/protocol.ts",
  from: "protocolVersion = 1;",
  to: "protocolVersion = 2;",
};

const infoPath = "/nspod/v1/system/info";

interface Info {
  readonly version: string;
  readonly pid: number;
}

/** Any command of a version; it starts this version's daemon when none runs. */
async function command(pods: Pods, { nspod }: Version): Promise<CommandResult> {
  return await runCommand(nspod, ["get", "pods"], { env: pods.instance.env });
}

async function begin(pods: Pods, version: Version): Promise<void> {
  const { code, stderr } = await command(pods, version);
  assert.is(code, 0, stderr);
  assert.is((await pods.client.json<Info>("GET", infoPath)).version, version.number);
}

async function end(pods: Pods, signal: "SIGTERM" | "SIGKILL"): Promise<void> {
  const { pid } = await pods.client.json<Info>("GET", infoPath);
  process.kill(pid, signal);
  // A process that has ended has no files any more.
  const isGone = (): boolean => !existsSync(`/proc/${pid}/cwd`);
  await eventually("the end of the daemon", 10_000, () => isGone() || undefined);
}

/** That the pods are what they were when the first version started them, and obey this one. */
async function serves(pods: Pods, { number }: Version): Promise<void> {
  for (const name of names) {
    const pod = await pods.get(name);
    const { containerID, restartCount, state } = statusOf(pod, "main");
    assert.equal([containerID, restartCount], [containers.get(name), 0], name);
    assert.ok(state?.running, name);
  }
  await pods.ask("steady", `echo from ${number} >/proc/1/fd/1`);
  await pods.untilLogged("steady", "main", `from ${number}\n`);
}

/** `user_version` of the store, and how many records the third version's step has found. */
function storeFacts(pods: Pods): { readonly version: number; readonly notes: number } {
  using database = new DatabaseSync(join(pods.instance.root, "nspod.db"), { readOnly: true });
  const number = (sql: string): number => Number(database.prepare(sql).get()?.["n"]);
  const version = number("SELECT user_version AS n FROM pragma_user_version");
  const tables = "SELECT count(*) AS n FROM sqlite_schema WHERE name = 'notes'";
  const notes = number(tables) === 0 ? 0 : number("SELECT count(*) AS n FROM notes");
  return { version, notes };
}

test("pods live on when a version is stopped and the next one starts", async (pods) => {
  const { base } = pods.instance;
  const build = async (number: string, ...edits: readonly Edit[]): Promise<Version> => {
    return { number, nspod: await buildVersion(join(base, number), [numbered(number), ...edits]) };
  };
  [second, third, stranger] = await Promise.all([
    build("0.2.0", migrating(addNotes)),
    build("0.3.0", migrating(addNotes, fillNotes)),
    build("0.4.0", migrating(addNotes, fillNotes), otherProtocol),
  ]);
  for (const name of names) {
    const spec = { restartPolicy: "Always", containers: [sleeper("main")] } as const;
    containers.set(name, statusOf(await pods.up(name, spec), "main").containerID);
  }
  await serves(pods, first);
  assert.equal(storeFacts(pods), { version: migrations.length, notes: 0 });
  await end(pods, "SIGTERM");
  await begin(pods, second);
  await serves(pods, second);
  assert.equal(storeFacts(pods), { version: migrations.length + 1, notes: 0 });
}, 60_000);

test("and when it is killed", async (pods) => {
  await end(pods, "SIGKILL");
  await begin(pods, third);
  await serves(pods, third);
  assert.equal(storeFacts(pods), { version: migrations.length + 2, notes: names.length });
  assert.is(await pods.log("steady"), "from 0.1.0\nfrom 0.2.0\nfrom 0.3.0\n");
}, 60_000);

test("an older version refuses the store, and the pods live on", async (pods) => {
  await end(pods, "SIGTERM");
  const before = storeFacts(pods);
  const { code, stderr } = await command(pods, first);
  assert.is(code, 1);
  const path = join(pods.instance.root, "nspod.db");
  assert.match(
    stderr,
    `Cannot open store "${path}": its format is version ${migrations.length + 2}, this nspod reads up to version ${migrations.length}: use the nspod that wrote it, or a newer one\n`,
  );
  assert.equal(storeFacts(pods), before);
  await begin(pods, third);
  await serves(pods, third);
}, 60_000);

test("one that does not know the shims leaves the pods alone, but for those that are deleted", async (pods) => {
  await end(pods, "SIGTERM");
  await begin(pods, stranger);
  const sentence = "The shim speaks version 1 of its protocol: this nspod needs 2";
  const { message } = await eventually("the event", 20_000, async () =>
    (await pods.events("steady")).find(({ reason }) => reason === "FailedSync"),
  );
  assert.match(message, `${sentence}: the containers of the pod go on as they are`);
  const exec = await pods.exec("steady", "true");
  assert.is(exec.code, 1);
  assert.match(exec.stderr, sentence);
  await pods.delete("quiet");
  names.pop();
  await end(pods, "SIGTERM");
  await begin(pods, third);
  await serves(pods, third);
  await pods.delete("steady");
}, 60_000);

test("only who reads the store can take it away", async (pods) => {
  // The census that follows is the first version's, which finds nothing then.
  const { nspod } = third;
  const { env } = pods.instance;
  const { code, stderr } = await runCommand(nspod, ["system", "reset", "--yes"], { env });
  assert.is(code, 0, stderr);
});

run();
