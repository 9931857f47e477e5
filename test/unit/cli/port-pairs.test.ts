import { suite } from "uvu";
import * as assert from "uvu/assert";
import { parseAddresses, parsePortPair } from "../../../src/cli/port-pairs.ts";
import type { Service } from "../../../src/spec/kubernetes.gen.ts";
import type { Pod } from "../../../src/spec/pod.ts";

const pod = {
  metadata: { name: "web", namespace: "default" },
  spec: {
    containers: [{ name: "main", ports: [{ name: "http", containerPort: 8080 }] }],
    initContainers: [{ name: "side", ports: [{ name: "stats", containerPort: 9000 }] }],
  },
} as unknown as Pod;

const pairs = suite("parsePortPair()");

pairs("reads numbers, names, and a free local port", () => {
  const expected: Readonly<Record<string, readonly [number, number]>> = {
    "80": [80, 80],
    "8080:80": [8080, 80],
    ":80": [0, 80],
    "0:80": [0, 80],
    http: [8080, 8080],
    "1:stats": [1, 9000],
    ":http": [0, 8080],
  };
  for (const [text, [local, remote]] of Object.entries(expected)) {
    assert.equal(parsePortPair(text, pod), { local, remote }, text);
  }
});

pairs("refuses what is no pair, with the part that is wrong", () => {
  for (const [text, message] of [
    ["", /invalid port format ""/],
    ["80:", /invalid port format "80:"/],
    ["1:2:3", /invalid port format/],
    ["0", /remote port: must be a number from 1 to 65535: got "0"/],
    ["65536", /remote port/],
    ["x:80", /local port: must be a number from 0 to 65535: got "x"/],
    ["-1:80", /local port/],
    ["8080:https", /does not have a named port "https"/],
  ] as const) {
    assert.throws(() => parsePortPair(text, pod), message);
  }
});

pairs("leads a port of a Service where that leads", () => {
  const service = {
    metadata: { name: "front" },
    spec: { ports: [{ name: "web", port: 80, targetPort: "http" }, { port: 9000 }] },
  } as unknown as Service;
  assert.equal(parsePortPair("80", pod, service), { local: 80, remote: 8080 });
  assert.equal(parsePortPair("1:web", pod, service), { local: 1, remote: 8080 });
  assert.equal(parsePortPair(":9000", pod, service), { local: 0, remote: 9000 });
  assert.throws(
    () => parsePortPair("8080", pod, service),
    'Service "front" does not have a port "8080": it has 80 (web), 9000',
  );
});

pairs.run();

const addresses = suite("parseAddresses()");

addresses("localhost is both addresses, each address counts once", () => {
  assert.equal(parseAddresses(["localhost"]), ["127.0.0.1", "::1"]);
  assert.equal(parseAddresses(["10.0.0.1, localhost", "127.0.0.1"]), [
    "10.0.0.1",
    "127.0.0.1",
    "::1",
  ]);
  assert.throws(() => parseAddresses([","]), /--address/);
});

addresses.run();
