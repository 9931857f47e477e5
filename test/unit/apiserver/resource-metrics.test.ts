// The names and the form that metrics-server asks a kubelet for.
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { resourceMetrics } from "../../../src/apiserver/resource-metrics.ts";
import { statsSummary } from "../../../src/apiserver/stats-summary.ts";
import type { MachineUsage, PodUsage } from "../../../src/pod/pod-meter.ts";

const machine: MachineUsage = {
  name: "n1",
  timeMs: 1_700_000_000_123.4,
  windowMs: 10,
  cpuMillis: 1500,
  cpuMicroseconds: 2_500_000,
  memoryBytes: 4096,
  availableBytes: 1024,
};

const memory = { currentBytes: 2000, workingSetBytes: 1000 };

const pod: PodUsage = {
  name: "web",
  namespace: "default",
  uid: "1",
  labels: {},
  timeMs: 1_700_000_001_000,
  windowMs: 10,
  total: { cpuMicroseconds: 700, cpuMillis: 3, memory },
  containers: [
    { name: "main", startedAtMs: 1_600_000_000_500, cpuMicroseconds: 500, memory },
    { name: "side", startedAtMs: 1_600_000_000_000 },
  ],
  network: { receivedBytes: 7, sentBytes: 9 },
};

const resource = suite("resourceMetrics()");

resource("tells of the node, its pods and their containers", () => {
  const lines = resourceMetrics(machine, [pod]).split("\n");
  assert.equal(
    lines.filter((line) => !line.startsWith("#")),
    [
      'container_cpu_usage_seconds_total{container="main",namespace="default",pod="web"} 0.0005 1700000001000',
      'container_memory_working_set_bytes{container="main",namespace="default",pod="web"} 1000 1700000001000',
      'container_start_time_seconds{container="main",namespace="default",pod="web"} 1600000000.5',
      'container_start_time_seconds{container="side",namespace="default",pod="web"} 1600000000',
      "node_cpu_usage_seconds_total 2.5 1700000000123",
      "node_memory_working_set_bytes 4096 1700000000123",
      'pod_cpu_usage_seconds_total{namespace="default",pod="web"} 0.0007 1700000001000',
      'pod_memory_working_set_bytes{namespace="default",pod="web"} 1000 1700000001000',
      "resource_scrape_error 0",
      "",
    ],
  );
  assert.is(lines[1], "# TYPE container_cpu_usage_seconds_total counter");
});

resource("has no families without samples", () => {
  const text = resourceMetrics(machine, []);
  assert.not.match(text, /container_|pod_/);
  assert.match(
    text,
    /^# HELP node_cpu_usage_seconds_total .*\n# TYPE node_cpu_usage_seconds_total counter\n/,
  );
});

resource.run();

const summary = suite("statsSummary()");

summary("tells the same in the kubelet's words", () => {
  const time = "2023-11-14T22:13:20.123Z";
  const podTime = "2023-11-14T22:13:21.000Z";
  assert.equal(statsSummary(machine, [pod]), {
    node: {
      nodeName: "n1",
      cpu: { time, usageNanoCores: 1_500_000_000, usageCoreNanoSeconds: 2_500_000_000 },
      memory: { time, availableBytes: 1024, workingSetBytes: 4096 },
    },
    pods: [
      {
        podRef: { name: "web", namespace: "default", uid: "1" },
        cpu: { time: podTime, usageNanoCores: 3_000_000, usageCoreNanoSeconds: 700_000 },
        memory: { time: podTime, workingSetBytes: 1000 },
        network: { time: podTime, name: "eth0", rxBytes: 7, txBytes: 9 },
        containers: [
          {
            name: "main",
            startTime: "2020-09-13T12:26:40.500Z",
            cpu: { time: podTime, usageCoreNanoSeconds: 500_000 },
            memory: { time: podTime, workingSetBytes: 1000 },
          },
          { name: "side", startTime: "2020-09-13T12:26:40.000Z", cpu: { time: podTime } },
        ],
      },
    ],
  });
});

summary.run();
