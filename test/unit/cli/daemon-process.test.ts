import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { defaultInstance } from "../../../src/base/instance.ts";
import {
  daemonArguments,
  daemonEntry,
  daemonEnvironment,
  instanceFlags,
  startDaemon,
} from "../../../src/cli/daemon-process.ts";
import { selectInstance } from "../../../src/cli/instance-options.ts";
import { withDeadline } from "../../support/with-deadline.ts";

const start = suite("startDaemon()");
let folder = "";

start.before.each(() => {
  folder = mkdtempSync(join(tmpdir(), "nspod-start-"));
});
start.after.each(() => {
  rmSync(folder, { recursive: true, force: true });
});

start("names the instance and keeps debuggers away", () => {
  const args = daemonArguments(instanceFlags({ ...defaultInstance, root: "/r", bridge: "b0" }));
  assert.ok(args.includes("--disable-sigusr1"));
  assert.is(args[args.indexOf("--root") + 1], "/r");
  assert.is(args[args.indexOf("--bridge") + 1], "b0");
  assert.ok(existsSync(daemonEntry()), daemonEntry());
  const heap = args.indexOf("--max-semi-space-size=2");
  assert.ok(
    heap >= 0 && heap < args.indexOf(daemonEntry()),
    "V8 reads what stands before the program",
  );
});

start("gives the daemon nothing that loads code", () => {
  const env = { PATH: "/bin", NODE_OPTIONS: "--require=x", LD_PRELOAD: "y.so", NODE_PATH: "/z" };
  assert.equal(daemonEnvironment(env), { PATH: "/bin" });
});

start(
  "passes on the daemon's own sentence when it refuses to start",
  withDeadline(20_000, async () => {
    // A subnet that the daemon refuses before it touches anything.
    const instance = {
      ...defaultInstance,
      root: join(folder, "root"),
      run: folder,
      subnet: "8.8.8.0/24",
    };
    const error = await startDaemon(instance).catch((cause: unknown) => cause);
    assert.match(String(error), "Cannot start the daemon: --subnet: must lie in one of");
    assert.match(readFileSync(join(folder, "daemon.log"), "utf8"), "--subnet");
    assert.not.ok(existsSync(instance.root));
  }),
);

start.run();

const select = suite("selectInstance()");

select("flags win over variables, these over defaults", () => {
  const env = { NSPOD_ROOT: "/env/root", NSPOD_RUN: "/env/run", NSPOD_BRIDGE: "" };
  const instance = selectInstance({ root: "/flag/root" }, env);
  assert.is(instance.root, "/flag/root");
  assert.is(instance.run, "/env/run");
  assert.is(instance.bridge, "nspod0");
});

select("refuses what cannot be a link or a cgroup", () => {
  assert.throws(() => selectInstance({ bridge: "a-name-that-is-long" }, {}), /--bridge/);
  assert.throws(() => selectInstance({ cgroup: "nspod" }, {}), /--cgroup/);
  assert.throws(() => selectInstance({ cgroup: "/a/../b" }, {}), /--cgroup/);
});

select.run();
