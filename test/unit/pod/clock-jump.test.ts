import { suite } from "uvu";
import * as assert from "uvu/assert";
import { withoutFuture } from "../../../src/pod/clock-jump.ts";
import { type Attempt, newPodRecord, type PodRecord } from "../../../src/pod/record.ts";

const nowMs = 1_000_000_000;
const day = 86_400_000;

const attempt: Attempt = {
  id: "c-1" as Attempt["id"],
  number: 1,
  state: "exited",
  sandbox: 1,
  image: "busybox",
  imageId: "sha256:0",
  pid: 7,
  startedAtMs: nowMs - 2000,
  finishedAtMs: nowMs - 1000,
  exitCode: 1,
  signal: 0,
  reason: "Error",
  message: "",
};

const record: PodRecord = {
  ...newPodRecord({ uid: "u", namespace: "default", name: "p" }, "boot", nowMs - 3000),
  sandboxRetryAtMs: nowMs + 10_000,
  containers: {
    waits: {
      restartCount: 2,
      current: attempt,
      backOff: { delayMs: 10_000, failedAtMs: nowMs - 1000 },
    },
    stops: {
      restartCount: 0,
      stop: {
        cause: "podEnds",
        phase: "signalled",
        sinceMs: nowMs - 500,
        deadlineMs: nowMs + 29_500,
      },
    },
    retries: { restartCount: 0, retryDelayMs: 20_000, retryAtMs: nowMs + 15_000 },
  },
};

const jump = suite("withoutFuture()");

jump("leaves a record alone whose times are behind", () => {
  assert.is(withoutFuture(record, nowMs), record);
  assert.is(withoutFuture(record, nowMs + day), record, "and one after a jump forward");
});

jump("lets every wait last no longer than its own delay when the clock was set back", () => {
  const then = nowMs - day;
  const changed = withoutFuture(record, then);
  const { waits, stops, retries } = changed.containers;
  assert.is(waits?.current?.finishedAtMs, then);
  assert.is(waits?.current?.startedAtMs, then);
  assert.equal(waits?.backOff, { delayMs: 10_000, failedAtMs: then });
  assert.is(stops?.stop?.deadlineMs, then + 30_000);
  assert.is(retries?.retryAtMs, then + 20_000);
  assert.is(changed.sandboxRetryAtMs, then);
  assert.is(changed.acceptedAtMs, then);
  assert.is(withoutFuture(changed, then + 1), changed, "once is enough");
});

jump.run();
