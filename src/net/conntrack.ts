/**
 * Forgets the connections of addresses that change their pod: an entry that outlives it would send
 * the old pod's packets to the new one (security: NET-11). ctnetlink (nfnetlink_conntrack.h): a dump
 * walks the kernel's whole hash table whatever it is filtered by (10 to 20 ms), so one dump serves
 * all addresses that were freed lately; what matches is deleted by tuple.
 */
import { K } from "../sys/abi.ts";
import {
  type Attribute,
  binary,
  decodeAttributes,
  type NetlinkMessage,
  NetlinkSocket,
} from "../sys/netlink.ts";
import { ipv4Bytes } from "../sys/rtnetlink.ts";

// struct nfgenmsg: family, version, resource id (big endian).
const familyHeader = Buffer.from([K.AF_INET, 0, 0, 0]);
function message(type: number, flags: number, attributes: readonly Attribute[]): NetlinkMessage {
  return {
    type: (K.NFNL_SUBSYS_CTNETLINK << 8) | type,
    flags,
    header: familyHeader,
    attributes,
    text: type === K.IPCTNL_MSG_CT_GET ? "IPCTNL_MSG_CT_GET" : "IPCTNL_MSG_CT_DELETE",
  };
}

/**
 * Deletes every tracked connection from or to one of the addresses, also translated ones.
 * @returns how many there were.
 */
export function forgetConnections(addresses: Iterable<string>): number {
  const wanted = new Set([...addresses].map((address) => ipv4Bytes(address).toString("hex")));
  if (wanted.size === 0) return 0;
  const action = `Cannot forget the connections of ${[...addresses].join(", ")}`;
  using socket = new NetlinkSocket(K.NETLINK_NETFILTER);
  let count = 0;
  for (const reply of socket.query(action, message(K.IPCTNL_MSG_CT_GET, K.NLM_F_DUMP, []))) {
    const attributes = decodeAttributes(reply.payload.subarray(familyHeader.length));
    const tuple = attributes.get(K.CTA_TUPLE_ORIG);
    const ends = [tuple, attributes.get(K.CTA_TUPLE_REPLY)].flatMap(addressesOf);
    if (tuple === undefined || !ends.some((end) => wanted.has(end))) continue;
    const id = attributes.get(K.CTA_ID);
    const request = message(K.IPCTNL_MSG_CT_DELETE, 0, [
      binary(K.CTA_TUPLE_ORIG | K.NLA_F_NESTED, tuple),
      ...(id === undefined ? [] : [binary(K.CTA_ID, id)]),
    ]);
    // ENOENT: it ended by itself in between.
    socket.request(action, request, { tolerate: ["ENOENT"] });
    count += 1;
  }
  return count;
}

// nfnetlink_conntrack.h: enum ctattr_tuple and ctattr_l4proto; in.h: IPPROTO_UDP.
const tupleProtocol = 2;
const protocolNumber = 1;
const sourcePort = 2;
const udp = 17;

/**
 * Deletes the flows of datagrams that were translated to one of these endpoints, so that the next datagram is led
 * anew. @returns how many there were.
 */
export function forgetDatagrams(
  endpoints: readonly { readonly address: string; readonly port: number }[],
): number {
  const wanted = new Set(endpoints.map(({ address, port }) => `${address}:${port}`));
  if (wanted.size === 0) return 0;
  const action = `Cannot forget the datagrams for ${[...wanted].join(", ")}`;
  using socket = new NetlinkSocket(K.NETLINK_NETFILTER);
  let count = 0;
  for (const reply of socket.query(action, message(K.IPCTNL_MSG_CT_GET, K.NLM_F_DUMP, []))) {
    const attributes = decodeAttributes(reply.payload.subarray(familyHeader.length));
    const tuple = attributes.get(K.CTA_TUPLE_ORIG);
    // Who answers is who was sent to.
    const sender = datagramSender(attributes.get(K.CTA_TUPLE_REPLY));
    if (tuple === undefined || sender === undefined || !wanted.has(sender)) continue;
    const request = message(K.IPCTNL_MSG_CT_DELETE, 0, [
      binary(K.CTA_TUPLE_ORIG | K.NLA_F_NESTED, tuple),
    ]);
    // ENOENT: it ended by itself in between.
    socket.request(action, request, { tolerate: ["ENOENT"] });
    count += 1;
  }
  return count;
}

/** `address:port` of the source of a tuple of UDP. */
function datagramSender(tuple: Buffer | undefined): string | undefined {
  if (tuple === undefined) return undefined;
  const parts = decodeAttributes(tuple);
  const ip = parts.get(K.CTA_TUPLE_IP);
  const transport = parts.get(tupleProtocol);
  if (ip === undefined || transport === undefined) return undefined;
  const ports = decodeAttributes(transport);
  if (ports.get(protocolNumber)?.[0] !== udp) return undefined;
  const source = decodeAttributes(ip).get(K.CTA_IP_V4_SRC);
  const port = ports.get(sourcePort)?.readUInt16BE(0);
  return source === undefined || port === undefined ? undefined : `${source.join(".")}:${port}`;
}

/** Source and destination of a tuple, as hex digits. */
function addressesOf(tuple: Buffer | undefined): string[] {
  const ip = tuple === undefined ? undefined : decodeAttributes(tuple).get(K.CTA_TUPLE_IP);
  if (ip === undefined) return [];
  const ends = decodeAttributes(ip);
  return [ends.get(K.CTA_IP_V4_SRC), ends.get(K.CTA_IP_V4_DST)].flatMap(
    (end) => end?.toString("hex") ?? [],
  );
}
