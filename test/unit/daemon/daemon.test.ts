// The life of a daemon with a node that does nothing: start, stop, idle, reset, kill -9.
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import type { Backend } from "../../../src/apiserver/backend.ts";
import { type Clock, systemClock } from "../../../src/base/clock.ts";
import { isPodError } from "../../../src/base/errors.ts";
import { defaultInstance } from "../../../src/base/instance.ts";
import { createLogger } from "../../../src/base/log.ts";
import type { Configuration } from "../../../src/daemon/configuration.ts";
import { type DaemonEnd, type Node, runDaemon } from "../../../src/daemon/daemon.ts";
import { storePath } from "../../../src/daemon/folders.ts";
import { Store } from "../../../src/store/store.ts";
import { withDeadline } from "../../support/with-deadline.ts";

const daemon = suite("runDaemon()");
let folder = "";
let configuration: Configuration;
let stop: AbortController;
let closed: number;
let isEmpty: boolean;
let child: ChildProcess | undefined;

daemon.before.each(() => {
  folder = mkdtempSync(join(tmpdir(), "nspod-daemon-"));
  const instance = { ...defaultInstance, root: join(folder, "root"), run: join(folder, "run") };
  configuration = {
    instance,
    enforceLimits: false,
    allowedUnsafeSysctls: [],
    logLevel: "silent",
    onDemand: false,
    nodeGraceMs: 40_000,
  };
  stop = new AbortController();
  closed = 0;
  isEmpty = true;
});

daemon.after.each(async () => {
  stop.abort();
  if (child?.exitCode === null && child.signalCode === null) {
    child.kill("SIGKILL");
    await once(child, "exit");
  }
  child = undefined;
  rmSync(folder, { recursive: true, force: true });
});

async function createNode({ instance }: Configuration): Promise<Node> {
  const store = Store.open(storePath(instance));
  const backend = { store, reset: async () => undefined } as unknown as Backend;
  return {
    backend,
    publishApi: () => undefined,
    isEmpty: () => isEmpty,
    close: async () => {
      closed++;
      store.close();
    },
  };
}

interface Running {
  readonly ready: Promise<void>;
  readonly end: Promise<DaemonEnd>;
}

function start(changes: Partial<Configuration> = {}, clock: Clock = systemClock): Running {
  const { promise: ready, resolve: onReady, reject } = Promise.withResolvers<void>();
  const end = runDaemon({
    configuration: { ...configuration, ...changes },
    logger: createLogger("silent"),
    clock,
    createNode,
    onReady,
    stop: stop.signal,
  });
  end.catch(reject);
  ready.catch(() => undefined);
  return { ready, end };
}

function socketPath(): string {
  return join(configuration.instance.run, "nspod.sock");
}

async function call(method: string, path: string): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  const outgoing = request({ socketPath: socketPath(), method, path, agent: false }, (response) => {
    response.resume();
    response.on("end", () => resolve(response.statusCode ?? 0));
  });
  outgoing.on("error", reject);
  outgoing.end();
  return await promise;
}

daemon(
  "listens until it is stopped, in folders of the right modes",
  withDeadline(30_000, async () => {
    const { root, run } = configuration.instance;
    mkdirSync(run, { recursive: true });
    chmodSync(run, 0o777);
    const { ready, end } = start();
    await ready;
    assert.is(await call("GET", "/healthz"), 200);
    assert.is(statSync(root).mode & 0o777, 0o700);
    assert.is(statSync(run).mode & 0o777, 0o711);
    assert.is(statSync(socketPath()).mode & 0o777, 0o600);
    stop.abort();
    assert.is(await end, "stopped");
    assert.ok(closed > 0);
    assert.not(existsSync(socketPath()));
    assert.ok(existsSync(storePath(configuration.instance)), "state stays");
  }),
);

daemon(
  "is the only one of its folders; a command joins it",
  withDeadline(30_000, async () => {
    const first = start();
    await first.ready;
    const { root } = configuration.instance;
    for (const instance of [
      configuration.instance,
      { ...configuration.instance, run: join(folder, "other") },
      { ...configuration.instance, root: join(folder, "other-root") },
    ]) {
      try {
        await start({ instance }).end;
        assert.unreachable(`two daemons share ${root}`);
      } catch (error) {
        assert.ok(isPodError(error, "FailedPrecondition"), String(error));
      }
    }
    const second = start({ onDemand: true });
    await second.ready;
    assert.is(await second.end, "joined");
    assert.is(await call("GET", "/healthz"), 200, "the first one lives on");
    stop.abort();
    await first.end;
  }),
);

daemon(
  "ends itself when a command started it and nothing is left to do",
  withDeadline(30_000, async () => {
    const timers: (() => void)[] = [];
    const clock: Clock = {
      ...systemClock,
      after: (delayMs, run) => {
        if (delayMs !== 60_000) return systemClock.after(delayMs, run);
        timers.push(run);
        return () => void timers.splice(timers.indexOf(run), 1);
      },
    };
    isEmpty = false;
    const { ready, end } = start({ onDemand: true }, clock);
    await ready;
    timers.shift()?.();
    assert.is(timers.length, 1, "it waits on, because there are pods");
    isEmpty = true;
    timers.shift()?.();
    assert.is(await end, "idle");
  }),
);

daemon(
  "answers a reset when nothing is left",
  withDeadline(30_000, async () => {
    const { ready, end } = start();
    await ready;
    assert.is(await call("POST", "/nspod/v1/system/reset"), 200);
    assert.not(existsSync(configuration.instance.root));
    assert.not(existsSync(configuration.instance.run));
    assert.is(await end, "reset");
  }),
);

daemon(
  "keeps files of others at a reset",
  withDeadline(30_000, async () => {
    const { ready, end } = start();
    await ready;
    const mine = join(configuration.instance.root, "precious");
    writeFileSync(mine, "");
    assert.is(await call("POST", "/nspod/v1/system/reset"), 200);
    assert.is(await end, "reset");
    assert.ok(existsSync(mine));
    assert.not(existsSync(storePath(configuration.instance)));
  }),
);

daemon("refuses a folder that is a link", async () => {
  const { root } = configuration.instance;
  mkdirSync(join(folder, "elsewhere"));
  const { symlinkSync } = await import("node:fs");
  symlinkSync(join(folder, "elsewhere"), root);
  try {
    await start().end;
    assert.unreachable();
  } catch (error) {
    assert.ok(isPodError(error, "FailedPrecondition"), String(error));
  }
});

async function startChild(body: string): Promise<ChildProcess> {
  const source = (path: string): string =>
    JSON.stringify(join(import.meta.dirname, "../../../src", path));
  const script = join(folder, "child.ts");
  writeFileSync(
    script,
    `import { createLogger } from ${source("base/log.ts")};
     import { systemClock } from ${source("base/clock.ts")};
     import { runDaemon } from ${source("daemon/daemon.ts")};
     import { storePath } from ${source("daemon/folders.ts")};
     import { guardProcess } from ${source("daemon/guard.ts")};
     import { Store } from ${source("store/store.ts")};
     const logger = createLogger("silent");
     guardProcess(logger, process.exit);
     ${body}`,
  );
  const started = spawn(process.execPath, [script], { stdio: ["ignore", "pipe", "inherit"] });
  child = started;
  await once(started.stdout, "data");
  return started;
}

daemon(
  "starts over what a killed daemon left",
  withDeadline(30_000, async () => {
    const killed = await startChild(`
      const configuration = ${JSON.stringify(configuration)};
      await runDaemon({ configuration, logger, clock: systemClock, stop: new AbortController().signal,
        onReady: () => process.stdout.write("ready"),
        createNode: async () => {
          const store = Store.open(storePath(configuration.instance));
          store.create({ apiVersion: "v1", kind: "Pod", metadata: { namespace: "n", name: "p", uid: "u" } });
          return { backend: { store }, close: async () => undefined, isEmpty: () => false };
        } });`);
    killed.kill("SIGKILL");
    await once(killed, "exit");
    assert.ok(existsSync(socketPath()), "a killed daemon leaves its socket");
    const { ready, end } = start();
    await ready;
    assert.is(await call("GET", "/api/v1/namespaces/n/pods/p"), 200);
    stop.abort();
    await end;
  }),
);

daemon(
  "opens no debugger on SIGUSR1",
  withDeadline(30_000, async () => {
    const guarded = await startChild(`
      process.on("SIGUSR1", async () => {
        const { url } = await import("node:inspector");
        process.stdout.write("debugger " + url());
        process.exit(0);
      });
      setInterval(() => undefined, 1e6);
      process.stdout.write("ready");`);
    guarded.kill("SIGUSR1");
    assert.ok(guarded.stdout);
    const [text] = await once(guarded.stdout, "data");
    assert.is(String(text), "debugger undefined");
  }),
);

daemon(
  "ends with 70 after an error that nobody caught",
  withDeadline(30_000, async () => {
    for (const failure of [
      `Promise.reject(new Error("x"))`,
      `setImmediate(() => { throw new Error("x") })`,
    ]) {
      const failing = await startChild(`process.stdout.write("ready"); void ${failure};
        setInterval(() => undefined, 1e6);`);
      if (failing.exitCode === null) await once(failing, "exit");
      assert.is(failing.exitCode, 70, failure);
    }
  }),
);

daemon.run();
