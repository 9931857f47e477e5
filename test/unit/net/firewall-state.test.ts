import { suite } from "uvu";
import * as assert from "uvu/assert";
import { elementChange, publishedPort, splitRuleset } from "../../../src/net/firewall-state.ts";
import { nftablesError } from "../../../src/sys/nftables.ts";

const state = suite("splitRuleset()");

// As libnftables 1.0.6 lists it.
const map = {
  family: "ip",
  name: "any_port",
  table: "nspod_nspod0",
  type: ["inet_proto", "inet_service"],
  handle: 9,
  map: "ipv4_addr . inet_service",
};
const element = [
  { elem: { val: { concat: ["tcp", 8080] }, comment: "uid-1" } },
  { concat: ["10.99.0.2", 80] },
];

state("an element of a map says which port it publishes", () => {
  const [found] = splitRuleset([{ map: { ...map, elem: [element] } }]).elements;
  assert.ok(found);
  if (found === undefined) return;
  const port = { hostPort: 8080, containerPort: 80, protocol: "TCP" } as const;
  assert.equal(publishedPort(found), port);
  const one = { ...found, store: "host_port", key: "10.0.0.1 . udp . 53" } as const;
  assert.equal(publishedPort(one), { ...port, hostIP: "10.0.0.1", hostPort: 53, protocol: "UDP" });
  assert.is(publishedPort({ store: "ports", key: '"veth1"', podUid: "uid-1" }), undefined);
});

state("elements of maps and sets come out as they are written", () => {
  const { elements } = splitRuleset([
    { table: { family: "ip", name: "nspod_nspod0", handle: 1 } },
    { map: { ...map, elem: [element] } },
    {
      set: { name: "ports", type: "ifname", elem: [{ elem: { val: "veth1", comment: "uid-1" } }] },
    },
    {
      set: {
        name: "pods",
        type: ["ifname", "ether_addr", "ipv4_addr"],
        elem: [
          {
            elem: {
              val: { concat: ["veth1", "02:00:00:00:00:01", "10.99.0.2"] },
              comment: "uid-1",
            },
          },
        ],
      },
    },
  ]);
  assert.equal(elements, [
    { store: "any_port", key: "tcp . 8080", value: "10.99.0.2 . 80", podUid: "uid-1" },
    { store: "ports", key: '"veth1"', podUid: "uid-1" },
    { store: "pods", key: '"veth1" . 02:00:00:00:00:01 . 10.99.0.2', podUid: "uid-1" },
  ]);
});

state("an element without comment is not ours", () => {
  const set = { name: "ports", type: "ifname", elem: ["veth1"] };
  assert.equal(splitRuleset([{ set }]).elements, [{ store: "ports", key: '"veth1"', podUid: "" }]);
});

state("rules do not depend on handles, counters and elements, but on everything else", () => {
  const rule = {
    chain: "prerouting",
    handle: 4,
    expr: [{ counter: { packets: 1, bytes: 60 } }, { drop: null }],
  };
  const { rules } = splitRuleset([{ map: { ...map, elem: [element] } }, { rule }]);
  const moved = {
    ...rule,
    handle: 17,
    expr: [{ counter: { packets: 9, bytes: 540 } }, { drop: null }],
  };
  assert.is(splitRuleset([{ map: { ...map, handle: 2 } }, { rule: moved }]).rules, rules);
  const opened = { ...rule, expr: [{ accept: null }] };
  assert.is.not(splitRuleset([{ map }, { rule: opened }]).rules, rules);
  assert.is.not(splitRuleset([{ map }]).rules, rules);
});

state("nftablesError() makes one sentence and a kind", () => {
  const error = nftablesError(
    "Cannot publish",
    "Error: Could not process rule: File exists\nadd element x\n  ^^^\nError: Could not process rule: File exists\n",
  );
  assert.is(error.message, "Cannot publish: nftables: Could not process rule: File exists");
  assert.is(error.kind, "AlreadyExists");
  const placed = nftablesError(
    "Cannot write",
    "<stdin>:3:1-9: Error: syntax error, unexpected x\n",
  );
  assert.equal(
    [placed.message, placed.kind],
    ["Cannot write: nftables: syntax error, unexpected x", "Internal"],
  );
  assert.is(nftablesError("Cannot write", "").message, "Cannot write: nftables: no reason given");
});

state("an element's words become the kernel's bytes, by the types of its set", () => {
  const bytes = (store: "pods" | "host_port", key: string, value?: string): string[] => {
    const words = { store, key, podUid: "uid-1", ...(value === undefined ? {} : { value }) };
    const change = elementChange("nspod_x", words, false);
    assert.is(change.family, store === "pods" ? "bridge" : "ip");
    return [change.key, change.value ?? Buffer.alloc(0)].map((part) =>
      Buffer.from(part).toString("hex"),
    );
  };
  assert.equal(bytes("pods", '"veth1" . 02:00:00:00:00:01 . 10.99.0.2'), [
    `7665746831${"00".repeat(11)}0200000000010000` + "0a630002",
    "",
  ]);
  assert.equal(bytes("host_port", "192.0.2.1 . udp . 8080", "10.99.0.2 . 80"), [
    "c0000201" + "11000000" + "1f900000",
    "0a630002" + "00500000",
  ]);
});

state.run();
