import { suite } from "uvu";
import * as assert from "uvu/assert";
import { describeProbe } from "../../../src/cli/describe-probe.ts";
import { failedProbes } from "../../../src/cli/failed-probes.ts";
import type { Event } from "../../../src/spec/event.ts";
import type { ContainerStatus, Pod } from "../../../src/spec/pod.ts";

function status(name: string, ready: boolean): ContainerStatus {
  const state = { running: { startedAt: "2026-01-01T00:00:00Z" } };
  return { name, ready, state, restartCount: 0, image: "", imageID: "" };
}

function pod(...containerStatuses: readonly ContainerStatus[]): Pod {
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name: "web", namespace: "default", uid: "u" },
    spec: { containers: [] },
    status: { phase: "Running", containerStatuses },
  };
}

function unhealthy(container: string, second: number, message: string, count = 1): Event {
  const time = `2026-01-01T00:00:0${second}Z`;
  return {
    apiVersion: "v1",
    kind: "Event",
    metadata: { name: "e", namespace: "default", uid: "e" },
    involvedObject: { fieldPath: `spec.containers{${container}}` },
    type: "Warning",
    reason: "Unhealthy",
    message,
    source: {},
    firstTimestamp: time,
    lastTimestamp: time,
    count,
    reportingComponent: "kubelet",
    reportingInstance: "node",
  };
}

const failed = suite("failedProbes()");

failed("names the newest failure of each container that is not ready", () => {
  const events = [
    unhealthy("a", 3, "Readiness probe failed: new\n", 2),
    unhealthy("a", 1, "Readiness probe failed: old"),
    unhealthy("ready", 2, "Readiness probe failed: over"),
  ];
  assert.equal(failedProbes(pod(status("a", false), status("ready", true)), events), [
    'Container "a": Readiness probe failed: new (2 times)',
  ]);
});

failed("says nothing of what has no failed probe", () => {
  const restarted = { ...status("a", false), state: { waiting: { reason: "CrashLoopBackOff" } } };
  const events = [unhealthy("a", 1, "Liveness probe failed: x")];
  assert.equal(failedProbes(pod(restarted, status("b", false)), events), []);
});

failed.run();

const describe = suite("describeProbe()");

describe("writes every handler as kubectl does", () => {
  const rest = "delay=0s timeout=1s period=10s #success=1 #failure=3";
  assert.is(
    describeProbe({ httpGet: { path: "/healthz", port: "web", scheme: "HTTPS" } }),
    `http-get https://:web/healthz ${rest}`,
  );
  assert.is(describeProbe({ exec: { command: ["cat", "/tmp/ok"] } }), `exec [cat /tmp/ok] ${rest}`);
  assert.is(describeProbe({ tcpSocket: { host: "h", port: 80 } }), `tcp-socket h:80 ${rest}`);
  assert.is(describeProbe({ grpc: { port: 1, service: "db" } }), `grpc <pod>:1 db ${rest}`);
  assert.is(
    describeProbe({
      tcpSocket: { port: 80 },
      initialDelaySeconds: 5,
      timeoutSeconds: 2,
      periodSeconds: 3,
      successThreshold: 4,
      failureThreshold: 6,
    }),
    "tcp-socket :80 delay=5s timeout=2s period=3s #success=4 #failure=6",
  );
});

describe.run();
