// Pods' network on a real kernel: bridge, links, addresses, packet rules. Stand-ins for pods are
// busybox processes in fresh network namespaces, attached by the same program that starts a shim.
// Everything happens in a network namespace of this test: the host's links, rules and settings are
// out of reach.
import { spawn as launch, spawnSync } from "node:child_process";
import { createSocket } from "node:dgram";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { connect, createServer } from "node:net";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import type { Clock } from "../../src/base/clock.ts";
import { attachmentFor, compileAttach, compileLoopback } from "../../src/net/attach.ts";
import { bridgeMac, ensureBridge, removeBridge } from "../../src/net/bridge.ts";
import { forgetConnections } from "../../src/net/conntrack.ts";
import { Firewall } from "../../src/net/firewall.ts";
import { findForwardDrops } from "../../src/net/forward-policy.ts";
import { checkHostSockets } from "../../src/net/host-ports.ts";
import { AddressPool, type Lease } from "../../src/net/ipam.ts";
import { K } from "../../src/sys/abi.ts";
import { run, spawn } from "../../src/sys/ffi.ts";
import { compileRequest, netlinkSocket } from "../../src/sys/netlink.ts";
import { Program } from "../../src/sys/program.ts";
import {
  decodeLink,
  dumpLinks,
  type Link,
  newAddress,
  newVethPair,
  setLink,
} from "../../src/sys/rtnetlink.ts";
import { eventually } from "../support/eventually.ts";
import { requires } from "../support/requires.ts";
import { type CommandResult, runCommand } from "../support/run-command.ts";
import { withDeadline } from "../support/with-deadline.ts";

requires("root", "kernel:5.15", "tool:busybox", "tool:nft", "tool:unshare", "tool:nsenter");

if (process.env["NSPOD_TEST_NETNS"] === undefined) {
  const env = { ...process.env, NSPOD_TEST_NETNS: "1" };
  const args = ["--net", process.execPath, import.meta.filename];
  process.exit(spawnSync("unshare", args, { stdio: "inherit", env }).status ?? 1);
}

const bridge = "nspk0";
const subnet = "10.99.0.0/24";
const forwardPath = "/proc/sys/net/ipv4/ip_forward";
const bridgeFilterPath = "/proc/sys/net/bridge/bridge-nf-call-iptables";
const clock: Clock = { now: () => 0, monotonic: () => 0, after: () => () => undefined };

interface Pod {
  readonly uid: string;
  readonly pid: number;
  readonly address: string;
  readonly link: string;
  readonly mac: string;
}

const children = new Set<number>();
const leases = new Map<string, Lease>();
let pool: AddressPool;
let firewall: Firewall;
let made: ReturnType<typeof ensureBridge>;

/** Starts `busybox ARGS` in a new network namespace that `prepare` furnishes. */
function start(prepare: (program: Program) => void, ...args: readonly string[]): number {
  const program = new Program("stand-in");
  prepare(program);
  const argv = program.pointers(["busybox", ...args]);
  program.call("execve", ["/bin/busybox", argv, program.pointers(["PATH=/bin:/usr/bin"])]);
  const { pid } = spawn("Cannot start a stand-in", program, { cloneFlags: K.CLONE_NEWNET });
  children.add(pid);
  return pid;
}

async function startPod(uid: string, ...args: readonly string[]): Promise<Pod> {
  const attachment = attachmentFor(pool.reserve(uid), made, pool);
  await firewall.allow(uid, attachment);
  const command = args.length > 0 ? args : ["sleep", "60"];
  const { fd } = netlinkSocket();
  const pid = start((program) => compileAttach(program, attachment, fd), ...command);
  return { uid, pid, address: attachment.address, link: attachment.hostLink, mac: attachment.mac };
}

/** A pod that answers its name to whoever connects to port 80. */
async function startServer(uid: string): Promise<Pod> {
  return await startPod(uid, "nc", "-ll", "-p", "80", "-e", "/bin/busybox", "echo", uid);
}

function end(pid: number): void {
  process.kill(pid, "SIGKILL");
  run("Cannot wait for a stand-in", new Program("wait").call("wait4", [pid, 0, 0, 0]));
  children.delete(pid);
}

async function inside(pod: Pod, ...args: readonly string[]): Promise<CommandResult> {
  return await runCommand("nsenter", ["-t", String(pod.pid), "-n", "busybox", ...args]);
}

/** What a server says to a connection from this namespace; "" when none comes about. */
async function ask(host: string, port: number): Promise<string> {
  const { promise, resolve } = Promise.withResolvers<string>();
  const socket = connect({ host, port, timeout: 1000 });
  let answer = "";
  socket.on("data", (chunk: Buffer) => {
    answer += chunk.toString();
  });
  socket.on("timeout", () => socket.destroy());
  socket.on("error", () => socket.destroy());
  socket.on("close", () => resolve(answer.trim()));
  return await promise;
}

/** The same from inside a pod. */
async function askFrom(pod: Pod, host: string, port: number): Promise<string> {
  const command = `busybox nc -w 1 ${host} ${port} < /dev/null`;
  return (await inside(pod, "timeout", "3", "sh", "-c", command)).stdout.trim();
}

async function listens(pod: Pod, port: number): Promise<void> {
  await eventually(`${pod.uid} to listen`, 10_000, async () => {
    const table = (await inside(pod, "netstat", "-ltn")).stdout;
    return new RegExp(`:${port}\\s`).test(table) ? true : undefined;
  });
}

async function serves(pod: Pod): Promise<void> {
  await listens(pod, 80);
}

/** Makes packets for 127.0.0.1 leave through a link. */
async function sendLoopbackOut(pod: Pod, link: string, gateway: string): Promise<void> {
  const setting = `/proc/sys/net/ipv4/conf/${link}/route_localnet`;
  for (const command of [
    `echo 1 > ${setting}`,
    "busybox ip addr del 127.0.0.1/8 dev lo",
    `busybox ip route add 127.0.0.1/32 via ${gateway}`,
  ]) {
    const { code, stderr } = await inside(pod, "sh", "-c", command);
    assert.is(code, 0, stderr);
  }
}

async function nft(...args: readonly string[]): Promise<string> {
  return (await runCommand("nft", args)).stdout;
}

async function dropped(): Promise<number> {
  const listing = await nft("list", "chain", "bridge", `nspod_${bridge}`, "prerouting");
  return Number(/counter packets (\d+) bytes \d+ drop/.exec(listing)?.[1]);
}

function links(): string[] {
  return netlinkSocket()
    .query("Cannot list links", dumpLinks())
    .map((reply) => decodeLink(reply).name);
}

const network = suite("network of pods");

network.before(() => {
  netlinkSocket().request("Cannot set lo up", setLink(1, { up: true }));
  writeFileSync(forwardPath, "0");
});

network.before.each(() => {
  leases.clear();
  pool = new AddressPool({
    subnet,
    clock,
    storage: {
      list: () => [...leases.values()],
      put: (lease) => leases.set(lease.address, lease),
      remove: (address) => leases.delete(address),
    },
  });
  made = ensureBridge(bridge, pool.gateway, pool.prefixLength);
  firewall = new Firewall({ bridge, subnet });
  firewall.ensure();
});

network.after.each(async () => {
  for (const pid of children) end(pid);
  firewall.remove();
  firewall[Symbol.dispose]();
  for (const name of [bridge, "nspk1"]) removeBridge(name);
  // The kernel removes the links of ended namespaces in the background.
  await eventually("links to be gone", 5000, () =>
    links().every((name) => !/^(veth|nspk|lan)/.test(name)) ? true : undefined,
  );
});

network(
  "the bridge is made once, keeps its MAC and gives the host back as it was",
  withDeadline(60_000, async () => {
    assert.equal(ensureBridge(bridge, pool.gateway, pool.prefixLength), made);
    assert.is(linkNamed(bridge).address, bridgeMac(bridge));
    assert.is(readFileSync(forwardPath, "utf8").trim(), "1");
    // A second instance takes over the duty to switch forwarding off again.
    ensureBridge("nspk1", "10.98.0.1", 24);
    removeBridge(bridge);
    assert.is(readFileSync(forwardPath, "utf8").trim(), "1");
    removeBridge("nspk1");
    assert.is(readFileSync(forwardPath, "utf8").trim(), "0");
    removeBridge(bridge);
    firewall.remove();
    firewall.remove();
    assert.is(await nft("list", "tables"), "");
    assert.not.ok(links().includes(bridge));
  }),
);

network("a link that is no bridge is refused by name", () => {
  assert.throws(() => ensureBridge("lo", "10.98.0.1", 24), /a link of this name exists/);
  assert.throws(() => removeBridge("lo"), /is no bridge/);
});

network(
  "pods reach each other and the gateway, and have no IPv6",
  withDeadline(60_000, async () => {
    const [one, two] = await Promise.all([startServer("one"), startPod("two")]);
    await serves(one);
    assert.is(await askFrom(two, one.address, 80), "one");
    assert.is(await ask(one.address, 80), "one");
    const host = createServer((socket) => socket.end("host\n"));
    await new Promise<void>((resolve) => host.listen(8000, pool.gateway, resolve));
    assert.is(await askFrom(two, pool.gateway, 8000), "host");
    host.close();
    const addresses = (await inside(two, "ip", "addr", "show", "dev", "eth0")).stdout;
    assert.match(addresses, `inet ${two.address}/24`);
    assert.match(addresses, two.mac);
    assert.not.match(addresses, "inet6");
    const route = (await inside(two, "ip", "route")).stdout;
    assert.match(route, `default via ${pool.gateway} dev eth0`);
  }),
);

network(
  "a pod without network has loopback only",
  withDeadline(60_000, async () => {
    const pid = start(compileLoopback, "sleep", "60");
    const pod: Pod = { uid: "alone", pid, address: "", link: "", mac: "" };
    const listing = (await inside(pod, "ip", "addr")).stdout;
    assert.match(listing, "inet 127.0.0.1/8");
    assert.not.match(listing, "eth0");
  }),
);

network(
  "fifty pods get fifty addresses and answer on them",
  withDeadline(60_000, async () => {
    const pods = await Promise.all(
      Array.from({ length: 50 }, (_, index) => startServer(`pod-${index}`)),
    );
    assert.is(new Set(pods.map(({ address }) => address)).size, 50);
    await Promise.all(pods.map(serves));
    const answers = await Promise.all(pods.map(({ address }) => ask(address, 80)));
    assert.equal(
      answers,
      pods.map(({ uid }) => uid),
    );
    assert.ok(firewall.isIntact());
  }),
);

network(
  "a pod cannot send with another MAC, IP or ARP identity",
  withDeadline(60_000, async () => {
    const [good, bad] = await Promise.all([startServer("good"), startPod("bad")]);
    await serves(good);
    assert.is(await askFrom(bad, good.address, 80), "good");

    // ARP: says that the gateway is here.
    const before = await dropped();
    await inside(bad, "ip", "addr", "add", `${pool.gateway}/32`, "dev", "lo");
    await inside(bad, "arping", "-A", "-c", "2", "-I", "eth0", "-s", pool.gateway, pool.gateway);
    assert.ok((await dropped()) > before, "forged ARP is counted");
    assert.is(await askFrom(good, pool.gateway, 1), "");
    assert.match((await inside(good, "ip", "neigh")).stdout, bridgeMac(bridge));
    assert.not.match(
      (await inside(good, "ip", "neigh")).stdout,
      `${pool.gateway} dev eth0 lladdr ${bad.mac}`,
    );
    await inside(bad, "ip", "addr", "del", `${pool.gateway}/32`, "dev", "lo");

    // IP: sends from an address that is not its own.
    await inside(bad, "ip", "addr", "add", "10.99.0.200/32", "dev", "eth0");
    const route = [`${good.address}/32`, "dev", "eth0", "src", "10.99.0.200"];
    assert.is((await inside(bad, "ip", "route", "add", ...route)).code, 0);
    assert.is(await askFrom(bad, good.address, 80), "");
    await inside(bad, "ip", "route", "del", ...route);
    await inside(bad, "ip", "addr", "del", "10.99.0.200/32", "dev", "eth0");
    assert.is(await askFrom(bad, good.address, 80), "good");

    // MAC.
    await inside(bad, "ip", "link", "set", "eth0", "down");
    await inside(bad, "ip", "link", "set", "eth0", "address", good.mac);
    await inside(bad, "ip", "link", "set", "eth0", "up");
    assert.is(await askFrom(bad, good.address, 80), "");
    assert.is(await ask(good.address, 80), "good");
  }),
);

// br_netfilter, where it is loaded, translates inside the bridge: another way through the kernel.
for (const inBridge of existsSync(bridgeFilterPath) ? ["0", "1"] : [undefined]) {
  network(
    `a published port answers on the host's addresses, on 127.0.0.1 and to pods, itself included${inBridge === undefined ? "" : ` (bridge-nf-call-iptables=${inBridge})`}`,
    withDeadline(60_000, async () => {
      if (inBridge !== undefined) writeFileSync(bridgeFilterPath, inBridge);
      const [server, client] = await Promise.all([startServer("server"), startPod("client")]);
      await serves(server);
      await firewall.publish("server", server.address, [
        { hostPort: 8080, containerPort: 80, protocol: "TCP" },
        { hostIP: "127.0.0.1", hostPort: 8081, containerPort: 80, protocol: "TCP" },
      ]);
      assert.is(await ask("127.0.0.1", 8080), "server");
      assert.is(await ask(pool.gateway, 8080), "server");
      assert.is(await askFrom(client, pool.gateway, 8080), "server");
      assert.is(await askFrom(server, pool.gateway, 8080), "server");
      // hostIP holds, and 127.0.0.0/8 cannot be reached from a pod.
      assert.is(await ask("127.0.0.1", 8081), "server");
      assert.is(await ask(pool.gateway, 8081), "");
      assert.is(await askFrom(client, pool.gateway, 8081), "");
      await sendLoopbackOut(client, "eth0", pool.gateway);
      assert.is(await askFrom(client, "127.0.0.1", 8080), "");
      await firewall.unpublish("server");
      assert.is(await ask("127.0.0.1", 8080), "");
      assert.not.match(await nft("list", "ruleset"), "server");
    }),
  );
}

network(
  "UDP ports are published too",
  withDeadline(60_000, async () => {
    const pod = await startPod("echo");
    const script = `const s=require("dgram").createSocket("udp4");s.on("message",(m,r)=>s.send("got "+m,r.port,r.address));s.bind(53,()=>console.log("up"))`;
    const server = launch("nsenter", ["-t", String(pod.pid), "-n", process.execPath, "-e", script]);
    try {
      await new Promise((resolve) => server.stdout.once("data", resolve));
      await firewall.publish("echo", pod.address, [
        { hostPort: 5353, containerPort: 53, protocol: "UDP" },
      ]);
      const socket = createSocket("udp4");
      const { promise, resolve } = Promise.withResolvers<string>();
      socket.once("message", (message) => resolve(message.toString()));
      socket.send("hello", 5353, "127.0.0.1");
      assert.is(await promise, "got hello");
      socket.close();
      assert.ok(forgetConnections([pod.address]) >= 1, "its connections are known");
      assert.is(forgetConnections([pod.address]), 0);
    } finally {
      server.kill("SIGKILL");
    }
  }),
);

network(
  "a neighbour on the LAN reaches published ports only",
  withDeadline(60_000, async () => {
    const server = await startServer("inner");
    await serves(server);
    await firewall.publish("inner", server.address, [
      { hostPort: 8080, containerPort: 80, protocol: "TCP" },
      { hostIP: "127.0.0.1", hostPort: 8081, containerPort: 80, protocol: "TCP" },
    ]);
    const neighbour = startLan();
    assert.is(await askFrom(neighbour, "192.0.2.1", 8080), "inner");
    assert.is(await askFrom(neighbour, "192.0.2.1", 8081), "");
    // What passes through is not intercepted (NET-04) and is masqueraded: the neighbour has no way
    // to pod addresses yet.
    const answer = ["-p", "8080", "-e", "/bin/busybox", "echo", "outside"];
    const outside = launch("nsenter", [
      "-t",
      String(neighbour.pid),
      "-n",
      "busybox",
      "nc",
      "-ll",
      ...answer,
    ]);
    try {
      await listens(neighbour, 8080);
      assert.is(await askFrom(server, "192.0.2.2", 8080), "outside");
    } finally {
      outside.kill("SIGKILL");
    }
    await inside(neighbour, "ip", "route", "add", subnet, "via", "192.0.2.1");
    assert.is(await askFrom(neighbour, server.address, 80), "");
    await sendLoopbackOut(neighbour, "lan1", "192.0.2.1");
    assert.is(await askFrom(neighbour, "127.0.0.1", 8081), "");
  }),
);

network(
  "flushed rules come back, with the ports of running pods",
  withDeadline(60_000, async () => {
    const server = await startServer("steady");
    await serves(server);
    await firewall.publish("steady", server.address, [
      { hostPort: 8080, containerPort: 80, protocol: "TCP" },
    ]);
    await nft("add", "table", "ip", "foreign");
    assert.ok(firewall.isIntact());
    for (const damage of [
      ["flush", "ruleset"],
      ["flush", "chain", "ip", `nspod_${bridge}`, "publish"],
      ["flush", "set", "bridge", `nspod_${bridge}`, "pods"],
      ["delete", "table", "bridge", `nspod_${bridge}`],
    ]) {
      await nft(...damage);
      assert.not.ok(firewall.isIntact(), damage.join(" "));
      firewall.ensure();
      assert.ok(firewall.isIntact(), damage.join(" "));
      assert.is(await ask("127.0.0.1", 8080), "steady");
    }
    // A change that meets flushed tables writes all of them.
    await nft("flush", "ruleset");
    await firewall.publish("steady", server.address, [
      { hostPort: 9090, containerPort: 80, protocol: "TCP" },
    ]);
    assert.ok(firewall.isIntact());
    assert.is(await ask("127.0.0.1", 9090), "steady");
    assert.is(await ask("127.0.0.1", 8080), "");
    // The next daemon learns the elements from the kernel.
    await nft("add", "table", "ip", "foreign");
    using successor = new Firewall({ bridge, subnet });
    successor.ensure();
    assert.equal([...successor.pods()], ["steady"]);
    assert.is(await ask("127.0.0.1", 9090), "steady");
    assert.match(await nft("list", "tables"), "table ip foreign");
    await nft("delete", "table", "ip", "foreign");
  }),
);

network(
  "a foreign chain that drops what is forwarded is named",
  withDeadline(60_000, async () => {
    assert.equal(findForwardDrops(), []);
    await nft("add", "table", "ip", "foreign");
    const hook = "{ type filter hook forward priority 0 ; policy drop ; }";
    await nft("add", "chain", "ip", "foreign", "FORWARD", hook);
    assert.equal(findForwardDrops(), ["ip foreign FORWARD"]);
    await nft("delete", "table", "ip", "foreign");
  }),
);

network(
  "a port that a program of the host uses is refused",
  withDeadline(60_000, async () => {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(8088, "0.0.0.0", resolve));
    const port = { hostPort: 8088, containerPort: 80, protocol: "TCP" } as const;
    assert.throws(
      () => checkHostSockets({ pod: "default/web", ports: [port] }),
      /0\.0\.0\.0:8088\/TCP of pod "default\/web": a program on this host uses it/,
    );
    assert.throws(
      () => checkHostSockets({ pod: "default/web", ports: [{ ...port, hostIP: "203.0.113.9" }] }),
      /203\.0\.113\.9 is no address of this host/,
    );
    checkHostSockets({ pod: "default/web", ports: [{ ...port, protocol: "UDP" }] });
    await new Promise((resolve) => server.close(resolve));
    checkHostSockets({ pod: "default/web", ports: [port] });
  }),
);

network.run();

/** A machine on the LAN at 192.0.2.2; we are 192.0.2.1. */
function startLan(): Pod {
  const pid = start(compileLoopback, "sleep", "60");
  const program = new Program("LAN");
  const flags = K.O_RDONLY | K.O_CLOEXEC;
  const namespace = program.open("openat", [K.AT_FDCWD, `/proc/${pid}/ns/net`, flags, 0]);
  const pair = newVethPair({
    name: "lan0",
    settings: { up: true },
    peer: { name: "lan1", namespace },
  });
  compileRequest(program, netlinkSocket().fd, pair);
  program.close(namespace);
  run("Cannot link the LAN", program);
  const { index } = linkNamed("lan0");
  const address = newAddress({ index, address: "192.0.2.1", prefixLength: 24 });
  netlinkSocket().request("Cannot address the LAN", address);
  const neighbour: Pod = { uid: "lan", pid, address: "192.0.2.2", link: "lan0", mac: "" };
  const commands = "busybox ip addr add 192.0.2.2/24 dev lan1; busybox ip link set lan1 up";
  spawnSync("nsenter", ["-t", String(pid), "-n", "sh", "-c", commands]);
  return neighbour;
}

function linkNamed(name: string): Link {
  const all = netlinkSocket().query("Cannot list links", dumpLinks()).map(decodeLink);
  const link = all.find((each) => each.name === name);
  if (link === undefined) throw new Error(`No link ${name}`);
  return link;
}
