// Promise: probes decide as on a cluster, and need nothing in the image.
import * as assert from "uvu/assert";
import type { Event } from "../../src/spec/event.ts";
import type { Container, Pod, PodCondition, Probe } from "../../src/spec/pod.ts";
import { eventually } from "../support/eventually.ts";
import { daemonPid } from "../support/manifest.ts";
import { manifestFile } from "../support/manifest-file.ts";
import { podSuite } from "../support/pod-suite.ts";
import { type Pods, podOf, sleeper, statusOf } from "../support/pods.ts";
import { pidsWith } from "../support/processes.ts";
import { requires } from "../support/requires.ts";

requires("root");

const { test, run } = podSuite("probes", "busybox", "scratch");

/** A container of an image that holds one static program: no shell, no users, no libraries. */
function scratch(name: string, args: readonly string[], probe: Probe): Container {
  const readinessProbe = { periodSeconds: 1, failureThreshold: 1, ...probe };
  return { name, image: "nspod/scratch", args, readinessProbe };
}

function isReady(pod: Pod): boolean {
  return condition(pod, "Ready")?.status === "True";
}

function condition(pod: Pod, wanted: string): PodCondition | undefined {
  return pod.status?.conditions?.find(({ type }) => type === wanted);
}

/** The events with one of these reasons, as `container: message`, sorted. */
async function told(pods: Pods, name: string, ...reasons: readonly string[]): Promise<string[]> {
  const events = (await pods.events(name)).filter(({ reason }) => reasons.includes(reason));
  return events.map((event) => `${containerOf(event)}: ${event.message}`).sort();
}

/** The same when there are so many of them. */
async function untilTold(
  pods: Pods,
  name: string,
  count: number,
  ...reasons: readonly string[]
): Promise<string[]> {
  return await eventually(`${count} events ${reasons.join(", ")}`, 20_000, async () => {
    const lines = await told(pods, name, ...reasons);
    return lines.length >= count ? lines : undefined;
  });
}

function containerOf({ involvedObject }: Event): string {
  return /\{(.*)\}/.exec(involvedObject.fieldPath ?? "")?.[1] ?? "";
}

test("the manifest is taken as it is", async (pods) => {
  await pods.instance.must(["apply", "-f", manifestFile("probes")]);
});

test("by HTTP, TCP and gRPC reach an image without a shell", async (pods) => {
  const pod = await pods.until("no-tools", "it to be ready", isReady);
  for (const name of ["web", "line", "calls"]) {
    const { ready, started, restartCount } = statusOf(pod, name);
    assert.equal([ready, started, restartCount], [true, true, 0], name);
  }
  // What the server saw: the request line, and the headers in the order of the manifest.
  const log = await pods.log("no-tools", "web");
  const request = log.slice(log.indexOf("GET /status/200")).split("\r\n\r\n", 1)[0];
  assert.equal(request?.split("\r\n"), [
    "GET /status/200?deep=1 HTTP/1.1",
    "Host: shop.example",
    "X-Probe: yes",
    "User-Agent: kube-probe/1.36",
    "Accept: */*",
    "Connection: close",
  ]);
  assert.equal(await told(pods, "no-tools", "Unhealthy"), []);
  await pods.delete("no-tools");
});

test("of a pod in the host's network dial the host that they name", async (pods) => {
  const pod = await pods.until("on-the-host", "it to be ready", isReady);
  assert.is(statusOf(pod, "web").restartCount, 0);
  await pods.delete("on-the-host");
});

test("say in the kubelet's words what failed", async (pods) => {
  const containers = [
    scratch("status", ["serve", "http", "8080"], { httpGet: { path: "/status/500", port: 8080 } }),
    scratch("refused", ["serve", "http", "8081"], { httpGet: { path: "/", port: 9 } }),
    scratch("stalled", ["serve", "http", "8082"], { httpGet: { path: "/stall", port: 8082 } }),
    scratch("closed", ["serve", "tcp", "8083"], { tcpSocket: { port: 9 } }),
    scratch("sick", ["serve", "grpc", "8084", "2"], { grpc: { port: 8084 } }),
    scratch("command", ["serve", "tcp", "8085"], { exec: { command: ["/testbox", "serve"] } }),
    scratch("missing", ["serve", "tcp", "8086"], { exec: { command: ["sh", "-c", "true"] } }),
    scratch("away", ["serve", "http", "8087"], { httpGet: { path: "/away", port: 8087 } }),
  ];
  await pods.create("failing", { containers });
  const ip = (await pods.until("failing", "an address", ({ status }) => !!status?.podIP)).status
    ?.podIP;
  const expected = [
    `away: Readiness probe warning: Probe terminated redirects, Response body: told\n`,
    `closed: Readiness probe failed: dial tcp ${ip}:9: connect: connection refused`,
    `command: Readiness probe failed: `,
    `missing: Readiness probe errored and resulted in unknown state: Cannot run "sh" in container "missing": exec: "sh": executable file not found in $PATH`,
    `refused: Readiness probe failed: Get "http://${ip}:9/": dial tcp ${ip}:9: connect: connection refused`,
    `sick: Readiness probe failed: service unhealthy (responded with "NOT_SERVING")`,
    `stalled: Readiness probe failed: Get "http://${ip}:8082/stall": context deadline exceeded (Client.Timeout exceeded while awaiting headers)`,
    `status: Readiness probe failed: HTTP probe failed with statuscode: 500`,
  ];
  const reasons = ["Unhealthy", "ProbeWarning"];
  assert.equal(await untilTold(pods, "failing", expected.length, ...reasons), expected);
  const pod = await pods.until("failing", "the redirect", (now) => statusOf(now, "away").ready);
  assert.is(isReady(pod), false);
  assert.is(
    condition(pod, "ContainersReady")?.message,
    "containers with unready status: [status refused stalled closed sick command missing]",
  );
  await pods.delete("failing");
});

test("for readiness take a container out and back in after their thresholds", async (pods) => {
  const unready = await pods.until(
    "flapping",
    "main",
    (pod) => !!statusOf(pod, "main").state?.running,
  );
  assert.is(isReady(unready), false);
  const { started, ready } = statusOf(unready, "main");
  assert.equal([started, ready], [true, false]);
  await pods.ask("flapping", "touch /tmp/ready");
  await pods.until("flapping", "readiness", isReady);
  await pods.ask("flapping", "rm /tmp/ready");
  const gone = await pods.until("flapping", "its loss", (pod) => !isReady(pod));
  assert.is(condition(gone, "Ready")?.reason, "ContainersNotReady");
  await pods.ask("flapping", "touch /tmp/ready");
  const back = await pods.until("flapping", "readiness again", isReady);
  assert.is(statusOf(back, "main").restartCount, 0);
  await pods.delete("flapping");
});

test("for liveness restart a container within the grace period of the probe", async (pods) => {
  await pods.until("restarted", "main", (pod) => !!statusOf(pod, "main").state?.running);
  await pods.ask("restarted", "echo fever >/tmp/sick", "main");
  const pod = await pods.until("restarted", "the restart", (now) => {
    const { restartCount, state } = statusOf(now, "main");
    return restartCount === 1 && state?.running !== undefined;
  });
  const { lastState } = statusOf(pod, "main");
  assert.is(lastState?.terminated?.exitCode, 137);
  assert.is(statusOf(pod, "beside").restartCount, 0);
  assert.equal(await told(pods, "restarted", "Unhealthy"), [
    "main: Liveness probe failed: fever\n",
  ]);
  assert.equal(await told(pods, "restarted", "Killing"), [
    "main: Container main failed liveness probe, will be restarted",
  ]);
  await pods.delete("restarted");
});

test("for startup hold the others back, also over a restart of the daemon", async (pods) => {
  const up = await pods.until("held", "main", (pod) => !!statusOf(pod, "main").state?.running);
  assert.is(statusOf(up, "main").started, false);
  await untilTold(pods, "held", 1, "Unhealthy");
  assert.is(await pods.ask("held", "test -e /tmp/liveness || echo never"), "never");
  await pods.ask("held", "touch /tmp/started");
  const ready = await pods.until("held", "readiness", isReady);
  assert.is(statusOf(ready, "main").started, true);
  const since = condition(ready, "Ready")?.lastTransitionTime;

  const asked = await pods.ask("held", "wc -l </tmp/startup");
  process.kill(await daemonPid(pods.instance), "SIGKILL");
  await pods.instance.must(["get", "pods"]);
  // A line of its own, so that only a probe of the new daemon ends the wait.
  await pods.ask("held", "echo killed >>/tmp/liveness");
  await pods.ask("held", "until [ $(tail -n1 /tmp/liveness) = asked ]; do sleep 0.1; done");
  const adopted = await pods.get("held");
  assert.is(await pods.ask("held", "wc -l </tmp/startup"), asked, "startup was asked again");
  assert.is(condition(adopted, "Ready")?.lastTransitionTime, since);
  const { restartCount, started } = statusOf(adopted, "main");
  assert.equal([restartCount, started], [0, true]);

  await pods.ask("held", "rm /tmp/started");
  await pods.until("held", "its end", (pod) => statusOf(pod, "main").restartCount === 1);
  await pods.delete("held");
});

test("for startup end a container that takes too long", async (pods) => {
  const startupProbe = {
    exec: { command: ["sh", "-c", "echo not yet; exit 1"] },
    periodSeconds: 1,
    failureThreshold: 2,
  };
  const pod = await pods.ended("late", { containers: [sleeper("main", { startupProbe })] });
  assert.is(statusOf(pod, "main").state?.terminated?.exitCode, 0);
  assert.equal(await told(pods, "late", "Unhealthy"), ["main: Startup probe failed: not yet\n"]);
  await pods.delete("late");
});

test("by exec that take too long leave no process behind", async (pods) => {
  const marker = `98${process.pid}`;
  const script = `setsid sleep ${marker} & sleep ${marker}`;
  const livenessProbe = {
    exec: { command: ["sh", "-c", script] },
    initialDelaySeconds: 1,
    periodSeconds: 60,
  };
  await pods.up("slow", { containers: [sleeper("main", { livenessProbe })] });
  assert.equal(await untilTold(pods, "slow", 1, "Unhealthy"), [
    `main: Liveness probe failed: command timed out: "sh -c ${script}" timed out after 1s`,
  ]);
  assert.equal(pidsWith("sleep", marker), []);
  assert.is(statusOf(await pods.get("slow"), "main").restartCount, 0);
  await pods.delete("slow");
});

test("that keep a pod from being ready are named by run --wait=ready and describe", async (pods) => {
  const probe = { httpGet: { path: "/status/503", port: 8080 } };
  const input = JSON.stringify(
    podOf("unready", { containers: [scratch("web", ["serve", "http", "8080"], probe)] }),
  );
  const flags = ["-d", "--wait", "ready", "--timeout", "3s"];
  const { code, stderr } = await pods.instance.nspod(["run", ...flags, "-"], { input });
  assert.is(code, 1);
  assert.match(
    stderr,
    /Container "web": Readiness probe failed: HTTP probe failed with statuscode: 503/,
  );
  const described = await pods.instance.must(["describe", "pod", "unready"]);
  assert.match(
    described,
    /Readiness: +http-get http:\/\/:8080\/status\/503 delay=0s timeout=1s period=1s #success=1 #failure=1/,
  );
  await pods.delete("unready");
});

run();
