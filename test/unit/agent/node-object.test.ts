import { suite } from "uvu";
import * as assert from "uvu/assert";
import { nodeNameOf } from "../../../src/agent/node-facts.ts";
import {
  heartbeatMs,
  isSameNode,
  type NodeFacts,
  nodeObject,
} from "../../../src/agent/node-object.ts";
import type { Node } from "../../../src/spec/kubernetes.gen.ts";

const gibi = 2 ** 30;

function facts(levels: Partial<NodeFacts["levels"]> = {}, nowMs = 0): NodeFacts {
  return {
    name: "n1",
    machine: {
      hostname: "N1",
      architecture: "amd64",
      kernel: "6.1.0-13-amd64",
      bootId: "boot",
      machineId: "machine",
      systemUuid: "system",
      osImage: "Debian",
      processors: 4,
      memoryBytes: 8 * gibi,
    },
    levels: {
      diskBytes: 100 * gibi,
      freeDiskBytes: 50 * gibi,
      files: 1000,
      freeFiles: 900,
      freeMemoryBytes: 4 * gibi,
      threads: 100,
      maxThreads: 32_768,
      hugePages: new Map([[2 ** 21, 2 ** 28]]),
      ...levels,
    },
    volumesFolder: "/root/volumes",
    address: "192.0.2.1",
    podCidr: "10.85.0.0/16",
    maxPods: 500,
    version: "0.1.0",
    images: [
      { names: ["small"], sizeBytes: 1 },
      { names: ["large"], sizeBytes: 2 },
    ],
    nowMs,
  };
}

const status = ({ status: of }: Node, type: string): string | undefined =>
  of?.conditions?.find((condition) => condition.type === type)?.status;

const object = suite("nodeObject()");

object("says what the machine has", () => {
  const node = nodeObject(facts(), undefined);
  assert.equal(node.status?.capacity, {
    cpu: "4",
    "ephemeral-storage": "100Gi",
    "hugepages-2Mi": "256Mi",
    memory: "8Gi",
    pods: "500",
  });
  assert.is(node.status?.allocatable?.["memory"], "7936Mi");
  assert.equal(
    node.status?.images?.map(({ names }) => names?.[0]),
    ["large", "small"],
  );
  assert.is(node.metadata.labels?.["node-role.kubernetes.io/control-plane"], "");
  assert.equal(
    node.status?.runtimeHandlers?.map(({ name, features }) => [name, features?.userNamespaces]),
    [
      ["", false],
      ["nspod", false],
      ["runc", false],
    ],
  );
});

const shortages: readonly (readonly [string, Partial<NodeFacts["levels"]>])[] = [
  ["MemoryPressure", { freeMemoryBytes: 90 * 2 ** 20 }],
  ["DiskPressure", { freeDiskBytes: 2 ** 28 }],
  ["DiskPressure", { freeFiles: 9 }],
  ["PIDPressure", { threads: 32_700 }],
];

for (const [type, levels] of shortages) {
  object(`${type}: ${Object.keys(levels).join()} is short until there is enough again`, () => {
    const fine = nodeObject(facts(), undefined);
    assert.is(status(fine, type), "False");
    const short = nodeObject(facts(levels, 60_000), fine);
    assert.is(status(short, type), "True");
    assert.is(status(nodeObject(facts({}, 120_000), short), type), "False");
  });
}

object("a file system that does not count files is not full", () => {
  assert.is(
    status(nodeObject(facts({ files: 0, freeFiles: 0 }), undefined), "DiskPressure"),
    "False",
  );
});

object("keeps what others have set: labels, devices, conditions, the cordon", () => {
  const first = nodeObject(facts(), undefined);
  const { "node-role.kubernetes.io/control-plane": _, ...labels } = first.metadata.labels ?? {};
  const changed: Node = {
    ...first,
    metadata: { ...first.metadata, labels: { ...labels, disk: "ssd" } },
    spec: { ...first.spec, unschedulable: true },
    status: {
      ...first.status,
      capacity: { ...first.status?.capacity, "example.com/gpu": "2" },
      conditions: [...(first.status?.conditions ?? []), { type: "Own", status: "True" }],
    },
  };
  const next = nodeObject(facts(), changed);
  assert.is(next.metadata.labels?.["disk"], "ssd");
  assert.is(next.metadata.labels?.["node-role.kubernetes.io/control-plane"], undefined);
  assert.is(next.spec?.unschedulable, true);
  assert.is(next.status?.allocatable?.["example.com/gpu"], "2");
  assert.is(status(next, "Own"), "True");
});

object("a heartbeat alone is no difference, and comes every five minutes", () => {
  const first = nodeObject(facts(), undefined);
  const heartbeat = (node: Node) => node.status?.conditions?.[0]?.lastHeartbeatTime;
  const soon = nodeObject(facts({}, heartbeatMs - 1), first);
  assert.ok(isSameNode(first, soon));
  assert.is(heartbeat(soon), heartbeat(first));
  const later = nodeObject(facts({}, heartbeatMs), first);
  assert.ok(isSameNode(first, later));
  assert.is(heartbeat(later), "1970-01-01T00:05:00Z");
  assert.not(isSameNode(first, nodeObject(facts({ diskBytes: gibi }), first)));
});

object.run();

const names = suite("nodeNameOf()");

for (const [host, name] of [
  ["web", "web"],
  ["Web_1.Example.ORG", "web-1.example.org"],
  ["-a-.-b-", "a.b"],
  ["ÄÖ", "node"],
  [`${"a".repeat(62)}..b`, "a".repeat(62)],
] as const) {
  names(`${host.slice(0, 20)} becomes ${name.slice(0, 20)}`, () => {
    assert.is(nodeNameOf(host), name);
  });
}

names.run();
