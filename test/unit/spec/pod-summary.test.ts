import { suite } from "uvu";
import * as assert from "uvu/assert";
import type { Pod, PodStatus } from "../../../src/spec/pod.ts";
import { restartsCell, summarizePod } from "../../../src/spec/pod-summary.ts";
import { container, ended, pod } from "../cli/pods.ts";

const status = suite("summarizePod()");

const initSpec: Pod["spec"] = {
  initContainers: [
    { name: "one", image: "busybox" },
    { name: "two", image: "busybox" },
  ],
  containers: [{ name: "app", image: "busybox" }],
};
const running = container({ running: {} });
const waiting = (reason: string) => container({ waiting: { reason } });
const word = (podStatus: PodStatus, change: Partial<Pod> = {}): string =>
  summarizePod(pod(podStatus, change)).status;

status("is the phase when containers say nothing", () => {
  assert.is(word({}), "Pending");
  assert.is(word({ phase: "Running", containerStatuses: [running] }), "Running");
  assert.is(word({ phase: "Failed", reason: "DeadlineExceeded" }), "DeadlineExceeded");
});

status("is why a container waits or has ended", () => {
  const of = (item: typeof running): string =>
    word({ phase: "Running", containerStatuses: [item] });
  assert.is(of(waiting("CrashLoopBackOff")), "CrashLoopBackOff");
  assert.is(of(waiting("ContainerCreating")), "ContainerCreating");
  assert.is(of(container(ended(0))), "Completed");
  assert.is(of(container(ended(137, { reason: "OOMKilled" }))), "OOMKilled");
  assert.is(of(container(ended(3, { reason: "" }))), "ExitCode:3");
  assert.is(of(container(ended(137, { reason: "", signal: 9 }))), "Signal:9");
});

status("is the word of the first container that has one", () => {
  const containerStatuses = [waiting("ImagePullBackOff"), waiting("CrashLoopBackOff")];
  assert.is(word({ phase: "Pending", containerStatuses }), "ImagePullBackOff");
});

status("stays Running while another container runs", () => {
  const containerStatuses = [container(ended(0)), running];
  const ready = [{ type: "Ready", status: "True" }] as const;
  assert.is(word({ phase: "Running", containerStatuses, conditions: ready }), "Running");
  assert.is(word({ phase: "Running", containerStatuses }), "NotReady");
});

status("counts init containers and names their failures", () => {
  const of = (...initContainerStatuses: (typeof running)[]): string =>
    word(
      { phase: "Pending", initContainerStatuses, containerStatuses: [waiting("PodInitializing")] },
      { spec: initSpec },
    );
  assert.is(of(running, waiting("PodInitializing")), "Init:0/2");
  assert.is(of(container(ended(0)), running), "Init:1/2");
  assert.is(of(container(ended(0)), waiting("CrashLoopBackOff")), "Init:CrashLoopBackOff");
  assert.is(of(container(ended(1)), waiting("PodInitializing")), "Init:Error");
  assert.is(of(container(ended(1, { reason: "" }))), "Init:ExitCode:1");
  assert.is(of(container(ended(1, { reason: "", signal: 15 }))), "Init:Signal:15");
  assert.is(of(container(ended(0)), container(ended(0))), "PodInitializing");
});

status("is Terminating while a pod that has not ended is deleted", () => {
  const { metadata } = pod();
  const change = { metadata: { ...metadata, deletionTimestamp: "2026-01-01T00:00:00Z" } };
  assert.is(word({ phase: "Running", containerStatuses: [running] }, change), "Terminating");
  assert.is(
    word({ phase: "Succeeded", containerStatuses: [container(ended(0))] }, change),
    "Completed",
  );
});

status("takes a sidecar for initialized when it is started, and counts it", () => {
  const spec: Pod["spec"] = {
    initContainers: [
      { name: "proxy", image: "busybox", restartPolicy: "Always" },
      { name: "setup", image: "busybox" },
    ],
    containers: [{ name: "app", image: "busybox" }],
  };
  const proxy = (started: boolean) =>
    container({ running: {} }, { name: "proxy", started, ready: started, restartCount: 2 });
  const setup = container(ended(0), { name: "setup", restartCount: 1 });
  const holding = { phase: "Pending", initContainerStatuses: [proxy(false)] } as const;
  assert.is(word(holding, { spec }), "Init:0/2");
  const inSetup = container({ running: {} }, { name: "setup" });
  const next = { phase: "Pending", initContainerStatuses: [proxy(true), inSetup] } as const;
  assert.is(word(next, { spec }), "Init:1/2");
  const up: PodStatus = {
    phase: "Running",
    initContainerStatuses: [proxy(true), setup],
    containerStatuses: [container({ running: {} }, { name: "app", restartCount: 4 })],
  };
  const summary = summarizePod(pod(up, { spec }));
  assert.is(summary.status, "Running");
  assert.equal([summary.readyContainers, summary.totalContainers, summary.restarts], [2, 2, 6]);
});

status("counts ready containers and restarts, and when the last one was", () => {
  const containerStatuses = [
    container({ running: {} }, { restartCount: 2, lastState: ended(1) }),
    container(ended(1), { restartCount: 1 }),
  ];
  const summary = summarizePod(pod({ phase: "Running", containerStatuses }));
  assert.is(summary.readyContainers, 1);
  assert.is(summary.restarts, 3);
  assert.is(restartsCell(summary, Date.parse("2026-01-01T00:05:10Z")), "3 (5m ago)");
  assert.is(restartsCell(summarizePod(pod()), 0), "0");
});

status.run();
