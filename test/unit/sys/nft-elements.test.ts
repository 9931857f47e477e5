import fc from "fast-check";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { isPodError } from "../../../src/base/errors.ts";
import { K } from "../../../src/sys/abi.ts";
import { decodeAttributes, decodeMessages } from "../../../src/sys/netlink.ts";
import {
  type ElementChange,
  encodeElementChanges,
  keyBytes,
} from "../../../src/sys/nft-elements.ts";

const elements = suite("elements of packet rules");

const change: ElementChange = {
  family: "bridge",
  table: "nspod_x",
  set: "pods",
  key: Buffer.alloc(28, 7),
  comment: "uid-1",
  isGone: false,
};

const nfgenmsg = 4;

function attributesOf(payload: Buffer): ReadonlyMap<number, Buffer> {
  return decodeAttributes(payload.subarray(nfgenmsg));
}

function child(parent: ReadonlyMap<number, Buffer>, type: number): ReadonlyMap<number, Buffer> {
  return decodeAttributes(parent.get(type) ?? Buffer.alloc(0));
}

elements(
  "a transaction is one datagram: begin, the changes, end, numbered one after the other",
  () => {
    const messages = decodeMessages(
      encodeElementChanges([change, { ...change, isGone: true }], 40, 9),
    );
    const nft = K.NFNL_SUBSYS_NFTABLES << 8;
    assert.equal(
      messages.map(({ type, sequence, flags }) => [type, sequence, flags]),
      [
        [K.NFNL_MSG_BATCH_BEGIN, 40, K.NLM_F_REQUEST],
        [nft | K.NFT_MSG_NEWSETELEM, 41, K.NLM_F_REQUEST | K.NLM_F_ACK | K.NLM_F_CREATE],
        [nft | K.NFT_MSG_DELSETELEM, 42, K.NLM_F_REQUEST | K.NLM_F_ACK],
        [K.NFNL_MSG_BATCH_END, 43, K.NLM_F_REQUEST],
      ],
    );
    const [begin, added] = messages;
    assert.equal([...(begin?.payload.subarray(0, 4) ?? [])], [0, 0, 0, K.NFNL_SUBSYS_NFTABLES]);
    assert.is(
      attributesOf(begin?.payload ?? Buffer.alloc(4))
        .get(K.NFNL_BATCH_GENID)
        ?.readUInt32BE(0),
      9,
    );
    assert.is(added?.payload[0], K.NFPROTO_BRIDGE);
  },
);

elements("key, value and comment are where the kernel looks for them", () => {
  const map = { ...change, family: "ip" as const, value: Buffer.from([1, 2, 3, 4]) };
  const [, added] = decodeMessages(encodeElementChanges([map], 1));
  const list = attributesOf(added?.payload ?? Buffer.alloc(4));
  assert.is(list.get(K.NFTA_SET_ELEM_LIST_TABLE)?.toString(), "nspod_x\0");
  assert.is(list.get(K.NFTA_SET_ELEM_LIST_SET)?.toString(), "pods\0");
  const element = child(child(list, K.NFTA_SET_ELEM_LIST_ELEMENTS), K.NFTA_LIST_ELEM);
  assert.equal(child(element, K.NFTA_SET_ELEM_KEY).get(K.NFTA_DATA_VALUE), map.key);
  assert.equal(child(element, K.NFTA_SET_ELEM_DATA).get(K.NFTA_DATA_VALUE), map.value);
  assert.is(element.get(K.NFTA_SET_ELEM_USERDATA)?.toString("latin1"), "\0\x06uid-1\0");
});

elements("an element that goes is named by its key alone", () => {
  const [, gone] = decodeMessages(encodeElementChanges([{ ...change, isGone: true }], 1));
  const list = attributesOf(gone?.payload ?? Buffer.alloc(4));
  const element = child(child(list, K.NFTA_SET_ELEM_LIST_ELEMENTS), K.NFTA_LIST_ELEM);
  assert.equal([...element.keys()], [K.NFTA_SET_ELEM_KEY]);
});

elements("parts of keys are padded to four bytes each", () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ minLength: 1, maxLength: 20 })), (parts) => {
      const bytes = keyBytes(parts);
      let at = 0;
      for (const part of parts) {
        assert.equal(new Uint8Array(bytes.subarray(at, at + part.length)), part);
        at += 4 * Math.ceil(part.length / 4);
      }
      assert.is(bytes.length, at);
    }),
  );
});

elements("a comment that does not fit its length is refused", () => {
  const long = { ...change, comment: "x".repeat(255) };
  assert.throws(
    () => encodeElementChanges([long], 1),
    (error: unknown) => isPodError(error, "InvalidArgument"),
  );
});

elements.run();
