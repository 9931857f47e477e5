import { suite } from "uvu";
import * as assert from "uvu/assert";
import { type PodCase, whyPod } from "../../../src/cli/why-pod.ts";
import type { ContainerFacts } from "../../../src/pod/pod-facts.ts";
import type { Pod } from "../../../src/spec/pod.ts";
import { container, ended, pod } from "./pods.ts";

const nowMs = Date.parse("2026-01-01T00:01:00Z");

function why(each: Pod, facts: Partial<ContainerFacts> = {}, more: Partial<PodCase> = {}): string {
  return whyPod({
    pod: each,
    facts: { containers: { app: { probes: [], ...facts } } },
    events: [],
    missing: [],
    logs: new Map(),
    blocked: [],
    nowMs,
    ...more,
  });
}

const withApp = (
  state: Parameters<typeof container>[0],
  change: Parameters<typeof container>[1] = {},
  spec: Partial<Pod["spec"]["containers"][0]> = {},
): Pod =>
  pod(
    { phase: "Running", containerStatuses: [container(state, change)] },
    { spec: { containers: [{ name: "app", image: "web:1", ...spec }], restartPolicy: "Always" } },
  );

const tells = suite("whyPod()");

tells("says of a pod that is well that it is", () => {
  const text = why(withApp({ running: { startedAt: "2026-01-01T00:00:00Z" } }));
  assert.is(
    text,
    'Pod "default/web": Running, 1 of 1 containers ready\n\nContainer "app" runs since 60s and is ready',
  );
});

tells("says when a crash loop goes on and how the last run ended", () => {
  const lastState = ended(137, {
    reason: "OOMKilled",
    signal: 9,
    startedAt: "2026-01-01T00:00:07Z",
  });
  const waiting = {
    reason: "CrashLoopBackOff",
    message: "back-off 40s restarting failed container",
  };
  const text = why(
    withApp(
      { waiting },
      { restartCount: 3, lastState },
      { resources: { limits: { memory: "64Mi" } } },
    ),
    { retryAt: "2026-01-01T00:01:12Z" },
    { logs: new Map([["app", ["one", "two"]]]) },
  );
  assert.equal(text.split("\n").slice(2), [
    'Container "app" waits: CrashLoopBackOff: back-off 40s restarting failed container',
    "  It is tried again in 12s",
    "  It was restarted 3 times; its last run ended 50s ago, after 3s, with OOMKilled, exit code 137 = SIGKILL: it was killed from outside and had no say",
    "  It needed more memory than its limit of 64Mi: raise spec.containers[0].resources.limits.memory or let it use less",
    "  Its last lines:",
    "    one",
    "    two",
  ]);
});

tells("says how much memory it had, where the kernel told", () => {
  const state = ended(137, { reason: "OOMKilled", signal: 9 });
  const resources = { limits: { memory: "64Mi" } };
  const known = { memoryPeakBytes: 64 * 2 ** 20 - 40_000 };
  assert.match(
    why(withApp(state, {}, { resources }), known),
    "It needed more memory than its limit of 64Mi (it had 64Mi at its peak): raise spec.containers[0].resources",
  );
  assert.match(
    why(withApp(state), { memoryPeakBytes: 1.25 * 2 ** 20 }),
    "memory was used up; it had 1.3Mi at its peak",
  );
  assert.match(why(withApp(state, {}, { resources })), "its limit of 64Mi: raise");
});

tells("names what mends a container that cannot be made", () => {
  const image = why(withApp({ waiting: { reason: "ImagePullBackOff", message: "no such image" } }));
  assert.match(image, 'Image "web:1" is not on this machine: load it with "nspod image load');
  const message = 'secret "keys" not found';
  const config = why(withApp({ waiting: { reason: "CreateContainerConfigError", message } }));
  assert.match(config, 'Create Secret "keys" in namespace "default"');
  const name = why(withApp({ waiting: { reason: "InvalidImageName", message: "" } }));
  assert.match(name, 'Correct spec.containers[0].image: got "web:1"');
});

tells("repeats what a probe that fails answered", () => {
  const running = { running: { startedAt: "2026-01-01T00:00:00Z" } };
  const probe = { at: "2026-01-01T00:00:58Z", isSuccess: false, run: 2, message: "HTTP 503" };
  const spec = { readinessProbe: { httpGet: { port: 80 } }, startupProbe: { exec: {} } };
  const unready = why(withApp(running, { ready: false, started: true }, spec), {
    probes: [{ ...probe, kind: "readiness" }],
  });
  assert.match(
    unready,
    "is not ready\n  Its readiness probe failed 2s ago, 2 of 3 failures in a row: HTTP 503",
  );
  const starting = why(withApp(running, { ready: false, started: false }, spec));
  assert.match(starting, "has not started up\n  Its startup probe has not passed yet");
  const killed = why(withApp(ended(137, { signal: 9 })), {
    stoppedFor: "livenessProbe",
    probes: [{ ...probe, kind: "liveness" }],
  });
  assert.match(killed, "It was killed because its liveness probe failed: HTTP 503");
});

tells("names the system call that seccomp blocked", () => {
  const blocked = [
    { pid: 7, command: "other", syscall: "mount" },
    { pid: 8, command: "app", syscall: "ptrace" },
  ];
  const dead = withApp(ended(159, { signal: 31 }));
  assert.match(
    why(dead, { pid: 8 }, { blocked }),
    'exit code 159 = SIGSYS: it made a system call that its seccomp profile forbids\n  The blocked system call was ptrace, made by "app"',
  );
  assert.match(why(dead, { pid: 8 }), "The kernel's log names no system call");
});

tells("says what holds up the whole pod", () => {
  const conditions = [
    {
      type: "PodScheduled",
      status: "False",
      reason: "Unschedulable",
      message: "0/1 nodes are available",
    },
  ] as const;
  const gate = { readinessGates: [{ conditionType: "example.com/open" }] };
  const spec = { ...pod().spec, ...gate };
  const text = why(
    pod({ phase: "Pending", conditions: [...conditions] }, { spec }),
    {},
    {
      missing: [
        { kind: "ConfigMap", name: "settings" },
        { kind: "PersistentVolumeClaim", name: "data", trouble: "is Pending: no class" },
      ],
    },
  );
  for (const line of [
    "  No node for it: Unschedulable: 0/1 nodes are available",
    '  ConfigMap "settings" does not exist in namespace "default": create it with "nspod apply -f FILE"',
    '  PersistentVolumeClaim "data" is Pending: no class',
    '  Readiness gate "example.com/open" is not True: whoever owns it has to set that condition',
  ]) {
    assert.ok(text.split("\n").includes(line), `${line} in\n${text}`);
  }
});

tells("says what the end of a pod waits for", () => {
  const metadata = {
    ...pod().metadata,
    deletionTimestamp: "2026-01-01T00:01:20Z",
    finalizers: ["example.com/backup"],
  };
  const running = container({ running: { startedAt: "2026-01-01T00:00:00Z" } });
  const text = why(pod({ phase: "Running", containerStatuses: [running] }, { metadata }));
  assert.match(text, 'waits for the end of "app", for at most 20s more');
  assert.match(text, "until its finalizers are gone: example.com/backup");
});

tells("names the init container that comes first", () => {
  const text = why(
    pod(
      {
        phase: "Pending",
        initContainerStatuses: [container({ running: {} }, { name: "first", ready: false })],
        containerStatuses: [container({ waiting: { reason: "PodInitializing" } })],
      },
      {
        spec: {
          initContainers: [{ name: "first", image: "a" }],
          containers: [{ name: "app", image: "b" }],
        },
      },
    ),
  );
  assert.match(text, 'Init container "first" runs');
  assert.match(
    text,
    'Container "app" waits: PodInitializing\n  It begins after init container "first"',
  );
});

tells.run();
