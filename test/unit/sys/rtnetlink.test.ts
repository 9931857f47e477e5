import fc from "fast-check";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { isPodError } from "../../../src/base/errors.ts";
import { K } from "../../../src/sys/abi.ts";
import {
  decodeAttributes,
  decodeMessages,
  encodeMessage,
  type NetlinkMessage,
  text,
  textOf,
  u32,
  u32Of,
} from "../../../src/sys/netlink.ts";
import { register } from "../../../src/sys/program.ts";
import {
  decodeLink,
  delLink,
  ipv4Bytes,
  linkName,
  macBytes,
  newAddress,
  newBridge,
  newNeighbour,
  newRoute,
  newVethPair,
  setHairpin,
  setLink,
} from "../../../src/sys/rtnetlink.ts";

const rtnetlink = suite("rtnetlink");
const none = Buffer.alloc(0);

function attributesOf(message: NetlinkMessage): ReadonlyMap<number, Buffer> {
  const [decoded] = decodeMessages(encodeMessage(message, 1).bytes);
  return decodeAttributes(decoded?.payload.subarray(message.header.length) ?? none);
}

rtnetlink("newBridge() is up, without STP and snooping", () => {
  const message = newBridge("nspod0", { up: true, address: "02:00:00:00:00:01", mtu: 1400 });
  assert.equal([message.type, message.flags], [K.RTM_NEWLINK, K.NLM_F_CREATE | K.NLM_F_EXCL]);
  assert.equal(Buffer.from(message.header).readUInt32LE(8), K.IFF_UP);
  const attributes = attributesOf(message);
  assert.is(textOf(attributes.get(K.IFLA_IFNAME)), "nspod0");
  assert.is(u32Of(attributes.get(K.IFLA_MTU)), 1400);
  assert.is(attributes.get(K.IFLA_ADDRESS)?.toString("hex"), "020000000001");
  const info = decodeAttributes(attributes.get(K.IFLA_LINKINFO) ?? none);
  assert.is(textOf(info.get(K.IFLA_INFO_KIND)), "bridge");
  const data = decodeAttributes(info.get(K.IFLA_INFO_DATA) ?? none);
  assert.is(u32Of(data.get(K.IFLA_BR_STP_STATE)), 0);
  assert.equal(data.get(K.IFLA_BR_MCAST_SNOOPING), Buffer.from([0]));
});

rtnetlink("newVethPair() puts the peer into a namespace by register", () => {
  const message = newVethPair({
    name: "veth1",
    settings: { up: true, master: 7 },
    peer: { name: "eth0", settings: { address: "02:00:00:00:00:02" }, namespace: register(3) },
  });
  const attributes = attributesOf(message);
  assert.is(u32Of(attributes.get(K.IFLA_MASTER)), 7);
  const info = decodeAttributes(attributes.get(K.IFLA_LINKINFO) ?? none);
  const data = decodeAttributes(info.get(K.IFLA_INFO_DATA) ?? none);
  const peer = decodeAttributes((data.get(K.VETH_INFO_PEER) ?? none).subarray(16));
  assert.is(textOf(peer.get(K.IFLA_IFNAME)), "eth0");
  assert.is(peer.get(K.IFLA_NET_NS_FD)?.length, 4);
  assert.equal(
    encodeMessage(message, 1).slots.map(({ from }) => from.number),
    [3],
  );
});

rtnetlink("setLink(), delLink() and setHairpin() name their link", () => {
  assert.is(Buffer.from(setLink(5, { up: false }).header).readInt32LE(4), 5);
  assert.is(Buffer.from(setLink(5, { up: false }).header).readUInt32LE(12), K.IFF_UP);
  assert.is(Buffer.from(setLink(5, { alias: "x" }).header).readUInt32LE(12), 0);
  assert.equal(setLink(register(4), {}).headerSlots, [{ offset: 4, from: register(4) }]);
  assert.is(textOf(attributesOf(delLink("veth1")).get(K.IFLA_IFNAME)), "veth1");
  const info = decodeAttributes(attributesOf(setHairpin("veth1")).get(K.IFLA_LINKINFO) ?? none);
  assert.is(textOf(info.get(K.IFLA_INFO_SLAVE_KIND)), "bridge");
});

rtnetlink("newAddress() computes the broadcast address", () => {
  const cases = [
    ["10.85.3.7", 16, "0a55ffff"],
    ["10.99.0.1", 24, "0a6300ff"],
    ["192.0.2.5", 30, "c0000207"],
    ["200.1.2.3", 0, "ffffffff"],
  ] as const;
  for (const [address, prefixLength, broadcast] of cases) {
    const attributes = attributesOf(newAddress({ index: 2, address, prefixLength }));
    assert.is(attributes.get(K.IFA_BROADCAST)?.toString("hex"), broadcast);
  }
  const point = attributesOf(newAddress({ index: 2, address: "10.0.0.1", prefixLength: 32 }));
  assert.not.ok(point.has(K.IFA_BROADCAST));
  assert.throws(
    () => newAddress({ index: 2, address: "10.0.0.1", prefixLength: 33 }),
    /0 to 32 bits/,
  );
});

rtnetlink("newRoute() without destination is the default route", () => {
  const route = newRoute({ index: 2, gateway: "10.85.0.1" });
  assert.is(route.header[1], 0);
  const attributes = attributesOf(route);
  assert.not.ok(attributes.has(K.RTA_DST));
  assert.is(attributes.get(K.RTA_GATEWAY)?.toString("hex"), "0a550001");
  const subnet = newRoute({ index: 2, destination: { address: "10.1.0.0", prefixLength: 16 } });
  assert.equal([subnet.header[1], subnet.header[6]], [16, K.RT_SCOPE_LINK]);
});

rtnetlink("newNeighbour() is permanent", () => {
  const message = newNeighbour({ index: 2, address: "10.0.0.1", mac: "02:00:00:00:00:01" });
  assert.is(Buffer.from(message.header).readUInt16LE(8), K.NUD_PERMANENT);
  assert.is(attributesOf(message).get(K.NDA_LLADDR)?.length, 6);
});

rtnetlink("decodeLink() reads what a kernel sends, and refuses what is cut off", () => {
  const header = Buffer.alloc(16);
  header.writeInt32LE(9, 4);
  header.writeUInt32LE(K.IFF_UP, 8);
  const sent: NetlinkMessage = {
    type: K.RTM_NEWLINK,
    flags: 0,
    header,
    attributes: [text(K.IFLA_IFNAME, "eth0"), u32(K.IFLA_MTU, 1500)],
    text: "",
  };
  const [reply] = decodeMessages(encodeMessage(sent, 1).bytes);
  assert.ok(reply);
  assert.equal(decodeLink(reply), { index: 9, name: "eth0", up: true, mtu: 1500 });
  assert.throws(() => decodeLink({ ...reply, type: K.RTM_NEWADDR }), /is no link/);
  fc.assert(
    fc.property(fc.nat({ max: reply.payload.length - 1 }), (length) => {
      try {
        decodeLink({ ...reply, payload: reply.payload.subarray(0, length) });
      } catch (error) {
        assert.ok(isPodError(error, "Internal"), String(error));
      }
    }),
  );
});

rtnetlink("names, MAC and IP addresses are checked before they become bytes", () => {
  for (const good of ["lo", "eth0.100", "a".repeat(15), "veth-1"]) assert.is(linkName(good), good);
  for (const bad of ["", ".", "..", "a/b", "a b", "a:b", "a".repeat(16), "é".repeat(8), "a\0"]) {
    assert.throws(() => linkName(bad), /is not a name of a network link/);
  }
  assert.throws(() => macBytes("02:00:00:00:00"), /is not a MAC address/);
  assert.throws(() => ipv4Bytes("10.0.0.256"), /is not an IPv4 address/);
});

rtnetlink.run();
