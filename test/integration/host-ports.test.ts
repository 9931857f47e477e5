// Promise: a container port with hostPort is reached on the host's addresses, TCP and UDP, from the
// host, from its own pod and from other pods; a port has one owner, and is free when that is gone.
import { execFileSync } from "node:child_process";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { existsSync, realpathSync } from "node:fs";
import { connect, createServer } from "node:net";
import { networkInterfaces } from "node:os";
import { basename, dirname } from "node:path";
import * as assert from "uvu/assert";
import type { ContainerPort, PodSpec } from "../../src/spec/pod.ts";
import { eventually } from "../support/eventually.ts";
import { podSuite } from "../support/pod-suite.ts";
import { type Pods, shell, sleeper } from "../support/pods.ts";
import { requires } from "../support/requires.ts";

requires("root", "tool:nft", "tool:conntrack");

const { test, run } = podSuite("host ports", "busybox");

/** Somebody else's port may be among them, so each test takes free ones. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0);
  await once(server, "listening");
  const address = server.address();
  server.close();
  await once(server, "close");
  return typeof address === "object" && address !== null ? address.port : 0;
}

/** An IPv4 address of the host that is no loopback and no bridge of a test. */
function hostAddress(): string {
  const found = Object.entries(networkInterfaces())
    .filter(([name]) => !/^(lo|nsp|veth)/.test(name))
    .flatMap(([, addresses = []]) => addresses)
    .find(({ family }) => family === "IPv4");
  return found?.address ?? "";
}

interface Server {
  readonly hostPort: number;
  readonly protocol?: "TCP" | "UDP";
  readonly hostIP?: string;
}

/** A pod that answers every caller with its name and what it heard. */
function server(name: string, { hostPort, protocol = "TCP", hostIP }: Server): PodSpec {
  const port: ContainerPort = {
    containerPort: 9000,
    hostPort,
    protocol,
    ...(hostIP === undefined ? {} : { hostIP }),
  };
  if (protocol === "UDP") return udpServer(name, port);
  const answer = `read -r line; echo ${name} heard $line`;
  const script = `trap 'exit 0' TERM; nc -ll -p 9000 -e sh -c '${answer}' & wait`;
  return { containers: [shell("server", script, { ports: [port] })] };
}

/** Busybox has nothing that answers UDP: the host's Node.js with its libraries does. */
function udpServer(name: string, port: ContainerPort): PodSpec {
  const script = `const socket = require("dgram").createSocket("udp4");
    socket.on("message", (text, { port, address }) =>
      socket.send("${name} heard " + text, port, address));
    socket.bind(9000)`;
  const folders = [
    { path: dirname(process.execPath), mountPath: "/node" },
    ...["/lib", "/lib64", "/usr/lib"].map((mountPath) => ({ path: mountPath, mountPath })),
  ].filter(({ path }) => existsSync(path));
  return {
    volumes: folders.map(({ path }, index) => ({
      name: `v${index}`,
      hostPath: { path: realpathSync(path) },
    })),
    containers: [
      {
        name: "server",
        image: "busybox",
        command: [`/node/${basename(process.execPath)}`, "-e", script],
        ports: [port],
        volumeMounts: folders.map(({ mountPath }, index) => ({
          name: `v${index}`,
          mountPath,
          readOnly: true,
        })),
      },
    ],
  };
}

/** One line to a TCP port and its answer; undefined when nobody answers. */
async function askTcp(address: string, port: number): Promise<string | undefined> {
  const { promise, resolve } = Promise.withResolvers<string | undefined>();
  const socket = connect({ host: address, port, timeout: 2000 });
  let text = "";
  socket.setEncoding("utf8").on("data", (chunk: string) => {
    text += chunk;
  });
  socket.on("connect", () => socket.write("hello\n"));
  socket.on("error", () => resolve(undefined));
  socket.on("timeout", () => socket.destroy());
  socket.on("close", () => resolve(text === "" ? undefined : text.trim()));
  return await promise;
}

async function askUdp(address: string, port: number): Promise<string | undefined> {
  const socket = createSocket("udp4");
  const { promise, resolve } = Promise.withResolvers<string | undefined>();
  const timer = setTimeout(() => resolve(undefined), 1000);
  socket.on("message", (message) => resolve(message.toString().trim()));
  socket.on("error", () => resolve(undefined));
  socket.send("hello\n", port, address);
  try {
    return await promise;
  } finally {
    clearTimeout(timer);
    socket.close();
  }
}

/** The answer, once the server in the container listens. */
async function answered(
  ask: (address: string, port: number) => Promise<string | undefined>,
  address: string,
  port: number,
): Promise<string> {
  return await eventually(`an answer from ${address}:${port}`, 10_000, () => ask(address, port));
}

/** The same question from inside a pod. */
async function askFrom(pods: Pods, pod: string, address: string, port: number): Promise<string> {
  return await pods.ask(pod, `echo hello | nc -w 5 ${address} ${port}`);
}

test("TCP: from the host by each of its addresses, from the pod itself and from others", async (pods) => {
  const hostPort = await freePort();
  await pods.up("web", server("web", { hostPort }));
  await pods.up("client", { containers: [sleeper("client")] });
  for (const address of ["127.0.0.1", hostAddress()]) {
    assert.is(await answered(askTcp, address, hostPort), "web heard hello");
  }
  const gateway = (await pods.get("web")).status?.podIP?.replace(/\.\d+$/, ".1") ?? "";
  for (const pod of ["client", "web"]) {
    for (const address of [hostAddress(), gateway]) {
      assert.is(await askFrom(pods, pod, address, hostPort), "web heard hello", pod);
    }
  }
  await pods.delete("web", "client");
  assert.is(await askTcp("127.0.0.1", hostPort), undefined);
});

test("what the kernel tracked of a pod's connections goes while its address rests", async (pods) => {
  const hostPort = await freePort();
  const pod = await pods.up("tracked", server("tracked", { hostPort }));
  assert.is(await answered(askTcp, "127.0.0.1", hostPort), "tracked heard hello");
  const address = pod.status?.podIP ?? "";
  const tracked = (): boolean =>
    execFileSync("conntrack", ["-L"], { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] })
      .split(/\s/)
      .some((word) => word.endsWith(`=${address}`));
  assert.ok(tracked());
  await pods.delete("tracked");
  // In the minute that the address rests, before another pod can have it.
  await eventually("the end of the entries", 45_000, () => (tracked() ? undefined : true));
}, 60_000);

test("UDP: from the host by each of its addresses", async (pods) => {
  const hostPort = await freePort();
  await pods.up("dns", server("dns", { hostPort, protocol: "UDP" }));
  for (const address of ["127.0.0.1", hostAddress()]) {
    assert.is(await answered(askUdp, address, hostPort), "dns heard hello");
  }
  // The same number of the other protocol is somebody else's.
  assert.is(await askTcp("127.0.0.1", hostPort), undefined);
  await pods.delete("dns");
});

test("a hostIP keeps the port to one address", async (pods) => {
  const hostPort = await freePort();
  await pods.up("local", server("local", { hostPort, hostIP: "127.0.0.1" }));
  assert.is(await answered(askTcp, "127.0.0.1", hostPort), "local heard hello");
  assert.is(await askTcp(hostAddress(), hostPort), undefined);
  await pods.delete("local");
});

test("a port that another pod has is told, and taken when it is free", async (pods) => {
  const hostPort = await freePort();
  await pods.up("first", server("first", { hostPort }));
  await pods.create("second", server("second", { hostPort }));
  const message = await eventually("the event", 10_000, async () => {
    const events = await pods.events("second");
    return events.find(({ reason }) => reason === "FailedScheduling")?.message;
  });
  assert.is(
    message,
    "0/1 nodes are available: 1 node(s) didn't have free ports for the requested pod ports. preemption: 0/1 nodes are available: 1 No preemption victims found for incoming pod.",
  );
  assert.is((await pods.get("second")).status?.phase, "Pending");
  assert.is(await answered(askTcp, "127.0.0.1", hostPort), "first heard hello");
  await pods.delete("first");
  await pods.until("second", "its start", ({ status }) => status?.phase === "Running");
  assert.is(await answered(askTcp, "127.0.0.1", hostPort), "second heard hello");
  await pods.delete("second");
});

test("of many pods that want one port at once one gets it", async (pods) => {
  const hostPort = await freePort();
  const names = ["a", "b", "c", "d"].map((letter) => `racer-${letter}`);
  await Promise.all(names.map((name) => pods.create(name, server(name, { hostPort }))));
  const those = async (is: (name: string) => Promise<boolean>): Promise<string[]> => {
    const answers = await Promise.all(names.map(is));
    return names.filter((_, index) => answers[index]);
  };
  const refused = await eventually("the events of three", 15_000, async () => {
    const told = await those(async (name) =>
      (await pods.events(name)).some(({ reason }) => reason === "FailedScheduling"),
    );
    return told.length === 3 ? told : undefined;
  });
  const winner = names.find((name) => !refused.includes(name)) ?? "";
  await pods.until(winner, "its start", ({ status }) => status?.phase === "Running");
  assert.equal(await those(async (name) => (await pods.get(name)).status?.phase === "Running"), [
    winner,
  ]);
  assert.is(await answered(askTcp, "127.0.0.1", hostPort), `${winner} heard hello`);
  await pods.delete(...names);
});

test("a port that a program of the host listens on is told, and left to it", async (pods) => {
  const listener = createServer((socket) => socket.resume().end("the host\n")).listen(0);
  await once(listener, "listening");
  const address = listener.address();
  const hostPort = typeof address === "object" && address !== null ? address.port : 0;
  await pods.create("late", server("late", { hostPort }));
  const message = await eventually("the event", 10_000, async () => {
    const events = await pods.events("late");
    return events.find(({ reason }) => reason === "FailedCreatePodSandBox")?.message;
  });
  assert.is(
    message,
    `Cannot publish host port 0.0.0.0:${hostPort}/TCP of pod "default/late": a program on this host uses it: find it with "ss -lnp" and stop it, or choose another hostPort`,
  );
  assert.is(await askTcp("127.0.0.1", hostPort), "the host");
  listener.close();
  await once(listener, "close");
  await pods.until("late", "its start", ({ status }) => status?.phase === "Running");
  assert.is(await answered(askTcp, "127.0.0.1", hostPort), "late heard hello");
  await pods.delete("late");
});

test("ports come back after somebody flushed the packet rules", async (pods) => {
  const hostPort = await freePort();
  await pods.up("kept", server("kept", { hostPort }));
  assert.is(await answered(askTcp, "127.0.0.1", hostPort), "kept heard hello");
  const { bridge } = pods.instance;
  execFileSync("nft", ["delete", "table", "ip", `nspod_${bridge}`]);
  assert.is(
    await eventually("the rules", 25_000, () => askTcp("127.0.0.1", hostPort)),
    "kept heard hello",
  );
  await pods.delete("kept");
}, 40_000);

run();
