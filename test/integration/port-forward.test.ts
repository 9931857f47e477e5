// Promise: `nspod port-forward` leads local ports to servers in a pod, also to those that listen on its localhost
// only: any bytes, many connections at once, each half closed alone; and it ends when the pod does.
import { createHash, randomBytes } from "node:crypto";
import { connect, type Socket } from "node:net";
import { text } from "node:stream/consumers";
import * as assert from "uvu/assert";
import { NSPOD } from "../support/instance.ts";
import { LiveCommand } from "../support/live-command.ts";
import { podSuite } from "../support/pod-suite.ts";
import { type Pods, shell } from "../support/pods.ts";
import { requires } from "../support/requires.ts";

requires("root");

const { test, run } = podSuite("port-forward", "busybox", "testbox");

const servers = [
  "mkdir -p /tmp/www && echo inside > /tmp/www/index.html",
  "httpd -p 127.0.0.1:8080 -h /tmp/www",
  "nc -ll -p 7001 -e sha256sum &",
  // One connection may wait for nc, and the kernel resets what comes beyond: this one lets sixty wait.
  "trap 'exit 0' TERM; serve echo 7000 & wait",
].join("\n");

function forward(pods: Pods, ...args: readonly string[]): LiveCommand {
  return new LiveCommand(NSPOD, ["port-forward", ...args], { env: pods.instance.env });
}

/** The local ports in the order of the arguments, when it listens on all of them. */
async function portsOf(command: LiveCommand, count: number): Promise<readonly number[]> {
  await command.says(new RegExp(`(?:^Forwarding from 127[^\\0]*?\\n[^\\0]*?){${count}}`, "m"));
  return matches(command.stdout);
}

function matches(stdout: string): number[] {
  return [...stdout.matchAll(/^Forwarding from 127\.0\.0\.1:(\d+) -> \d+$/gm)].map(([, port]) =>
    Number(port),
  );
}

function dial(port: number | undefined): Socket {
  return connect({ host: "127.0.0.1", port: port ?? 0, allowHalfOpen: true });
}

async function ask(port: number | undefined, content: string | Uint8Array): Promise<string> {
  const socket = dial(port);
  socket.end(content);
  return await text(socket);
}

test("reaches a server that listens on the pod's localhost only, by number and by name", async (pods) => {
  const ports = [{ name: "http", containerPort: 8080 }];
  await pods.up("web", { containers: [shell("main", servers, { image: "nspod/testbox", ports })] });
  await pods.untilLogged("web", "main", "serving echo");
  await using command = forward(pods, "pod/web", ":8080", ":http");
  for (const port of await portsOf(command, 2)) {
    assert.match(await ask(port, "GET / HTTP/1.0\r\n\r\n"), /200 OK[\s\S]*inside\n$/);
    await command.says(new RegExp(`Handling connection for ${port}\n`));
  }
  command.signal("SIGINT");
  assert.is(await command.exit(), 0);
});

test("the end of the input is passed on while the answer is still to come", async (pods) => {
  await using command = forward(pods, "web", ":7001", ":7000");
  const [sums, echo] = await portsOf(command, 2);
  const bytes = randomBytes(3_000_000);
  const sum = createHash("sha256").update(bytes).digest("hex");
  assert.is((await ask(sums, bytes)).split(" ")[0], sum);
  const echoed = dial(echo);
  echoed.end(bytes);
  const back = createHash("sha256");
  for await (const chunk of echoed) back.update(chunk as Buffer);
  assert.is(back.digest("hex"), sum);
});

test("carries forty connections at once, one that is cut does not disturb the others", async (pods) => {
  await using command = forward(pods, "web", ":7000");
  const [port] = await portsOf(command, 1);
  const cut = dial(port);
  cut.on("error", () => undefined);
  cut.write("half", () => cut.resetAndDestroy());
  const answers = await Promise.all(
    Array.from({ length: 40 }, (_, index) => ask(port, `hello ${index}`).catch(String)),
  );
  assert.equal(
    answers,
    answers.map((_, index) => `hello ${index}`),
    command.stderr,
  );
});

test("says which port nobody listens on, and serves the others", async (pods) => {
  await using command = forward(pods, "web", ":9", ":7000");
  const [nobody, echo] = await portsOf(command, 2);
  const socket = dial(nobody);
  const { promise, resolve } = Promise.withResolvers<string>();
  socket.on("error", (error: NodeJS.ErrnoException) => resolve(error.code ?? ""));
  socket.on("end", () => resolve("end"));
  socket.resume();
  assert.is(await promise, "ECONNRESET");
  await command.says(/refused/, { on: "stderr" });
  const expected = `error: an error occurred forwarding ${nobody} -> 9: error forwarding port 9 to pod "web": dial tcp4 127.0.0.1:9: connect: connection refused`;
  assert.ok(command.stderr.includes(expected), command.stderr);
  assert.is(await ask(echo, "still here"), "still here");
});

test("refuses ports that cannot be, and a pod that does not run", async (pods) => {
  for (const [words, message] of [
    [["web", "70000"], /remote port: must be a number from 1 to 65535/],
    [["web", "8080:nothing"], /does not have a named port "nothing"/],
    [["web", "1:2:3"], /invalid port format "1:2:3"/],
    [["nobody", "80"], /"nobody" not found/],
  ] as const) {
    const { code, stderr } = await pods.instance.nspod(["port-forward", ...words]);
    assert.is(code, 1);
    assert.match(stderr, message);
  }
  await pods.ended("done", { containers: [shell("main", "true")] });
  const { code, stderr } = await pods.instance.nspod(["port-forward", "done", "80"]);
  assert.is(code, 1);
  assert.match(
    stderr,
    "unable to forward port because pod is not running. Current status=Succeeded",
  );
});

test("ends with the pod, and so do its connections", async (pods) => {
  await using command = forward(pods, "web", ":7000");
  const [port] = await portsOf(command, 1);
  const socket = dial(port);
  const { promise: gone, resolve } = Promise.withResolvers<void>();
  socket.on("error", () => undefined).on("close", () => resolve());
  socket.on("data", () => undefined).on("end", () => socket.end());
  socket.write("open");
  await command.says(/Handling/);
  await pods.delete("web");
  assert.is(await command.exit(), 1);
  assert.match(command.stderr, "lost connection to pod");
  await gone;
});

run();
