import { suite } from "uvu";
import * as assert from "uvu/assert";
import { changedTable, type ServiceRoute, serviceTable } from "../../../src/net/service-table.ts";

const network = { subnet: "10.85.0.0/16" };

function route(more: Partial<ServiceRoute> = {}): ServiceRoute {
  return {
    id: "default/web:",
    protocol: "TCP",
    clusterAddress: "10.96.0.7",
    port: 80,
    externalAddresses: [],
    nodePorts: [],
    endpoints: [{ address: "10.85.0.2", port: 8080 }],
    ...more,
  };
}

const two = [
  { address: "10.85.0.2", port: 8080 },
  { address: "10.85.0.3", port: 8080 },
];

const table = suite("serviceTable()");

table("leads an address and a port to one of the endpoints", () => {
  const { chains, maps } = serviceTable([route({ endpoints: two, nodePorts: [30_080] })], network);
  const [[name, rules] = ["", []]] = chains;
  assert.equal(rules, [
    "meta l4proto tcp dnat ip to numgen random mod 2 map { 0 : 10.85.0.2 . 8080, 1 : 10.85.0.3 . 8080 }",
  ]);
  assert.equal([...maps.cluster_ips], [["10.96.0.7 . tcp . 80", `goto ${name}`]]);
  assert.equal([...maps.node_ports], [["tcp . 30080", `goto ${name}`]]);
  assert.is(maps.outside.size, 0);
});

table("keeps clients with their endpoint, each with a set of its own", () => {
  const { chains, clients } = serviceTable(
    [route({ endpoints: two, affinitySeconds: 60 })],
    network,
  );
  assert.equal([...clients.values()], [60, 60]);
  assert.is(chains.size, 3);
  const rules = [...chains.values()].flat();
  for (const name of clients.keys()) {
    assert.ok(rules.includes(`update @${name} { ip saddr }`));
    assert.ok(rules.includes(`ip saddr @${name} goto ${name.replace("aff_", "ep_")}`));
  }
});

table("refuses without endpoints, and masks what is no pod", () => {
  const { chains, maps } = serviceTable(
    [
      route({ endpoints: [], externalAddresses: ["192.0.2.1"] }),
      route({ id: "b", port: 81, endpoints: [{ address: "198.51.100.9", port: 1 }] }),
    ],
    network,
  );
  assert.is(chains.size, 1);
  assert.equal([...maps.refused.keys()], ["192.0.2.1 . tcp . 80"]);
  assert.equal([...maps.outside.keys()], ["198.51.100.9 . 1"]);
});

table("gives what two want to the first", () => {
  const { maps } = serviceTable(
    [route({ nodePorts: [80] }), route({ id: "other", nodePorts: [80] })],
    network,
  );
  assert.is(maps.node_ports.size, 1);
});

table("takes nothing into rules that is no address", () => {
  const endpoints = [{ address: "1.2.3.4 ; flush ruleset", port: 1 }];
  assert.throws(() => serviceTable([route({ endpoints })], network), /not an IPv4 address/);
  const [name = ""] = serviceTable([route({ id: 'a"; flush ruleset' })], network).chains.keys();
  assert.match(name, /^svc_[0-9a-f]{16}$/);
});

table.run();

const changed = suite("changedTable()");

changed("says nothing when nothing differs", () => {
  const state = serviceTable([route()], network);
  assert.is(changedTable("t", state, serviceTable([route()], network)), "");
});

changed("rewrites the chain of an endpoint that leaves, and keeps its elements", () => {
  const before = serviceTable([route({ endpoints: two })], network);
  const commands = changedTable("t", before, serviceTable([route()], network)).split("\n");
  assert.is(commands.length, 2);
  assert.match(commands[0] ?? "", /^flush chain ip t svc_/);
  assert.match(commands[1] ?? "", /dnat to 10\.85\.0\.2:8080$/);
});

changed("takes elements out before the chains that they lead to", () => {
  const before = serviceTable([route({ affinitySeconds: 9 })], network);
  const commands = changedTable("t", before, serviceTable([], network)).split("\n");
  const words = commands.map((line) => line.split(" ").slice(0, 2).join(" "));
  assert.is(words.indexOf("delete element"), 0);
  assert.ok(words.lastIndexOf("flush chain") < words.indexOf("delete chain"));
  assert.is(words.at(-1), "delete set");
});

changed.run();
