import fc from "fast-check";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { isPodError } from "../../../src/base/errors.ts";
import { K } from "../../../src/sys/abi.ts";
import { explain } from "../../../src/sys/explain.ts";
import {
  type Attribute,
  binary,
  compileQuery,
  compileRequest,
  decodeAttributes,
  decodeMessages,
  encodeMessage,
  explanationOf,
  type NetlinkMessage,
  NetlinkSocket,
  nested,
  openNetlink,
  prefixed,
  text,
  textOf,
  u8,
  u16,
  u32,
  u32Of,
} from "../../../src/sys/netlink.ts";
import { Program, register } from "../../../src/sys/program.ts";
import { decodeLink, dumpLinks, getLink, setLink } from "../../../src/sys/rtnetlink.ts";

const netlink = suite("netlink");

function message(attributes: readonly Attribute[], header = Buffer.alloc(4)): NetlinkMessage {
  return { type: 16, flags: 0, header, attributes, text: "TEST" };
}

netlink("encodes header and attributes byte by byte", () => {
  const { bytes } = encodeMessage(message([text(3, "lo"), u8(4, 7), u16(5, 258)]), 9, K.NLM_F_ACK);
  assert.is(
    bytes.toString("hex"),
    [
      "2c000000" + "1000" + "0500" + "09000000" + "00000000", // 44 bytes, REQUEST|ACK, sequence 9
      "00000000", // family header
      "0700" + "0300" + "6c6f00" + "00", // "lo\0" and padding
      "0500" + "0400" + "07" + "000000",
      "0600" + "0500" + "0201" + "0000",
    ].join(""),
  );
});

netlink("attributes come back as they went in", () => {
  const any = fc.array(
    fc.record({
      type: fc.integer({ min: 1, max: 0x3fff }),
      payload: fc.uint8Array({ maxLength: 300 }),
    }),
    { maxLength: 10 },
  );
  fc.assert(
    fc.property(any, fc.integer({ min: 0, max: 2 ** 32 - 1 }), (attributes, sequence) => {
      const { bytes } = encodeMessage(message(attributes), sequence);
      assert.is(bytes.length % 4, 0);
      const [decoded, ...more] = decodeMessages(bytes);
      assert.is(more.length, 0);
      assert.is(decoded?.sequence, sequence);
      const found = decodeAttributes(decoded?.payload.subarray(4) ?? Buffer.alloc(0));
      const wanted = new Map(attributes.map(({ type, payload }) => [type, Buffer.from(payload)]));
      assert.equal(found, wanted);
    }),
  );
});

netlink("a nested attribute is decoded like a message's", () => {
  const { payload } = nested(18, [text(1, "veth"), nested(2, [u32(1, 5)])]);
  const outer = decodeAttributes(Buffer.from(payload));
  assert.is(textOf(outer.get(1)), "veth");
  assert.is(u32Of(decodeAttributes(outer.get(2) ?? Buffer.alloc(0)).get(1)), 5);
});

netlink("the largest attribute fits, one byte more is refused (NET-09)", () => {
  const { bytes } = encodeMessage(message([binary(1, Buffer.alloc(65_531))]), 1);
  assert.is(bytes.readUInt16LE(20), 0xffff);
  for (const length of [65_532, 65_536, 131_072]) {
    assert.throws(
      () => encodeMessage(message([binary(1, Buffer.alloc(length))]), 1),
      (error: unknown) => isPodError(error, "InvalidArgument"),
    );
  }
  // Also when only nesting makes it too long.
  const big = binary(1, Buffer.alloc(40_000));
  assert.throws(() => encodeMessage(message([nested(2, [big, big])]), 1), /at most 65531 fit/);
});

netlink("cut-off input is an error and never read beyond", () => {
  const { bytes } = encodeMessage(message([text(3, "eth0"), u32(4, 1500)]), 1);
  for (let length = 1; length < bytes.length; length++) {
    assert.throws(
      () => decodeMessages(bytes.subarray(0, length)),
      (error: unknown) => isPodError(error, "Internal"),
    );
  }
});

netlink("random bytes are decoded or refused, nothing else", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (random) => {
      const bytes = Buffer.from(random);
      for (const decode of [decodeMessages, decodeAttributes]) {
        try {
          decode(bytes);
        } catch (error) {
          assert.ok(isPodError(error, "Internal"), String(error));
        }
      }
    }),
    { numRuns: 1000 },
  );
});

netlink("registers keep their places through nesting", () => {
  const inner = prefixed(1, Buffer.alloc(16), [text(3, "eth0"), u32(28, register(5))]);
  const outer = message([text(3, "veth1"), nested(18, [text(1, "veth"), nested(2, [inner])])]);
  const { bytes, slots } = encodeMessage(
    { ...outer, headerSlots: [{ offset: 0, from: register(6) }] },
    1,
  );
  assert.equal(
    slots.map(({ from }) => from.number),
    [6, 5],
  );
  assert.is(slots[0]?.offset, 16);
  const at = slots[1]?.offset ?? 0;
  assert.is(bytes.readUInt16LE(at - 4), 8);
  assert.is(bytes.readUInt16LE(at - 2), 28);
  assert.is(bytes.readUInt32LE(at), 0);
});

netlink("a NUL byte in a name is refused", () => {
  assert.throws(() => text(3, "a\0b"), /contains a NUL byte/);
});

netlink("a request is sent, read and checked; several follow each other", () => {
  const program = new Program("requests");
  const socket = openNetlink(program);
  compileRequest(program, socket, setLink(1, { up: true }), { tolerate: ["EEXIST"] });
  compileQuery(program, socket, getLink("eth0"));
  program.close(socket);
  assert.is(
    explain(program),
    `requests
   0  socket(AF_NETLINK, SOCK_RAW|SOCK_CLOEXEC, NETLINK_ROUTE) = r0
   1  sendto(r0, {RTM_SETLINK link 1: up true}, 32, 0, NULL, 0)
   2  recvfrom(r0, <acknowledgement>, 256, MSG_DONTWAIT, NULL, 0)
   3  expect 0 in <acknowledgement>+16 (or EEXIST)
   4  sendto(r0, {RTM_GETLINK "eth0"}, 44, 0, NULL, 0)
   5  recvfrom(r0, <buffer of 64>, 64, MSG_DONTWAIT, NULL, 0)
   6  close(r0) (or EBADF) always
`,
  );
});

netlink("the kernel's explanation is found behind a capped acknowledgement only", () => {
  const words = Buffer.from("No such port\0\0\0\0");
  const attribute = Buffer.concat([Buffer.from([4 + 13, 0, K.NLMSGERR_ATTR_MSG, 0]), words]);
  const answer = Buffer.concat([Buffer.alloc(16 + 4 + 16), attribute]);
  answer.writeUInt32LE(answer.length - 3, 0);
  answer.writeUInt16LE(K.NLMSG_ERROR, 4);
  answer.writeUInt16LE(K.NLM_F_CAPPED | K.NLM_F_ACK_TLVS, 6);
  assert.is(explanationOf(answer), "No such port");
  answer.writeUInt16LE(K.NLM_F_CAPPED, 6);
  assert.is(explanationOf(answer), "");
});

netlink("a real socket answers queries and refuses with a sentence, also without root", () => {
  using socket = new NetlinkSocket();
  const [reply] = socket.query("Cannot look up lo", getLink("lo"));
  assert.is(reply?.type, K.RTM_NEWLINK);
  assert.throws(
    () => socket.query("Cannot look up", getLink("nspod-none")),
    /^Cannot look up: the kernel refused RTM_GETLINK "nspod-none" with ENODEV \(/,
  );
  // A dump comes in pieces, and what an earlier one left unread is not mistaken for an answer.
  const [first] = socket.query("Cannot list links", dumpLinks()).map(decodeLink);
  assert.is(first?.name, "lo");
  const request = setLink(2 ** 31 - 1, { up: true });
  assert.throws(
    () => socket.request("Cannot change a link", request),
    /^Cannot change a link: the kernel refused RTM_SETLINK link 2147483647: up true with (ENODEV|EPERM) \(/,
  );
  socket.request("Cannot change a link", request, { tolerate: ["ENODEV", "EPERM"] });
});

netlink.run();
