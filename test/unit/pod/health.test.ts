import { suite } from "uvu";
import * as assert from "uvu/assert";
import {
  afterPostStart,
  afterProbe,
  afterStart,
  isReady,
  isStarted,
  withoutHealth,
} from "../../../src/pod/health.ts";
import type { ContainerRecord } from "../../../src/pod/record.ts";
import type { Container } from "../../../src/spec/pod.ts";
import { attempt } from "./fixtures.ts";

const health = suite("health of a container");

const running: ContainerRecord = { restartCount: 0, current: attempt() };
const plain: Container = { name: "app", image: "busybox" };
const probe = { exec: { command: ["true"] } };

health("without hooks and probes it is started and ready when it runs", () => {
  const state = afterStart(plain, running, 3);
  assert.is(state.startedIn, 3);
  assert.is(isStarted(state), true);
  assert.is(isReady(plain, state), true);
});

health("postStart, startup probe and readiness probe come one after the other", () => {
  const container: Container = {
    ...plain,
    startupProbe: probe,
    readinessProbe: probe,
    lifecycle: { postStart: probe },
  };
  const words = (state: ContainerRecord) => [
    state.postStart,
    isStarted(state),
    isReady(container, state),
  ];
  const begun = afterStart(container, running, 1);
  assert.equal(words(begun), ["running", false, false]);
  const hooked = afterPostStart(container, begun, { isSuccess: true, sandbox: 1 });
  assert.equal(words(hooked), ["done", false, false]);
  const started = afterProbe(hooked, { kind: "startup", isSuccess: true, sandbox: 1 });
  assert.equal(words(started), ["done", true, false]);
  const ready = afterProbe(started, { kind: "readiness", isSuccess: true, sandbox: 1 });
  assert.equal(words(ready), ["done", true, true]);
  const unready = afterProbe(ready, { kind: "readiness", isSuccess: false, sandbox: 1 });
  assert.equal(words(unready), ["done", true, false]);
  assert.is(unready.failedProbe, undefined);
});

health("a failed hook or probe is remembered until the next attempt", () => {
  const container: Container = { ...plain, lifecycle: { postStart: probe } };
  const failed = afterPostStart(container, afterStart(container, running, 1), {
    isSuccess: false,
    sandbox: 1,
  });
  assert.is(failed.postStart, "failed");
  assert.is(isStarted(failed), false);
  const dead = afterProbe(afterStart(plain, running, 1), {
    kind: "liveness",
    isSuccess: false,
    sandbox: 1,
  });
  assert.is(dead.failedProbe, "liveness");
  assert.equal(withoutHealth({ ...dead, isReady: true }), { ...running, startedIn: 1 });
});

health("a container of an older record is started when it runs", () => {
  assert.is(isStarted(running), true);
  assert.is(isStarted({ restartCount: 0, current: attempt({ state: "exited" }) }), false);
});

health.run();
