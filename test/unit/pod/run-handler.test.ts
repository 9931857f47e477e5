import { suite } from "uvu";
import * as assert from "uvu/assert";
import { messageOf } from "../../../src/base/errors.ts";
import type { CommandResult, HandlerTarget } from "../../../src/pod/probe-target.ts";
import { runHandler } from "../../../src/pod/run-handler.ts";
import type { LifecycleHandler } from "../../../src/spec/pod.ts";
import { FakeClock } from "../../support/fake-clock.ts";
import { pod } from "./fixtures.ts";

const clock = new FakeClock();

function target(result: CommandResult = { exitCode: 0, output: "" }): HandlerTarget {
  return {
    pod: pod(),
    container: { name: "app", image: "busybox", ports: [{ name: "web", containerPort: 1 }] },
    address: "127.0.0.1",
    exec: async () => await Promise.resolve(result),
  };
}

async function failure(handler: LifecycleHandler, of: HandlerTarget): Promise<string> {
  const { signal } = new AbortController();
  try {
    await runHandler(handler, of, { clock, signal });
  } catch (error) {
    return messageOf(error);
  }
  return "";
}

const where = `for Container "app" in Pod "demo_default(${pod().metadata.uid})" failed - error:`;
const handlers = suite("runHandler()");

handlers("takes a command that ends with 0 for a success", async () => {
  assert.is(await failure({ exec: { command: ["true"] } }, target()), "");
});

handlers("says in the kubelet's words how a command failed", async () => {
  assert.is(
    await failure(
      { exec: { command: ["sh", "-c", "x"] } },
      target({ exitCode: 3, output: "oh\n" }),
    ),
    `Exec lifecycle hook ([sh -c x]) ${where} command 'sh -c x' exited with 3: oh\n, message: "oh\\n"`,
  );
});

handlers("dials the named port of the container", async () => {
  // Port 1 of the loopback device has no listener.
  assert.is(
    await failure({ httpGet: { path: "/stop", port: "web" } }, target()),
    `HTTP lifecycle hook (/stop) ${where} Get "http://127.0.0.1:1/stop": dial tcp 127.0.0.1:1: connect: connection refused`,
  );
});

handlers("sleeps as long as it is told, unless it is cancelled", async () => {
  const abort = new AbortController();
  const ends: string[] = [];
  const sleep = (name: string, seconds: number): void => {
    const work = runHandler({ sleep: { seconds } }, target(), { clock, signal: abort.signal });
    work.then(
      () => ends.push(name),
      (error: unknown) => ends.push(`${name}: ${messageOf(error)}`),
    );
  };
  sleep("none", 0);
  sleep("short", 2);
  sleep("long", 9);
  await clock.pass(2_000);
  assert.equal(ends, ["none", "short"]);
  abort.abort(new Error("the grace period is over"));
  await clock.pass(0);
  assert.equal(ends.at(-1), "long: the grace period is over");
  assert.is(clock.timers, 0);
});

handlers("does nothing for tcpSocket, as Kubernetes", async () => {
  assert.is(await failure({ tcpSocket: { port: 1 } }, target()), "");
});

handlers.run();
