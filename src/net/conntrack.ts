/**
 * Forgets the connections of an address that changes its pod: an entry that outlives it would send
 * the old pod's packets to the new one (security: NET-11). ctnetlink (nfnetlink_conntrack.h): the
 * kernel filters a dump by address (CTA_FILTER, Linux 5.8), what it answers is deleted by tuple.
 */
import { K } from "../sys/abi.ts";
import {
  type Attribute,
  binary,
  decodeAttributes,
  type NetlinkMessage,
  NetlinkSocket,
  nested,
  u32,
} from "../sys/netlink.ts";
import { ipv4Bytes } from "../sys/rtnetlink.ts";

// struct nfgenmsg: family, version, resource id (big endian).
const familyHeader = Buffer.from([K.AF_INET, 0, 0, 0]);
// Bits of CTA_FILTER_*_FLAGS, kernel net/netfilter/nf_conntrack_netlink.c CTA_FILTER_F_*.
const filterSource = 1;
const filterDestination = 2;

type Side = "CTA_TUPLE_ORIG" | "CTA_TUPLE_REPLY";
type End = "CTA_IP_V4_SRC" | "CTA_IP_V4_DST";

/** The places where a pod's address can stand: it called, it was called, it was published. */
const places: readonly (readonly [Side, End])[] = [
  ["CTA_TUPLE_ORIG", "CTA_IP_V4_SRC"],
  ["CTA_TUPLE_ORIG", "CTA_IP_V4_DST"],
  ["CTA_TUPLE_REPLY", "CTA_IP_V4_SRC"],
];

function message(type: number, flags: number, attributes: readonly Attribute[]): NetlinkMessage {
  return {
    type: (K.NFNL_SUBSYS_CTNETLINK << 8) | type,
    flags,
    header: familyHeader,
    attributes,
    text: type === K.IPCTNL_MSG_CT_GET ? "IPCTNL_MSG_CT_GET" : "IPCTNL_MSG_CT_DELETE",
  };
}

/** Asks for the entries that have `address` in one place. Pure. */
export function dumpConnections(
  address: string,
  [side, end]: (typeof places)[number],
): NetlinkMessage {
  const bit = end === "CTA_IP_V4_SRC" ? filterSource : filterDestination;
  const isOriginal = side === "CTA_TUPLE_ORIG";
  return message(K.IPCTNL_MSG_CT_GET, K.NLM_F_DUMP, [
    nested(K[side], [nested(K.CTA_TUPLE_IP, [binary(K[end], ipv4Bytes(address))])]),
    nested(K.CTA_FILTER, [
      u32(K.CTA_FILTER_ORIG_FLAGS, isOriginal ? bit : 0),
      u32(K.CTA_FILTER_REPLY_FLAGS, isOriginal ? 0 : bit),
    ]),
  ]);
}

/**
 * Deletes every tracked connection from or to `address`.
 * @returns how many there were.
 */
export function forgetConnections(address: string): number {
  const action = `Cannot forget the connections of ${address}`;
  using socket = new NetlinkSocket(K.NETLINK_NETFILTER);
  let count = 0;
  for (const place of places) {
    for (const reply of socket.query(action, dumpConnections(address, place))) {
      const attributes = decodeAttributes(reply.payload.subarray(familyHeader.length));
      const tuple = attributes.get(K.CTA_TUPLE_ORIG);
      const id = attributes.get(K.CTA_ID);
      if (tuple === undefined) continue;
      const request = message(K.IPCTNL_MSG_CT_DELETE, 0, [
        binary(K.CTA_TUPLE_ORIG | K.NLA_F_NESTED, tuple),
        ...(id === undefined ? [] : [binary(K.CTA_ID, id)]),
      ]);
      // ENOENT: it ended by itself in between.
      socket.request(action, request, { tolerate: ["ENOENT"] });
      count += 1;
    }
  }
  return count;
}
