/**
 * The instance's bridge and the host settings that routing for pods needs.
 *
 * What we change on the host and did not make ourselves (ip_forward) is written down in the
 * bridge's alias, which lives exactly as long as the bridge: removeBridge() reads it and puts the
 * old value back. When another instance's bridge is still there, the note moves to it instead.
 * Every other setting belongs to the bridge and goes with it. Source: ip-sysctl.rst.
 */
import { createHash } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { hasCode, PodError } from "../base/errors.ts";
import { netlinkSocket } from "../sys/netlink.ts";
import {
  decodeLink,
  delLink,
  dumpLinks,
  getLink,
  type Link,
  newAddress,
  newBridge,
  newRoute,
  setLink,
} from "../sys/rtnetlink.ts";
import { formatAddress, parseSubnet } from "./ipv4.ts";
import { nodeAddress } from "./node-address.ts";

export interface Bridge {
  readonly index: number;
  /** Bytes: that of the host's main link, so that pods never send what it cannot. */
  readonly mtu: number;
}

const aliasHead = "nspod bridge";
const forwardNote = "ip_forward was 0";
const forwardPath = "/proc/sys/net/ipv4/ip_forward";

/** Settings of the bridge by file below /proc/sys/net. Absent ones (no IPv6 in the kernel) are fine. */
function bridgeSettings(name: string): readonly (readonly [string, string])[] {
  return [
    // Connections from the host to 127.0.0.1:hostPort leave through the bridge; firewall.ts drops
    // what comes in for 127.0.0.0/8 (security: NET-03).
    [`ipv4/conf/${name}/route_localnet`, "1"],
    // No IPv6 subnet is configured: no address, no router advertisement is taken (NET-02).
    [`ipv6/conf/${name}/disable_ipv6`, "1"],
    [`ipv6/conf/${name}/accept_ra`, "0"],
    [`ipv6/conf/${name}/autoconf`, "0"],
  ];
}

/** The bridge's MAC address: from its name, or it would follow the lowest one of its ports. */
export function bridgeMac(name: string): string {
  return localMac(createHash("sha256").update(`bridge ${name}`).digest());
}

/** A locally administered unicast address of the first five bytes. */
export function localMac(bytes: Buffer): string {
  const tail = [...bytes.subarray(0, 5)].map((byte) => byte.toString(16).padStart(2, "0"));
  return ["02", ...tail].join(":");
}

/** A name that is safe in a path of /proc/sys and in packet rules. @throws InvalidArgument. */
export function bridgeName(name: string): string {
  if (!/^[A-Za-z][A-Za-z0-9_-]{0,14}$/.test(name)) {
    throw new PodError(
      "InvalidArgument",
      `${JSON.stringify(name)} cannot be the name of a bridge: it needs 1 to 15 letters, digits, "-" or "_", a letter first`,
    );
  }
  return name;
}

function findLink(name: string): Link | undefined {
  try {
    const [reply] = netlinkSocket().query(`Cannot look up link "${name}"`, getLink(name));
    return reply === undefined ? undefined : decodeLink(reply);
  } catch (error) {
    if (isNoDevice(error)) return undefined;
    throw error;
  }
}

/** ENODEV: there is no such link. */
function isNoDevice(error: unknown): boolean {
  return error instanceof Error && "errno" in error && error.errno === "ENODEV";
}

function allLinks(): Link[] {
  return netlinkSocket().query("Cannot list links", dumpLinks()).map(decodeLink);
}

/**
 * Creates the bridge, or mends it: address, up, settings, forwarding. Idempotent.
 * @param gateway - its IPv4 address. @param prefixLength - 0..32. @param serviceSubnet - virtual addresses: a host
 * without a default route reaches them by this one, and what packet rules do not translate is refused on its way.
 * @throws PodError FailedPrecondition when a link of that name is no bridge.
 */
export function ensureBridge(
  name: string,
  gateway: string,
  prefixLength: number,
  serviceSubnet?: string,
): Bridge {
  const action = `Cannot create bridge "${bridgeName(name)}"`;
  const socket = netlinkSocket();
  let link = findLink(name);
  if (link === undefined) {
    const main = nodeAddress();
    const mtu = main.link === undefined ? 1500 : (findLink(main.link)?.mtu ?? 1500);
    socket.request(
      action,
      newBridge(name, { address: bridgeMac(name), mtu: Math.min(mtu, 65_535) }),
      { tolerate: ["EEXIST"] },
    );
    link = findLink(name);
  }
  if (link?.kind !== "bridge") {
    throw new PodError(
      "FailedPrecondition",
      `${action}: a link of this name exists and is ${link?.kind ?? "a device"}: choose another --bridge`,
    );
  }
  if (!link.alias?.startsWith(aliasHead)) {
    // The kernel takes an alias in changes only, not at creation.
    socket.request(action, setLink(link.index, { alias: aliasHead }));
  }
  for (const [path, value] of bridgeSettings(name)) writeSetting(action, path, value);
  socket.request(action, newAddress({ index: link.index, address: gateway, prefixLength }), {
    tolerate: ["EEXIST"],
  });
  if (!link.up) socket.request(action, setLink(link.index, { up: true }));
  if (serviceSubnet !== undefined) {
    const services = parseSubnet(serviceSubnet);
    const destination = {
      address: formatAddress(services.base),
      prefixLength: services.prefixLength,
    };
    socket.request(action, newRoute({ index: link.index, destination }), { tolerate: ["EEXIST"] });
  }
  enableForwarding(action, link);
  return { index: link.index, mtu: link.mtu };
}

/** Removes the bridge and undoes what ensureBridge() changed on the host. Gone is fine. */
export function removeBridge(name: string): void {
  const action = `Cannot remove bridge "${bridgeName(name)}"`;
  const link = findLink(name);
  if (link === undefined) return;
  if (link.kind !== "bridge") {
    throw new PodError("FailedPrecondition", `${action}: the link of this name is no bridge`);
  }
  if (link.alias?.includes(forwardNote)) handOnForwarding(action, link);
  netlinkSocket().request(action, delLink(name), { tolerate: ["ENODEV"] });
}

function enableForwarding(action: string, link: Link): void {
  if (readFileSync(forwardPath, "utf8").trim() !== "0") return;
  // The note first: after a crash in between, undoing sets 0 where 0 is.
  const alias = `${aliasHead}, ${forwardNote}`;
  netlinkSocket().request(action, setLink(link.index, { alias }));
  writeSetting(action, "ipv4/ip_forward", "1");
}

function handOnForwarding(action: string, link: Link): void {
  const heirs = allLinks().filter(
    ({ index, kind, alias }) =>
      index !== link.index && kind === "bridge" && alias?.startsWith(aliasHead),
  );
  if (!heirs.some((heir) => takesNote(action, heir))) {
    writeSetting(action, "ipv4/ip_forward", "0");
  }
}

/** False when that bridge is being removed just now: another one has to take the note. */
function takesNote(action: string, { index, alias = aliasHead }: Link): boolean {
  if (alias.includes(forwardNote)) return true;
  try {
    netlinkSocket().request(action, setLink(index, { alias: `${alias}, ${forwardNote}` }));
    return true;
  } catch (error) {
    if (isNoDevice(error)) return false;
    throw error;
  }
}

function writeSetting(action: string, path: string, value: string): void {
  try {
    writeFileSync(`/proc/sys/net/${path}`, value);
  } catch (cause) {
    // ENOENT: this kernel has no IPv6, so there is nothing to switch off.
    if (hasCode(cause, "ENOENT") && path.startsWith("ipv6/")) return;
    throw new PodError("FailedPrecondition", `${action}: cannot set net/${path} to ${value}`, {
      cause,
    });
  }
}
