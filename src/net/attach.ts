/**
 * The operations that give a pod its network: they run inside the pod's new network namespace,
 * before the shim is exec'ed. Pure: adds to a program.
 *
 *   host netlink socket   RTM_NEWLINK  veth <hostLink> as port of the bridge, peer eth0 over here, hairpin on
 *   own netlink socket    lo up · eth0's index · address · default route
 *
 * The kernel removes both ends with the namespace, so nothing detaches. IPv6 is off for new links
 * before eth0 is born: the pod has no IPv6 address and takes no router advertisement (NET-02).
 */
import { createHash } from "node:crypto";
import { K } from "../sys/abi.ts";
import { compileDrain, compileQuery, compileRequest, openNetlink } from "../sys/netlink.ts";
import type { Program } from "../sys/program.ts";
import {
  getLink,
  linkIndexOffset,
  newAddress,
  newRoute,
  newVethPair,
  setHairpin,
  setLink,
} from "../sys/rtnetlink.ts";
import { localMac } from "./bridge.ts";

export interface Attachment {
  /** Name of the veth end on the host, 15 bytes, from the address. */
  readonly hostLink: string;
  readonly bridgeIndex: number;
  readonly address: string;
  readonly prefixLength: number;
  readonly gateway: string;
  /** MAC address of the pod's eth0, from its address: who knows the one knows the other. */
  readonly mac: string;
  /** Bytes; absent: the kernel's default of 1500. */
  readonly mtu?: number;
}

const loopbackIndex = 1;

/** The facts of a pod's attachment: the same address always has the same link and MAC. */
export function attachmentFor(
  address: string,
  bridge: { readonly index: number; readonly mtu?: number },
  pool: { readonly gateway: string; readonly prefixLength: number },
): Attachment {
  const hash = hashOf(address);
  return {
    hostLink: linkNameOf(address),
    bridgeIndex: bridge.index,
    address,
    prefixLength: pool.prefixLength,
    gateway: pool.gateway,
    mac: localMac(hash),
    ...(bridge.mtu === undefined ? {} : { mtu: bridge.mtu }),
  };
}

/** The host's end of the link of the pod with this address. */
export function linkNameOf(address: string): string {
  return `veth${hashOf(address).subarray(8).toString("hex").slice(0, 11)}`;
}

function hashOf(address: string): Buffer {
  return createHash("sha256").update(`pod ${address}`).digest();
}

/**
 * Adds the whole attachment.
 * @param hostNetlinkFd - NETLINK_ROUTE socket of the host's namespace, inherited by the child.
 */
export function compileAttach(
  program: Program,
  attachment: Attachment,
  hostNetlinkFd: number,
): void {
  const { hostLink, bridgeIndex, address, prefixLength, gateway, mac, mtu } = attachment;
  program.from("network: IPv6 is off");
  for (const [name, value] of [
    ["disable_ipv6", "1"],
    ["accept_ra", "0"],
  ] as const) {
    compileSetting(program, `/proc/sys/net/ipv6/conf/default/${name}`, value);
  }
  program.from("network: the pod's link eth0");
  const namespace = program.open("openat", [
    K.AT_FDCWD,
    "/proc/self/ns/net",
    K.O_RDONLY | K.O_CLOEXEC,
    0,
  ]);
  const shared = mtu === undefined ? {} : { mtu };
  compileDrain(program, hostNetlinkFd);
  compileRequest(
    program,
    hostNetlinkFd,
    newVethPair({
      name: hostLink,
      settings: { up: true, master: bridgeIndex, ...shared },
      // Not up yet: veth_open() fails with ENOTCONN before the two ends know each other.
      peer: { name: "eth0", settings: { address: mac, ...shared }, namespace },
    }),
  );
  program.close(namespace);
  compileRequest(program, hostNetlinkFd, setHairpin(hostLink));

  program.from("network: loopback");
  const socket = openNetlink(program);
  compileRequest(program, socket, setLink(loopbackIndex, { up: true }));
  program.from(`network: address ${address}`);
  const answer = compileQuery(program, socket, getLink("eth0"));
  const index = program.allocate();
  program.load(answer, linkIndexOffset, index);
  compileRequest(program, socket, setLink(index, { up: true }));
  compileRequest(program, socket, newAddress({ index, address, prefixLength }));
  program.from("network: default route");
  compileRequest(program, socket, newRoute({ index, gateway }));
  program.release(index);
  program.close(socket);
}

/** Adds a loopback link and nothing else: a pod without network. */
export function compileLoopback(program: Program): void {
  program.from("network: loopback");
  const socket = openNetlink(program);
  compileRequest(program, socket, setLink(loopbackIndex, { up: true }));
  program.close(socket);
}

function compileSetting(program: Program, path: string, value: string): void {
  // ENOENT: the kernel has no IPv6. What follows reads the register and is skipped then.
  const fd = program.open("openat", [K.AT_FDCWD, path, K.O_WRONLY | K.O_CLOEXEC, 0], {
    tolerate: ["ENOENT"],
  });
  program.call("write", [fd, value, value.length]);
  program.close(fd);
}
