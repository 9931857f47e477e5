// One daemon per folder, however the other one ends; and what its starter is told.
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { isPodError } from "../../../src/base/errors.ts";
import { takeLockOrJoin } from "../../../src/daemon/join-daemon.ts";
import { DaemonLock } from "../../../src/daemon/lock.ts";
import { compileNotify, Starter } from "../../../src/daemon/ready.ts";
import { withDeadline } from "../../support/with-deadline.ts";

const lock = suite("DaemonLock");
let folder = "";
let path = "";
let holder: ChildProcess | undefined;

lock.before.each(() => {
  folder = mkdtempSync(join(tmpdir(), "nspod-lock-"));
  path = join(folder, "daemon.lock");
});

lock.after.each(async () => {
  if (holder?.exitCode === null && holder.signalCode === null) {
    holder.kill("SIGKILL");
    await once(holder, "exit");
  }
  holder = undefined;
  rmSync(folder, { recursive: true, force: true });
});

/** A process that holds the lock until it is killed; gives its pid. */
async function hold(): Promise<number> {
  const module = join(import.meta.dirname, "../../../src/daemon/lock.ts");
  const script = join(folder, "holder.ts");
  writeFileSync(
    script,
    `import { DaemonLock } from ${JSON.stringify(module)};
     DaemonLock.take(${JSON.stringify(path)});
     process.stdout.write("locked");
     setInterval(() => undefined, 1e6);`,
  );
  holder = spawn(process.execPath, [script], { stdio: ["ignore", "pipe", "inherit"] });
  if (holder.stdout) await once(holder.stdout, "data");
  return holder.pid ?? 0;
}

lock("is free again after release, and holds the pid", () => {
  for (let i = 0; i < 2; i++) {
    using _held = DaemonLock.take(path);
    assert.is(readFileSync(path, "utf8"), `${process.pid}\n`);
  }
});

lock(
  "is refused with the pid of the holder, and free after kill -9",
  withDeadline(30_000, async () => {
    const pid = await hold();
    assert.throws(
      () => DaemonLock.take(path),
      (error: unknown) =>
        isPodError(error, "FailedPrecondition") &&
        error.message.includes(`Another daemon (pid ${pid}) holds "${path}"`),
    );
    assert.is(readFileSync(path, "utf8"), `${pid}\n`, "a refusal leaves the pid as it is");
    holder?.kill("SIGKILL");
    if (holder) await once(holder, "exit");
    DaemonLock.take(path).release();
  }),
);

lock(
  "joins the daemon that listens",
  withDeadline(30_000, async () => {
    await hold();
    const socketPath = join(folder, "api.sock");
    const server = createServer((socket) => socket.end());
    await once(server.listen(socketPath), "listening");
    const options = { lockPath: path, socketPath, patienceMs: 5000 };
    assert.is(await takeLockOrJoin(options), undefined);
    server.close();
  }),
);

lock(
  "takes over from a daemon that ends without listening, and gives up on one that does neither",
  withDeadline(30_000, async () => {
    await hold();
    const options = { lockPath: path, socketPath: join(folder, "none"), patienceMs: 5000 };
    try {
      await takeLockOrJoin({ ...options, patienceMs: 0 });
      assert.unreachable();
    } catch (error) {
      assert.ok(isPodError(error) && error.data["reason"] === "Locked");
    }
    const taking = takeLockOrJoin(options);
    holder?.kill("SIGKILL");
    const taken = await taking;
    assert.ok(taken);
    taken?.release();
  }),
);

const ready = suite("ready");

ready("tells the starter one line and closes the pipe", async () => {
  const script = `
    import { Starter } from ${JSON.stringify(join(import.meta.dirname, "../../../src/daemon/ready.ts"))};
    const starter = new Starter(process.argv[1] === "on");
    if (process.argv[2] === "fail") starter.failed('no "root"');
    starter.ready();
    starter.ready();`;
  const lineOf = async (...args: readonly string[]): Promise<string> => {
    const child = spawn(process.execPath, ["--input-type=module", "-e", script, ...args], {
      stdio: ["ignore", "inherit", "inherit", "pipe"],
    });
    let text = "";
    for await (const chunk of child.stdio[3] as AsyncIterable<Buffer>) text += chunk;
    return text;
  };
  assert.is(await lineOf("on"), "ready\n");
  assert.is(await lineOf("on", "fail"), '{"error":"no \\"root\\""}\n');
  assert.is(await lineOf("off"), "");
});

ready("leaves alone what is no pipe", () => {
  const starter = new Starter(true, 999);
  starter.ready();
});

ready("writes one datagram to the socket of systemd", () => {
  const program = compileNotify("@/run/x", "READY=1");
  const names = program.operations.map(({ name }) => name);
  assert.equal(names, ["socket", "sendto", "close"]);
  const [, , , , name, length] = program.operations[1]?.operands ?? [];
  assert.is(length, 2 + "@/run/x".length);
  assert.ok(typeof name === "object" && name.kind === "pool");
  assert.equal([...program.bytesOf(program.encode(), name)], [1, 0, 0, ...Buffer.from("/run/x")]);
});

lock.run();
ready.run();
