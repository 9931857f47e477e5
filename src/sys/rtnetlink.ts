/**
 * Requests of rtnetlink(7): links, addresses, routes and neighbours as messages that
 * sys/netlink.ts encodes. Pure. Addresses are text at this border: "10.85.0.2", "02:00:…".
 */
import { isIPv4 } from "node:net";
import { PodError } from "../base/errors.ts";
import { K } from "./abi.ts";
import {
  type Attribute,
  binary,
  decodeAttributes,
  type NetlinkMessage,
  type NetlinkReply,
  nested,
  prefixed,
  text,
  textOf,
  u8,
  u32,
  u32Of,
} from "./netlink.ts";
import type { Register } from "./program.ts";

const linkHeaderSize = 16;

/** A link's index, or a register that holds it. */
export type LinkIndex = number | Register;

/** What a link gets at its creation or by setLink(); absent = unchanged. */
export interface LinkSettings {
  readonly up?: boolean;
  /** Bytes, 68..65535. */
  readonly mtu?: number;
  /** MAC address. */
  readonly address?: string;
  /** Index of the bridge that it becomes a port of; 0 takes it out. */
  readonly master?: number;
  /** Free text that stays with the link, at most 255 bytes. */
  readonly alias?: string;
}

export interface Link extends LinkSettings {
  readonly index: number;
  readonly name: string;
  readonly up: boolean;
  readonly mtu: number;
  /** "bridge", "veth" …; absent for physical devices. */
  readonly kind?: string;
}

/** struct ifinfomsg. */
function linkHeader(index: number, up: boolean | undefined): Buffer {
  const header = Buffer.alloc(linkHeaderSize);
  header.writeInt32LE(index, 4);
  if (up !== undefined) {
    header.writeUInt32LE(up ? K.IFF_UP : 0, 8);
    header.writeUInt32LE(K.IFF_UP, 12);
  }
  return header;
}

/** @throws PodError InvalidArgument unless it is a name that Linux takes (1..15 bytes). */
export function linkName(name: string): string {
  if (!/^[^\s/:\0]{1,15}$/.test(name) || Buffer.byteLength(name) > 15 || /^\.\.?$/.test(name)) {
    throw new PodError(
      "InvalidArgument",
      `${JSON.stringify(name)} is not a name of a network link`,
    );
  }
  return name;
}

/** The six bytes of a MAC address. @throws PodError InvalidArgument. */
export function macBytes(address: string): Buffer {
  if (!/^[0-9a-f]{2}(:[0-9a-f]{2}){5}$/i.test(address)) {
    throw new PodError("InvalidArgument", `${JSON.stringify(address)} is not a MAC address`);
  }
  return Buffer.from(address.replaceAll(":", ""), "hex");
}

/** The four bytes of an IPv4 address. @throws PodError InvalidArgument. */
export function ipv4Bytes(address: string): Buffer {
  if (!isIPv4(address)) {
    throw new PodError("InvalidArgument", `${JSON.stringify(address)} is not an IPv4 address`);
  }
  return Buffer.from(address.split(".").map(Number));
}

function settingAttributes(settings: LinkSettings): Attribute[] {
  const { mtu, address, master, alias } = settings;
  return [
    ...(mtu === undefined ? [] : [u32(K.IFLA_MTU, mtu)]),
    ...(address === undefined ? [] : [binary(K.IFLA_ADDRESS, macBytes(address))]),
    ...(master === undefined ? [] : [u32(K.IFLA_MASTER, master)]),
    ...(alias === undefined ? [] : [binary(K.IFLA_IFALIAS, Buffer.from(alias))]),
  ];
}

const createFlags = K.NLM_F_CREATE | K.NLM_F_EXCL;

/** Creates a bridge without STP and multicast snooping; EEXIST when the name is taken. */
export function newBridge(name: string, settings: LinkSettings = {}): NetlinkMessage {
  return {
    type: K.RTM_NEWLINK,
    flags: createFlags,
    header: linkHeader(0, settings.up),
    attributes: [
      text(K.IFLA_IFNAME, linkName(name)),
      ...settingAttributes(settings),
      nested(K.IFLA_LINKINFO, [
        text(K.IFLA_INFO_KIND, "bridge"),
        nested(K.IFLA_INFO_DATA, [
          u32(K.IFLA_BR_STP_STATE, 0),
          u32(K.IFLA_BR_FORWARD_DELAY, 0),
          u8(K.IFLA_BR_MCAST_SNOOPING, 0),
        ]),
      ]),
    ],
    text: `RTM_NEWLINK bridge "${name}"`,
  };
}

export interface VethPair {
  readonly name: string;
  readonly settings?: LinkSettings;
  readonly peer: {
    readonly name: string;
    readonly settings?: LinkSettings;
    /** Register with an fd of the network namespace that the peer is born in. */
    readonly namespace: Register;
  };
}

/** Creates a veth pair, one end here and one in another network namespace. */
export function newVethPair({ name, settings = {}, peer }: VethPair): NetlinkMessage {
  return {
    type: K.RTM_NEWLINK,
    flags: createFlags,
    header: linkHeader(0, settings.up),
    attributes: [
      text(K.IFLA_IFNAME, linkName(name)),
      ...settingAttributes(settings),
      nested(K.IFLA_LINKINFO, [
        text(K.IFLA_INFO_KIND, "veth"),
        nested(K.IFLA_INFO_DATA, [
          prefixed(K.VETH_INFO_PEER, linkHeader(0, peer.settings?.up), [
            text(K.IFLA_IFNAME, linkName(peer.name)),
            ...settingAttributes(peer.settings ?? {}),
            u32(K.IFLA_NET_NS_FD, peer.namespace),
          ]),
        ]),
      ]),
    ],
    text: `RTM_NEWLINK veth "${name}" with peer "${peer.name}"`,
  };
}

/** Changes a link. */
export function setLink(index: LinkIndex, settings: LinkSettings): NetlinkMessage {
  const words = Object.entries(settings).map(([key, value]) => `${key} ${value}`);
  return {
    type: K.RTM_SETLINK,
    flags: 0,
    ...indexed(linkHeader(0, settings.up), 4, index),
    attributes: settingAttributes(settings),
    text: `RTM_SETLINK ${linkText(index)}: ${words.join(", ")}`,
  };
}

/**
 * Lets a bridge send a frame back through the port that it came from. Needed where br_netfilter is
 * on (hosts with Docker): a pod that uses its own published port is translated inside the bridge.
 */
export function setHairpin(name: string): NetlinkMessage {
  return {
    type: K.RTM_NEWLINK,
    flags: 0,
    header: linkHeader(0, undefined),
    attributes: [
      text(K.IFLA_IFNAME, linkName(name)),
      nested(K.IFLA_LINKINFO, [
        text(K.IFLA_INFO_SLAVE_KIND, "bridge"),
        nested(K.IFLA_INFO_SLAVE_DATA, [u8(K.IFLA_BRPORT_MODE, 1)]),
      ]),
    ],
    text: `RTM_NEWLINK bridge port "${name}": hairpin on`,
  };
}

/** Removes a link; ENODEV when it is gone. */
export function delLink(name: string): NetlinkMessage {
  return {
    type: K.RTM_DELLINK,
    flags: 0,
    header: linkHeader(0, undefined),
    attributes: [text(K.IFLA_IFNAME, linkName(name))],
    text: `RTM_DELLINK "${name}"`,
  };
}

/** Asks for one link by name; ENODEV when there is none. */
export function getLink(name: string): NetlinkMessage {
  return {
    type: K.RTM_GETLINK,
    flags: 0,
    header: linkHeader(0, undefined),
    attributes: [text(K.IFLA_IFNAME, linkName(name))],
    text: `RTM_GETLINK "${name}"`,
  };
}

/** Asks for all links. */
export function dumpLinks(): NetlinkMessage {
  return {
    type: K.RTM_GETLINK,
    flags: K.NLM_F_DUMP,
    header: linkHeader(0, undefined),
    attributes: [],
    text: "RTM_GETLINK of all links",
  };
}

/** Where a link's index lies in the answer to getLink(): nlmsghdr, then ifinfomsg.ifi_index. */
export const linkIndexOffset: number = 16 + 4;

/** @throws PodError Internal when the message is no link or is cut off. */
export function decodeLink(reply: NetlinkReply): Link {
  if (reply.type !== K.RTM_NEWLINK || reply.payload.length < linkHeaderSize) {
    throw new PodError("Internal", `Cannot decode netlink reply: type ${reply.type} is no link`);
  }
  const attributes = decodeAttributes(reply.payload.subarray(linkHeaderSize));
  const address = attributes.get(K.IFLA_ADDRESS);
  const master = u32Of(attributes.get(K.IFLA_MASTER));
  const alias = textOf(attributes.get(K.IFLA_IFALIAS));
  const info = attributes.get(K.IFLA_LINKINFO);
  const kind = info && textOf(decodeAttributes(info).get(K.IFLA_INFO_KIND));
  return {
    index: reply.payload.readInt32LE(4),
    name: textOf(attributes.get(K.IFLA_IFNAME)) ?? "",
    up: (reply.payload.readUInt32LE(8) & K.IFF_UP) !== 0,
    mtu: u32Of(attributes.get(K.IFLA_MTU)) ?? 0,
    ...(address === undefined ? {} : { address: macText(address) }),
    ...(master === undefined ? {} : { master }),
    ...(alias === undefined ? {} : { alias }),
    ...(kind === undefined ? {} : { kind }),
  };
}

function macText(bytes: Buffer): string {
  return [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join(":");
}

export interface LinkAddress {
  readonly index: LinkIndex;
  readonly address: string;
  /** 0..32. */
  readonly prefixLength: number;
}

/** Gives a link an IPv4 address with the prefix's broadcast address; EEXIST when it has it. */
export function newAddress({ index, address, prefixLength }: LinkAddress): NetlinkMessage {
  const bytes = ipv4Bytes(address);
  // struct ifaddrmsg: family, prefix length, flags, scope, index.
  const header = Buffer.from([K.AF_INET, checkedPrefix(prefixLength), 0, 0, 0, 0, 0, 0]);
  const broadcast = Buffer.alloc(4);
  broadcast.writeUInt32BE((bytes.readUInt32BE(0) | hostMask(prefixLength)) >>> 0);
  return {
    type: K.RTM_NEWADDR,
    flags: createFlags,
    ...indexed(header, 4, index),
    attributes: [
      binary(K.IFA_LOCAL, bytes),
      binary(K.IFA_ADDRESS, bytes),
      ...(prefixLength < 31 ? [binary(K.IFA_BROADCAST, broadcast)] : []),
    ],
    text: `RTM_NEWADDR ${address}/${prefixLength} on ${linkText(index)}`,
  };
}

export interface Route {
  readonly index: LinkIndex;
  /** Absent: the default route. */
  readonly destination?: { readonly address: string; readonly prefixLength: number };
  readonly gateway?: string;
}

/** Adds a route to the main table; EEXIST when there is one. */
export function newRoute({ index, destination, gateway }: Route): NetlinkMessage {
  const prefixLength = checkedPrefix(destination?.prefixLength ?? 0);
  const scope = gateway === undefined ? K.RT_SCOPE_LINK : K.RT_SCOPE_UNIVERSE;
  // struct rtmsg: family, dst_len, src_len, tos, table, protocol, scope, type, flags.
  const header = Buffer.alloc(12);
  header.set([K.AF_INET, prefixLength, 0, 0, K.RT_TABLE_MAIN, K.RTPROT_BOOT, scope, K.RTN_UNICAST]);
  const target = destination === undefined ? "default" : `${destination.address}/${prefixLength}`;
  return {
    type: K.RTM_NEWROUTE,
    flags: createFlags,
    header,
    attributes: [
      ...(destination === undefined ? [] : [binary(K.RTA_DST, ipv4Bytes(destination.address))]),
      ...(gateway === undefined ? [] : [binary(K.RTA_GATEWAY, ipv4Bytes(gateway))]),
      u32(K.RTA_OIF, index),
    ],
    text: `RTM_NEWROUTE ${target}${gateway === undefined ? "" : ` via ${gateway}`} on ${linkText(index)}`,
  };
}

/** Removes a route by a gateway from the main table; ESRCH when there is none. */
export function delRoute({
  destination,
  gateway,
}: Required<Pick<Route, "destination" | "gateway">>): NetlinkMessage {
  const { address } = destination;
  const prefixLength = checkedPrefix(destination.prefixLength);
  // struct rtmsg; 0 in protocol and type is any.
  const header = Buffer.alloc(12);
  header.set([K.AF_INET, prefixLength, 0, 0, K.RT_TABLE_MAIN, 0, K.RT_SCOPE_UNIVERSE, 0]);
  return {
    type: K.RTM_DELROUTE,
    flags: 0,
    header,
    attributes: [binary(K.RTA_DST, ipv4Bytes(address)), binary(K.RTA_GATEWAY, ipv4Bytes(gateway))],
    text: `RTM_DELROUTE ${address}/${prefixLength} via ${gateway}`,
  };
}

export interface Neighbour {
  readonly index: LinkIndex;
  readonly address: string;
  readonly mac: string;
}

/** Sets a permanent neighbour entry (ARP). */
export function newNeighbour({ index, address, mac }: Neighbour): NetlinkMessage {
  // struct ndmsg: family, pad[3], index, state, flags, type.
  const header = Buffer.alloc(12);
  header.writeUInt8(K.AF_INET, 0);
  header.writeUInt16LE(K.NUD_PERMANENT, 8);
  return {
    type: K.RTM_NEWNEIGH,
    flags: K.NLM_F_CREATE | K.NLM_F_REPLACE,
    ...indexed(header, 4, index),
    attributes: [binary(K.NDA_DST, ipv4Bytes(address)), binary(K.NDA_LLADDR, macBytes(mac))],
    text: `RTM_NEWNEIGH ${address} is ${mac} on ${linkText(index)}`,
  };
}

function indexed(
  header: Buffer,
  offset: number,
  index: LinkIndex,
): Pick<NetlinkMessage, "header" | "headerSlots"> {
  if (typeof index !== "number") return { header, headerSlots: [{ offset, from: index }] };
  header.writeInt32LE(index, offset);
  return { header };
}

function linkText(index: LinkIndex): string {
  return typeof index === "number" ? `link ${index}` : `link r${index.number}`;
}

function checkedPrefix(length: number): number {
  if (Number.isInteger(length) && length >= 0 && length <= 32) return length;
  throw new PodError("InvalidArgument", `An IPv4 prefix has 0 to 32 bits: got ${length}`);
}

/** The bits of an IPv4 address that a prefix leaves free. */
function hostMask(prefixLength: number): number {
  return prefixLength === 0 ? 0xffffffff : (2 ** (32 - prefixLength) - 1) >>> 0;
}
