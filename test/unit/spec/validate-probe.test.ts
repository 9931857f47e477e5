import { suite } from "uvu";
import * as assert from "uvu/assert";
import { decodePod } from "../../../src/spec/decode-json.ts";
import { defaultPod } from "../../../src/spec/default-pod.ts";
import type { Container } from "../../../src/spec/pod.ts";
import { validatePod } from "../../../src/spec/validate-pod.ts";

type Json = Record<string, unknown>;

const web: Json = { name: "web", image: "web:1", ports: [{ name: "http", containerPort: 80 }] };

function withDefaults(spec: Json): ReturnType<typeof defaultPod> {
  const metadata = { name: "web" };
  const pod = decodePod({ apiVersion: "v1", kind: "Pod", metadata, spec });
  return defaultPod(pod, { randomSuffix: () => "x7k2p" });
}

function complaints(fields: Json, spec: Json = {}): string[] {
  const pod = withDefaults({ containers: [{ ...web, ...fields }], ...spec });
  return validatePod(pod).map(({ path, message }) =>
    `${path}: ${message}`.replace(/^spec\.containers\[0\]\./, ""),
  );
}

function defaulted(fields: Json): Container | undefined {
  return withDefaults({ containers: [{ ...web, ...fields }] }).spec.containers[0];
}

const exec = { command: ["true"] };
const probes = suite("validateProbes()");

probes("takes every kind of probe and hook", () => {
  assert.equal(
    complaints({
      startupProbe: { exec },
      livenessProbe: { grpc: { port: 5000 }, terminationGracePeriodSeconds: 1 },
      readinessProbe: { tcpSocket: { port: "80", host: "10.0.0.1" }, successThreshold: 3 },
      lifecycle: {
        postStart: {
          httpGet: { port: "http", httpHeaders: [{ name: "X-A", value: "b c" }] },
        },
        preStop: { sleep: { seconds: 0 } },
      },
    }),
    [],
  );
});

probes("wants exactly one handler", () => {
  assert.equal(complaints({ livenessProbe: {}, lifecycle: { preStop: {} } }), [
    "livenessProbe: must have one of exec, httpGet, tcpSocket, grpc",
    "lifecycle.preStop: must have one of exec, httpGet, sleep, tcpSocket",
  ]);
  assert.equal(complaints({ livenessProbe: { exec, tcpSocket: { port: 1 } } }), [
    "livenessProbe.tcpSocket: must not be set beside exec",
  ]);
});

probes("checks ranges and thresholds", () => {
  assert.equal(
    complaints({
      livenessProbe: { exec, periodSeconds: -1, successThreshold: 2 },
      readinessProbe: { exec, terminationGracePeriodSeconds: 5 },
      startupProbe: { exec, terminationGracePeriodSeconds: 0 },
    }),
    [
      "startupProbe.terminationGracePeriodSeconds: must be at least 1: got 0",
      "livenessProbe.periodSeconds: must not be negative: got -1",
      "livenessProbe.successThreshold: must be 1 here: got 2",
      "readinessProbe.terminationGracePeriodSeconds: must not be set: this probe ends nothing",
    ],
  );
});

probes("wants ports that the container has", () => {
  assert.equal(complaints({ livenessProbe: { httpGet: { port: "htpp" } } }), [
    'livenessProbe.httpGet.port: must be a port number or the name of a port of this container (it has "http"): got "htpp"',
  ]);
  assert.equal(complaints({ livenessProbe: { tcpSocket: { port: 0 } } }), [
    "livenessProbe.tcpSocket.port: must be between 1 and 65535: got 0",
  ]);
  assert.equal(complaints({ livenessProbe: { grpc: { port: 65_536 } } }), [
    "livenessProbe.grpc.port: must be between 1 and 65535: got 65536",
  ]);
});

probes("wants commands, headers and hosts that can be sent", () => {
  const httpHeaders = [
    { name: "a b", value: "x" },
    { name: "A", value: "x\r\nB: y" },
  ];
  assert.equal(
    complaints({
      readinessProbe: { exec: { command: [] } },
      lifecycle: { postStart: { httpGet: { port: 80, host: "a/b", httpHeaders } } },
    }),
    [
      "readinessProbe.exec.command: must have at least the program",
      'lifecycle.postStart.httpGet.host: must be a host name or an IP address: got "a/b"',
      'lifecycle.postStart.httpGet.httpHeaders[0].name: must be the name of an HTTP header: got "a b"',
      'lifecycle.postStart.httpGet.httpHeaders[1].value: must be one line of Latin-1 text: got "x\\r\\nB: y"',
    ],
  );
});

probes("lets a hook sleep at most for the grace period", () => {
  const lifecycle = { preStop: { sleep: { seconds: 31 } } };
  assert.equal(complaints({ lifecycle }), [
    "lifecycle.preStop.sleep.seconds: must be between 0 and terminationGracePeriodSeconds (30): got 31",
  ]);
  assert.equal(complaints({ lifecycle }, { terminationGracePeriodSeconds: 31 }), []);
});

probes("takes none on an init container that runs to its end", () => {
  const init = { ...web, name: "init", livenessProbe: { exec }, lifecycle: { preStop: { exec } } };
  assert.equal(complaints({}, { initContainers: [init] }), [
    "spec.initContainers[0].livenessProbe: must not be set on an init container without restartPolicy Always",
    "spec.initContainers[0].lifecycle: must not be set on an init container without restartPolicy Always",
  ]);
});

probes.run();

const defaults = suite("defaultProbes()");

defaults("fills in what Kubernetes does and takes 0 for not written", () => {
  const container = defaulted({
    livenessProbe: { httpGet: { port: 80 }, periodSeconds: 0 },
    readinessProbe: { grpc: { port: 5000 }, timeoutSeconds: 7 },
    lifecycle: { preStop: { httpGet: { port: 80, path: "/stop" } } },
  });
  const counts = { timeoutSeconds: 1, periodSeconds: 10, successThreshold: 1, failureThreshold: 3 };
  assert.equal(container?.livenessProbe, {
    httpGet: { port: 80, path: "/", scheme: "HTTP" },
    ...counts,
  });
  assert.equal(container?.readinessProbe, {
    grpc: { port: 5000, service: "" },
    ...counts,
    timeoutSeconds: 7,
  });
  assert.equal(container?.lifecycle, {
    preStop: { httpGet: { port: 80, path: "/stop", scheme: "HTTP" } },
  });
  assert.equal("startupProbe" in (container ?? {}), false);
});

defaults.run();
