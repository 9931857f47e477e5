import { suite } from "uvu";
import * as assert from "uvu/assert";
import { retryWithArrivedImages } from "../../../src/pod/arrived-images.ts";
import type { ContainerRecord } from "../../../src/pod/record.ts";
import { pod, record } from "./fixtures.ts";

const retry = suite("retryWithArrivedImages()");

const waitingFor = (reason: string): ContainerRecord => ({
  restartCount: 0,
  waiting: { reason, message: "" },
  retryDelayMs: 10_000,
  retryAtMs: 99_000,
});

const before = record({
  containers: { app: waitingFor("ImagePullBackOff"), other: waitingFor("CreateContainerError") },
});
const both = pod({ containers: ["app", "other"] });

retry("takes the delay from a container whose image has come, and from no other", () => {
  const after = retryWithArrivedImages(both, before, () => ({}));
  assert.is(after.containers["app"]?.retryAtMs, 0);
  assert.is(after.containers["app"]?.waiting?.reason, "ImagePullBackOff", "it still waits");
  assert.is(after.containers["other"]?.retryAtMs, 99_000);
  assert.is(
    retryWithArrivedImages(both, after, () => ({})),
    after,
    "nothing to do again",
  );
});

retry("gives back the same record while the image is missing", () => {
  const after = retryWithArrivedImages(both, before, () => undefined);
  assert.is(after, before);
});

retry("lets the next try tell that a name has become ambiguous", () => {
  const after = retryWithArrivedImages(both, before, () => {
    throw new Error("two images");
  });
  assert.is(after.containers["app"]?.retryAtMs, 0);
});

retry.run();
