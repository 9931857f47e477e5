// Networks made ahead, on a real kernel, in a network namespace of this test.
import { spawnSync } from "node:child_process";
import { setImmediate } from "node:timers/promises";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { attachmentFor } from "../../src/net/attach.ts";
import { ensureBridge, removeBridge } from "../../src/net/bridge.ts";
import { AddressPool, type Lease } from "../../src/net/ipam.ts";
import { compileJoin, type PodNetwork, ReadyNetworks } from "../../src/net/ready-networks.ts";
import { run, spawn } from "../../src/sys/ffi.ts";
import { netlinkSocket } from "../../src/sys/netlink.ts";
import { Program } from "../../src/sys/program.ts";
import { decodeLink, delLink, dumpLinks, setLink } from "../../src/sys/rtnetlink.ts";
import { eventually } from "../support/eventually.ts";
import { requires } from "../support/requires.ts";
import { runCommand } from "../support/run-command.ts";
import { withDeadline } from "../support/with-deadline.ts";

requires("root", "kernel:5.15", "tool:busybox", "tool:unshare", "tool:nsenter");

if (process.env["NSPOD_TEST_NETNS"] === undefined) {
  const env = { ...process.env, NSPOD_TEST_NETNS: "1" };
  const args = ["--net", process.execPath, import.meta.filename];
  process.exit(spawnSync("unshare", args, { stdio: "inherit", env }).status ?? 1);
}

const bridge = "nspr0";
const timers: (() => void)[] = [];
let addresses: AddressPool;
let made: ReturnType<typeof ensureBridge>;
let networks: ReadyNetworks;

function poolOf(subnet: string): AddressPool {
  const leases = new Map<string, Lease>();
  return new AddressPool({
    subnet,
    clock: { now: () => 0, monotonic: () => 0, after: () => () => undefined },
    storage: {
      list: () => [...leases.values()],
      put: (lease) => leases.set(lease.address, lease),
      remove: (address) => leases.delete(address),
    },
  });
}

function open(pool: AddressPool): ReadyNetworks {
  const after = (_delayMs: number, work: () => void): (() => void) => {
    timers.push(work);
    return () => void timers.splice(timers.indexOf(work), 1);
  };
  return new ReadyNetworks({ addresses: pool, bridge: () => made, clock: { after } });
}

/** The pause is over: makes what is missing. */
async function fill(count: number): Promise<void> {
  networks.refill();
  for (const work of timers.splice(0)) work();
  while (networks.addresses.length < count) await setImmediate();
}

function ports(): string[] {
  return netlinkSocket()
    .query("Cannot list links", dumpLinks())
    .map(decodeLink)
    .flatMap(({ name, master }) => (master === made.index ? [name] : []))
    .sort();
}

/** A stand-in for a pod: `busybox sleep` in its network. */
function start({ namespace }: PodNetwork): number {
  assert.ok(namespace !== undefined, "made ahead");
  const program = new Program("stand-in");
  compileJoin(program, namespace ?? -1);
  const argv = program.pointers(["busybox", "sleep", "60"]);
  program.call("execve", ["/bin/busybox", argv, program.pointers([])]);
  return spawn("Cannot start a stand-in", program).pid;
}

async function inside(pid: number, ...args: readonly string[]): Promise<string> {
  return (await runCommand("nsenter", ["-t", String(pid), "-n", "busybox", ...args])).stdout;
}

const ready = suite("networks made ahead");

ready.before(() => {
  netlinkSocket().request("Cannot set lo up", setLink(1, { up: true }));
});

ready.before.each(() => {
  addresses = poolOf("10.99.0.0/24");
  made = ensureBridge(bridge, addresses.gateway, addresses.prefixLength);
  networks = open(addresses);
});

ready.after.each(async () => {
  await networks[Symbol.asyncDispose]();
  await eventually("links to be gone", 5000, () => (ports().length === 0 ? true : undefined));
  removeBridge(bridge);
});

ready(
  "a pod that joins one has link, address and route at once, and the links go with it",
  withDeadline(30_000, async () => {
    await fill(4);
    assert.equal(networks.addresses, ["10.99.0.2", "10.99.0.3", "10.99.0.4", "10.99.0.5"]);
    assert.is(ports().length, 4);
    const network = networks.assign("pod-1", made, true);
    assert.is(network.attachment.address, "10.99.0.2");
    assert.is(addresses.find("pod-1"), "10.99.0.2");
    const pid = start(network);
    network[Symbol.dispose]();
    const listing = await inside(pid, "ip", "addr");
    assert.match(listing, "inet 127.0.0.1/8");
    assert.match(listing, "inet 10.99.0.2/24");
    assert.match(listing, network.attachment.mac);
    assert.not.match(listing, "inet6 fe80");
    assert.match(await inside(pid, "ip", "route"), "default via 10.99.0.1 dev eth0");
    assert.match(
      await inside(pid, "ping", "-c", "1", "-W", "5", "10.99.0.1"),
      "1 packets received",
    );
    process.kill(pid, "SIGKILL");
    run("Cannot wait for a stand-in", new Program("wait").call("wait4", [pid, 0, 0, 0]));
    await eventually("its link to be gone", 5000, () => (ports().length === 3 ? true : undefined));
  }),
);

ready(
  "what somebody removed from the host is not handed out, and its address is free again",
  withDeadline(30_000, async () => {
    await fill(4);
    const [first = "", second = ""] = networks.addresses;
    const { hostLink } = attachmentFor(first, made, addresses);
    netlinkSocket().request("Cannot remove a link", delLink(hostLink));
    using network = networks.assign("pod-1", made, true);
    assert.is(network.attachment.address, second);
  }),
);

ready(
  "a pod with an address of its own, or with users of its own, gets a network made for it",
  withDeadline(30_000, async () => {
    const before = addresses.reserve("pod-1");
    await fill(4);
    using again = networks.assign("pod-1", made, true);
    assert.equal([again.attachment.address, again.namespace], [before, undefined]);
    using other = networks.assign("pod-2", made, false);
    assert.is(other.namespace, undefined);
    assert.is(networks.addresses.length, 4);
    assert.not.ok(networks.addresses.includes(other.attachment.address));
  }),
);

ready(
  "a small subnet keeps its addresses for pods",
  withDeadline(30_000, async () => {
    const small = open(poolOf("10.99.1.0/28"));
    small.refill();
    for (const work of timers.splice(0)) work();
    await small[Symbol.asyncDispose]();
    assert.equal(small.addresses, []);
    assert.equal(ports(), []);
  }),
);

ready(
  "closing gives all of them up, also one that is being made",
  withDeadline(30_000, async () => {
    networks.refill();
    for (const work of timers.splice(0)) work();
    await networks[Symbol.asyncDispose]();
    assert.equal(networks.addresses, []);
    await eventually("links to be gone", 5000, () => (ports().length === 0 ? true : undefined));
    networks.refill();
    assert.is(timers.length, 0);
  }),
);

ready.run();
