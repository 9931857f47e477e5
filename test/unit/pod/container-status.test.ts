import { suite } from "uvu";
import * as assert from "uvu/assert";
import { containerStatus } from "../../../src/pod/container-status.ts";
import type { ContainerRecord } from "../../../src/pod/record.ts";
import type { Container, ContainerStatus } from "../../../src/spec/pod.ts";
import { attempt, type PodOptions, pod, record } from "./fixtures.ts";

const status = suite("containerStatus()");

function of(
  state: ContainerRecord,
  container: Partial<Container> = {},
  options: PodOptions = {},
): ContainerStatus {
  const owner = pod({ ...options, container });
  const [app] = owner.spec.containers;
  assert.ok(app);
  const ref = { container: app, list: "containers", index: 0 } as const;
  return containerStatus(ref, owner, record({ containers: { app: state } }));
}

const probe = { exec: { command: ["true"] } };
const running: ContainerRecord = { restartCount: 0, current: attempt(), started: true };

status("a container is not Running before its postStart hook is done", () => {
  const hooked = of({ ...running, started: false, postStart: "running" });
  assert.equal(hooked.state, { waiting: { reason: "ContainerCreating" } });
  assert.equal([hooked.started, hooked.ready], [false, false]);
  assert.ok(of({ ...running, postStart: "done" }).state?.running);
});

status("ready follows the readiness probe, started the startup probe", () => {
  const both = { startupProbe: probe, readinessProbe: probe };
  const words = (state: ContainerRecord) => {
    const { started, ready } = of(state, both);
    return [started, ready];
  };
  assert.equal(words({ ...running, started: false, isReady: false }), [false, false]);
  assert.equal(words({ ...running, isReady: false }), [true, false]);
  assert.equal(words({ ...running, isReady: true }), [true, true]);
});

status("tells user, signal, resources and mounts", () => {
  const user = { uid: 7, gid: 8, supplementalGroups: [8, 9] };
  const { user: seen, ...facts } = of(
    { ...running, current: attempt({ user, stopSignal: "quit" }) },
    {
      resources: { limits: { cpu: "1" }, requests: { cpu: "1" } },
      volumeMounts: [
        { name: "data", mountPath: "/data" },
        { name: "rest", mountPath: "/rest", readOnly: true },
      ],
    },
  );
  assert.equal(seen, { linux: user });
  assert.is(facts.stopSignal, "SIGQUIT");
  assert.equal(facts.allocatedResources, { cpu: "1" });
  assert.equal(facts.resources?.limits, { cpu: "1" });
  assert.equal(facts.volumeMounts, [
    { name: "data", mountPath: "/data" },
    { name: "rest", mountPath: "/rest", readOnly: true, recursiveReadOnly: "Disabled" },
  ]);
});

status("an ephemeral container is never ready and has no started", () => {
  const owner = pod({ ephemeralContainers: ["debug"] });
  const [debug] = owner.spec.ephemeralContainers ?? [];
  assert.ok(debug);
  const ref = { container: debug, list: "ephemeralContainers", index: 0 } as const;
  const seen = containerStatus(ref, owner, record({ containers: { debug: running } }));
  assert.is(seen.ready, false);
  assert.not("started" in seen);
  assert.ok(seen.state?.running);
});

status("termination messages of a pod share 12 KiB, in whole characters", () => {
  const message = "é".repeat(2048);
  const ended = { restartCount: 0, current: attempt({ state: "exited", message }) };
  const names = Array.from({ length: 11 }, (_, index) => `c${index}`);
  const never = { restartPolicy: "Never" } as const;
  const alone = of(ended, {}, never).state?.terminated?.message ?? "";
  assert.is(alone, message);
  const crowded = of(ended, {}, { ...never, containers: ["app", ...names] });
  assert.is(Buffer.byteLength(crowded.state?.terminated?.message ?? ""), 1024);
  const odd = of(ended, {}, { ...never, containers: ["app", ...names, "c11", "c12"] });
  assert.is(Buffer.byteLength(odd.state?.terminated?.message ?? ""), 876, "877 is no whole number");
});

status.run();
