import { suite } from "uvu";
import * as assert from "uvu/assert";
import { answerInZone, type Zone, type ZoneService } from "../../../src/net/cluster-zone.ts";
import { codes, types } from "../../../src/net/dns-message.ts";
import { parseSubnet } from "../../../src/net/ipv4.ts";

const tcp = { name: "http", protocol: "TCP", port: 80 };
const services: Readonly<Record<string, ZoneService>> = {
  web: {
    name: "web",
    namespace: "default",
    clusterAddress: "10.96.0.7",
    ports: [tcp],
    endpoints: [{ address: "10.85.0.2" }],
  },
  db: {
    name: "db",
    namespace: "default",
    ports: [tcp],
    endpoints: [{ address: "10.85.0.3", hostname: "db-0" }, { address: "10.85.0.4" }],
  },
  empty: { name: "empty", namespace: "default", ports: [tcp], endpoints: [] },
  inside: {
    name: "inside",
    namespace: "default",
    externalName: "web.default.svc.cluster.local",
    ports: [],
    endpoints: [],
  },
  outside: {
    name: "outside",
    namespace: "default",
    externalName: "www.example.com",
    ports: [],
    endpoints: [],
  },
  loop: {
    name: "loop",
    namespace: "default",
    externalName: "loop.default.svc.cluster.local",
    ports: [],
    endpoints: [],
  },
};

const zone: Zone = {
  subnets: [parseSubnet("10.85.0.0/16"), parseSubnet("10.96.0.0/16")],
  service: (namespace, name) => (namespace === "default" ? services[name] : undefined),
  hasNamespace: (name) => name === "default",
  servicesOf: (address) =>
    Object.values(services).filter(
      ({ clusterAddress, endpoints }) =>
        clusterAddress === address ||
        (clusterAddress === undefined && endpoints.some((each) => each.address === address)),
    ),
};

/** The answer as words: the code, then each record. */
function ask(name: string, type: number): string {
  const answer = answerInZone(zone, name.split("."), type);
  if (answer === undefined) return "not ours";
  const words = answer.answers.map((record) => {
    if (record.type === "A") return record.address;
    if (record.type === "SRV") return `${record.port} ${record.target.join(".")}`;
    return "target" in record ? record.target.join(".") : record.type;
  });
  return [answer.code === codes.ok ? "ok" : answer.code, ...words].join(" ");
}

const test = suite("answerInZone()");
const domain = "default.svc.cluster.local";

test("names of Services are their virtual addresses", () => {
  assert.is(ask(`web.${domain}`, types.A), "ok 10.96.0.7");
  assert.is(ask(`web.${domain}`, types.AAAA), "ok");
  assert.is(ask(`_http._tcp.web.${domain}`, types.SRV), `ok 80 web.${domain}`);
});

test("headless Services are their endpoints, by host name or address", () => {
  assert.is(ask(`db.${domain}`, types.A), "ok 10.85.0.3 10.85.0.4");
  assert.is(ask(`db-0.db.${domain}`, types.A), "ok 10.85.0.3");
  assert.is(ask(`10-85-0-4.db.${domain}`, types.A), "ok 10.85.0.4");
  assert.is(
    ask(`_http._tcp.db.${domain}`, types.SRV),
    `ok 80 db-0.db.${domain} 80 10-85-0-4.db.${domain}`,
  );
});

test("aliases lead on, and never round", () => {
  assert.is(ask(`inside.${domain}`, types.A), `ok web.${domain} 10.96.0.7`);
  const away = answerInZone(zone, `outside.${domain}`.split("."), types.A);
  assert.equal(away?.alias, ["www", "example", "com"]);
});

test("what is not there is told from what has no such record", () => {
  for (const name of ["nobody", "a.web", "empty", "_ftp._tcp.web", "db-9.db"]) {
    assert.is(ask(`${name}.${domain}`, types.A), `${codes.noSuchName}`, name);
  }
  assert.is(ask("web.other.svc.cluster.local", types.A), `${codes.noSuchName}`);
  assert.is(ask("svc.cluster.local", types.A), "ok");
  assert.is(ask("www.example.com", types.A), "not ours");
});

test("addresses have names in our prefixes only", () => {
  assert.is(ask("7.0.96.10.in-addr.arpa", types.PTR), `ok web.${domain}`);
  assert.is(ask("3.0.85.10.in-addr.arpa", types.PTR), `ok db-0.db.${domain}`);
  assert.is(ask("9.9.85.10.in-addr.arpa", types.PTR), `${codes.noSuchName}`);
  assert.is(ask("8.8.8.8.in-addr.arpa", types.PTR), "not ours");
});

test("pods have the name of their address", () => {
  assert.is(ask("10-85-0-2.default.pod.cluster.local", types.A), "ok 10.85.0.2");
  assert.is(ask("10-85-0-256.default.pod.cluster.local", types.A), `${codes.noSuchName}`);
});

test("an alias of itself ends", () => {
  assert.match(ask(`loop.${domain}`, types.A), /^ok loop/);
});

test.run();
