// Promise: a pod that may send whatever it likes makes no host and no pod believe in a router, and finds no
// door of nspod's on the network (security: NET-02, NET-10).
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync, readlinkSync } from "node:fs";
import * as assert from "uvu/assert";
import { podSuite } from "../support/pod-suite.ts";
import { type Pods, sleeper } from "../support/pods.ts";
import { requires } from "../support/requires.ts";

requires("root", "tool:nft", "tool:nsenter", "tool:python3");

const { test, run } = podSuite("guards of the pod network", "busybox");

/** Packets that the table of the bridge has dropped. */
function dropped(bridge: string): number {
  const words = ["list", "chain", "bridge", `nspod_${bridge}`, "prerouting"];
  const { stdout } = spawnSync("nft", words, { encoding: "utf8" });
  return Number(/counter packets (\d+) bytes \d+ drop/.exec(stdout)?.[1]);
}

/** Addresses and routes of IPv6 that name a link. */
function ipv6Of(link: string): string[] {
  return ["/proc/net/if_inet6", "/proc/net/ipv6_route"]
    .filter(existsSync)
    .flatMap((path) => readFileSync(path, "utf8").split("\n"))
    .filter((row) => new RegExp(`\\s${link}$`).test(row))
    .sort();
}

/** Sends a router advertisement for 2001:db8::/64, as Ethernet, from the network namespace of a process. */
function advertise(pid: number): void {
  const script = `
import socket, struct
s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
s.bind(("eth0", 0))
mac = s.getsockname()[4]
src = socket.inet_pton(socket.AF_INET6, "fe80::1")
dst = socket.inet_pton(socket.AF_INET6, "ff02::1")
prefix = struct.pack("!BBBBIII", 3, 4, 64, 0xc0, 86400, 14400, 0) + socket.inet_pton(socket.AF_INET6, "2001:db8::")
body = struct.pack("!BBHBBHII", 134, 0, 0, 64, 0, 1800, 0, 0) + prefix
pseudo = src + dst + struct.pack("!II", len(body), 58)
words = struct.unpack("!%dH" % (len(pseudo + body) // 2), pseudo + body)
total = sum(words)
while total >> 16: total = (total & 0xffff) + (total >> 16)
body = body[:2] + struct.pack("!H", ~total & 0xffff) + body[4:]
packet = struct.pack("!IHBB", 6 << 28, len(body), 58, 255) + src + dst + body
for _ in range(3): s.send(bytes.fromhex("333300000001") + mac + b"\\x86\\xdd" + packet)
`;
  const words = ["-t", String(pid), "-n", "python3", "-c", script];
  const { status, stderr } = spawnSync("nsenter", words, { encoding: "utf8" });
  assert.is(status, 0, stderr);
}

test("no host and no pod takes a router advertisement of a pod", async (pods) => {
  await pods.up("router", { containers: [sleeper("main")] });
  await pods.up("peer", { containers: [sleeper("main")] });
  const { bridge } = pods.instance;
  const [pid = 0] = await pods.pids("router", "main");
  const before = ipv6Of(bridge);
  const count = dropped(bridge);
  advertise(pid);
  assert.is(dropped(bridge), count + 3, "each of them is dropped at the door of the pod");
  assert.equal(ipv6Of(bridge), before);
  assert.is(
    await pods.ask("peer", "cat /proc/net/if_inet6 /proc/net/ipv6_route | grep eth0; true"),
    "",
  );
  await pods.delete("router", "peer");
});

/** Inodes of the TCP sockets that listen in the host's network, with their address and port. */
function listening(): Map<string, string> {
  const rows = ["/proc/net/tcp", "/proc/net/tcp6"]
    .filter(existsSync)
    .flatMap((path) => readFileSync(path, "utf8").trim().split("\n").slice(1));
  const words = rows
    .map((row) => row.trim().split(/\s+/))
    .filter(([, , , state]) => state === "0A");
  return new Map(words.map((each) => [`socket:[${each[9]}]`, each[1] ?? ""]));
}

function socketsOf(pid: number): string[] {
  return readdirSync(`/proc/${pid}/fd`).flatMap((fd) => {
    try {
      return [readlinkSync(`/proc/${pid}/fd/${fd}`)];
    } catch {
      // ENOENT: closed meanwhile.
      return [];
    }
  });
}

async function daemonPid(pods: Pods): Promise<number> {
  const info = await pods.client.json<{ readonly pid: number }>("GET", "/nspod/v1/system/info");
  return info.pid;
}

test("nothing but the name server listens where pods are, and it speaks no HTTP", async (pods) => {
  await pods.up("scanner", { containers: [sleeper("main")] });
  const open = listening();
  const pid = await daemonPid(pods);
  const ours = socketsOf(pid).flatMap((socket) => open.get(socket) ?? []);
  assert.ok(ours.length <= 1, ours.join(" "));
  for (const place of ours) {
    const [address = "", port = ""] = place.split(":");
    // Little endian, as the kernel prints it: the bridge's address or a loopback one, which no pod reaches.
    const bytes = address.match(/../g)?.map((byte) => Number.parseInt(byte, 16)) ?? [];
    const gateway = pods.instance.subnet.replace(/0\/24$/, "1");
    assert.ok(["127.0.0.1", gateway].includes(bytes.toReversed().join(".")), place);
    const request = `printf 'GET /api HTTP/1.0\\r\\n\\r\\n' | timeout 3 nc ${gateway} ${Number.parseInt(port, 16)}; true`;
    assert.not.match(await pods.ask("scanner", request), "HTTP");
  }
  await pods.delete("scanner");
});

run();
