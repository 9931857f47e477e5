import fc from "fast-check";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { attachmentFor, compileAttach, compileLoopback } from "../../../src/net/attach.ts";
import { bridgeMac, bridgeName } from "../../../src/net/bridge.ts";
import { explain } from "../../../src/sys/explain.ts";
import { Program } from "../../../src/sys/program.ts";
import { linkName, macBytes } from "../../../src/sys/rtnetlink.ts";

const attach = suite("a pod's link");
const gateway = { gateway: "10.85.0.1", prefixLength: 16 };

attach("name and MAC come from the address, are valid, and differ between pods", () => {
  fc.assert(
    fc.property(fc.ipV4(), fc.ipV4(), (address, other) => {
      const made = attachmentFor(address, { index: 4 }, gateway);
      assert.equal(attachmentFor(address, { index: 5 }, gateway), { ...made, bridgeIndex: 5 });
      assert.is(linkName(made.hostLink), made.hostLink);
      assert.is(made.hostLink.length, 15);
      // Locally administered, not a group address.
      assert.is((macBytes(made.mac)[0] ?? 0) & 3, 2);
      if (address === other) return;
      const second = attachmentFor(other, { index: 4 }, gateway);
      assert.is.not(second.hostLink, made.hostLink);
      assert.is.not(second.mac, made.mac);
    }),
  );
});

attach("the listing is what ip(8) would do, each step with its reason", () => {
  const program = new Program("pod");
  const attachment = attachmentFor("10.85.0.2", { index: 4, mtu: 1400 }, gateway);
  compileAttach(program, attachment, 21);
  const steps = explain(program)
    .split("\n")
    .filter((row) => row.includes("RTM_") && row.includes("sendto"))
    .map((row) => row.replace(/^ +\d+ {2}sendto\((\w+), (\{.*\}), .*?\) +/, "$1 $2 · "));
  const link = attachment.hostLink;
  assert.equal(steps, [
    `21 {RTM_NEWLINK veth "${link}" with peer "eth0"} · network: the pod's link eth0`,
    `21 {RTM_NEWLINK bridge port "${link}": hairpin on} · network: the pod's link eth0`,
    "r0 {RTM_SETLINK link 1: up true} · network: loopback",
    'r0 {RTM_GETLINK "eth0"} · network: address 10.85.0.2',
    "r0 {RTM_SETLINK link r1: up true} · network: address 10.85.0.2",
    "r0 {RTM_NEWADDR 10.85.0.2/16 on link r1} · network: address 10.85.0.2",
    "r0 {RTM_NEWROUTE default via 10.85.0.1 on link r1} · network: default route",
  ]);
});

attach("registers are given back: many pods' worth of attachments fit one program", () => {
  const program = new Program("pod", 8);
  for (let round = 0; round < 40; round++) {
    compileAttach(program, attachmentFor(`10.85.1.${round}`, { index: 4 }, gateway), 21);
    compileLoopback(program);
  }
  assert.is(program.encode().readUInt32LE(8), program.operations.length);
});

attach("the bridge's MAC depends on its name only", () => {
  assert.is(bridgeMac("nspod0"), bridgeMac("nspod0"));
  assert.is.not(bridgeMac("nspod0"), bridgeMac("nspod1"));
  assert.is(macBytes(bridgeMac("nspod0"))[0], 2);
});

attach("names of bridges are safe in paths and packet rules", () => {
  for (const good of ["nspod0", "a", "br-1_x"]) assert.is(bridgeName(good), good);
  for (const bad of [
    "",
    "0a",
    "a.b",
    "a/b",
    "..",
    'a"b',
    "a b",
    "a".repeat(16),
    "a;flush ruleset",
  ]) {
    assert.throws(() => bridgeName(bad), /cannot be the name of a bridge/);
  }
});

attach.run();
