import fc from "fast-check";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { isPodError } from "../../../src/base/errors.ts";
import { hostResolver, parseResolvConf, podResolver } from "../../../src/net/dns.ts";

const dns = suite("resolv.conf of a pod");

const host = parseResolvConf(`# made by hand
domain old.example
search corp.example lab.example
nameserver 10.0.0.53   ; first
nameserver 10.0.1.53
options ndots:2 edns0
sortlist 10.0.0.0
`);

dns("parseResolvConf() reads servers, the last search list and options", () => {
  assert.equal(host.nameservers, ["10.0.0.53", "10.0.1.53"]);
  assert.equal(host.searches, ["corp.example", "lab.example"]);
  assert.equal(
    [...host.options],
    [
      ["ndots", "2"],
      ["edns0", ""],
    ],
  );
  assert.equal(parseResolvConf("").nameservers, []);
});

dns("Default is the host's, and so is ClusterFirst where no name server of the cluster is", () => {
  const text = `search corp.example lab.example
nameserver 10.0.0.53
nameserver 10.0.1.53
options ndots:2 edns0
`;
  for (const policy of ["Default", "ClusterFirst", "ClusterFirstWithHostNet"] as const) {
    assert.equal(podResolver(policy, undefined, host), { text, warnings: [] });
  }
});

dns("ClusterFirst asks the cluster's server, in the pod's namespace first", () => {
  const cluster = { nameserver: "10.96.0.10", namespace: "web" };
  const text = `search web.svc.cluster.local svc.cluster.local cluster.local corp.example lab.example
nameserver 10.96.0.10
options ndots:5
`;
  for (const policy of ["ClusterFirst", "ClusterFirstWithHostNet"] as const) {
    assert.equal(podResolver(policy, undefined, host, cluster), { text, warnings: [] });
  }
  assert.match(podResolver("Default", undefined, host, cluster).text, "nameserver 10.0.0.53");
});

dns("None is dnsConfig alone", () => {
  const { text } = podResolver("None", { nameservers: ["1.1.1.1"], searches: ["a.b"] }, host);
  assert.is(text, "search a.b\nnameserver 1.1.1.1\n");
  assert.is(podResolver("None", { nameservers: [] }, host).text, "");
});

dns("dnsConfig is merged: servers and searches are added once, options replaced by name", () => {
  const { text } = podResolver(
    "Default",
    {
      nameservers: ["10.0.1.53", "fe80::1%eth0"],
      searches: ["lab.example", "x.example"],
      options: [{ name: "ndots", value: "5" }, { name: "rotate" }],
    },
    host,
  );
  assert.is(
    text,
    `search corp.example lab.example x.example
nameserver 10.0.0.53
nameserver 10.0.1.53
nameserver fe80::1%eth0
options ndots:5 edns0 rotate
`,
  );
});

dns("more than 3 servers, 32 searches or 2048 characters are cut with a warning", () => {
  const servers = ["1.1.1.1", "1.1.1.2", "1.1.1.3", "1.1.1.4"];
  const many = Array.from({ length: 40 }, (_, index) => `s${index}.example`);
  const cut = podResolver("None", { nameservers: servers, searches: many }, host);
  assert.is(cut.text.match(/^nameserver /gm)?.length, 3);
  assert.is(/^search (.*)$/m.exec(cut.text)?.[1]?.split(" ").length, 32);
  assert.match(cut.warnings[0] ?? "", "the applied nameserver line is: 1.1.1.1 1.1.1.2 1.1.1.3");
  assert.match(cut.warnings[1] ?? "", "some search paths have been omitted");
  const long = Array.from({ length: 20 }, (_, index) => `${"a".repeat(150)}.${index}`);
  const line = /^search (.*)$/m.exec(podResolver("None", { searches: long }, host).text)?.[1] ?? "";
  assert.ok(line.length <= 2048 && line.length > 1900, String(line.length));
});

dns("words that would be entries of their own are refused (NET-08)", () => {
  for (const config of [
    { searches: ["a\nnameserver 6.6.6.6"] },
    { searches: ["a b"] },
    { searches: [""] },
    { nameservers: ["1.1.1.1\nsearch evil"] },
    { nameservers: ["dns.example"] },
    { options: [{ name: "ndots", value: "5\nnameserver 6.6.6.6" }] },
    { options: [{ name: "a b" }] },
  ]) {
    assert.throws(
      () => podResolver("Default", config, host),
      (error: unknown) => isPodError(error, "InvalidArgument"),
    );
  }
});

dns("any text makes one line per entry or an error", () => {
  fc.assert(
    fc.property(fc.string(), (word) => {
      try {
        const { text } = podResolver("None", { searches: [word] }, host);
        assert.is(text, `search ${word}\n`);
        assert.is(text.split("\n").length, 2);
      } catch (error) {
        assert.ok(isPodError(error, "InvalidArgument"), String(error));
      }
    }),
  );
});

function files(content: Readonly<Record<string, string>>): (path: string) => string | undefined {
  return (path) => content[path];
}

const upstream = { "/run/systemd/resolve/resolv.conf": "nameserver 10.9.9.9\nsearch up.example\n" };

dns("hostResolver() takes systemd-resolved's upstreams for its stub", () => {
  const stub = { "/etc/resolv.conf": "nameserver 127.0.0.53\nsearch stub.example\n" };
  const found = hostResolver(false, files({ ...stub, ...upstream }));
  assert.equal(found.config.nameservers, ["10.9.9.9"]);
  assert.equal(found.config.searches, ["up.example"]);
  assert.equal(found.warnings, []);
  // In the host's namespace the stub works.
  const same = hostResolver(true, files({ ...stub, ...upstream }));
  assert.equal(same.config.nameservers, ["127.0.0.53"]);
});

dns("hostResolver() warns when a loopback server has no substitute", () => {
  const found = hostResolver(false, files({ "/etc/resolv.conf": "nameserver ::1\n" }));
  assert.equal(found.config.nameservers, []);
  assert.match(found.warnings[0] ?? "", /Nameserver ::1 .* names will not resolve/);
  const mixed = "nameserver 127.0.0.1\nnameserver 10.0.0.1\n";
  const partly = hostResolver(false, files({ "/etc/resolv.conf": mixed, ...upstream }));
  assert.equal(partly.config.nameservers, ["10.0.0.1"]);
  assert.match(partly.warnings[0] ?? "", /127\.0\.0\.1 .* was left out$/);
});

dns("hostResolver() lives with a host without the file", () => {
  assert.equal(hostResolver(false, files({})).config.nameservers, []);
});

dns.run();
