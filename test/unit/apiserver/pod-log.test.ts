// Logs over HTTP: options, errors, slow readers and readers that leave.
import { suite } from "uvu";
import * as assert from "uvu/assert";
import type { PodLogOptions } from "../../../src/apiserver/backend.ts";
import { PodError } from "../../../src/base/errors.ts";
import { withDeadline } from "../../support/with-deadline.ts";
import { Fixture, storedPod } from "./fixture.ts";

const log = suite("log");
let fixture: Fixture;
const path = "/api/v1/namespaces/default/pods/web/log";

log.before.each(async () => {
  fixture = await new Fixture().start();
  fixture.store.create(storedPod("web"));
});

log.after.each(async () => {
  await fixture.stop();
});

log("sends the text and passes the options on", async () => {
  fixture.backend.log = async function* () {
    yield Buffer.from("one\n");
    yield Buffer.from("two\n");
  };
  const query =
    "?previous=true&tailLines=0&sinceTime=2026-01-02T03:04:05Z&timestamps=1&limitBytes=9";
  const answer = await fixture.call("GET", path + query);
  assert.is(answer.code, 200);
  assert.is(answer.headers["content-type"], "text/plain");
  assert.is(answer.text, "one\ntwo\n");
  const [[, { signal, ...options }]] = fixture.backend.calls as [[string, PodLogOptions]];
  assert.ok(signal instanceof AbortSignal);
  assert.equal(options, {
    container: "main",
    follow: false,
    previous: true,
    timestamps: true,
    tailLines: 0,
    limitBytes: 9,
    sinceMs: Date.parse("2026-01-02T03:04:05Z"),
  });
});

log("answers an empty log with an empty text", async () => {
  const answer = await fixture.call("GET", path);
  assert.is(answer.code, 200);
  assert.is(answer.text, "");
});

log("wants a container that the pod has", async () => {
  const pod = storedPod("two");
  const { spec } = pod;
  const containers = [...spec.containers, { name: "side", image: "busybox" }];
  fixture.store.create({ ...pod, spec: { ...spec, containers } });
  const two = "/api/v1/namespaces/default/pods/two/log";
  const unnamed = await fixture.call("GET", two);
  assert.is(unnamed.code, 400);
  assert.match(unnamed.json.message, /choose one of main, side/);
  assert.is((await fixture.call("GET", `${two}?container=side`)).code, 200);
  assert.is((await fixture.call("GET", `${two}?container=none`)).code, 400);
  const missing = await fixture.call("GET", "/api/v1/namespaces/default/pods/none/log");
  assert.is(missing.code, 404);
});

log("refuses options that are no numbers or times", async () => {
  const wrong = [
    "tailLines=-1",
    "sinceSeconds=0",
    "sinceTime=yesterday",
    "limitBytes=0",
    "follow=maybe",
  ];
  for (const query of [...wrong, "sinceSeconds=1&sinceTime=2026-01-02T03:04:05Z", "tail=1"]) {
    assert.is((await fixture.call("GET", `${path}?${query}`)).code, 400, query);
  }
});

log("turns an error before the first byte into a Status", async () => {
  fixture.backend.log = () => ({
    [Symbol.asyncIterator]: () => ({
      next: () => Promise.reject(new PodError("NotFound", "There is no previous container")),
    }),
  });
  const answer = await fixture.call("GET", path);
  assert.is(answer.code, 404);
  assert.is(answer.json.message, "There is no previous container");
});

log("cuts the connection on an error after it", async () => {
  fixture.backend.log = async function* () {
    yield Buffer.from("one\n");
    throw new Error("disk");
  };
  try {
    await fixture.call("GET", path);
    assert.unreachable("a part was taken for the whole");
  } catch (error) {
    assert.match(String(error), /aborted|ECONNRESET/);
  }
});

log(
  "reads no further than the client, and stops when it leaves",
  withDeadline(30_000, async () => {
    let produced = 0;
    const { promise: ended, resolve: end } = Promise.withResolvers<void>();
    fixture.backend.log = async function* ({ signal }) {
      try {
        while (!signal.aborted) {
          produced++;
          yield Buffer.alloc(65_536, "x");
        }
      } finally {
        end();
      }
    };
    const response = await fixture.open("GET", `${path}?follow=true`);
    response.pause();
    let before = -1;
    while (before !== produced) {
      before = produced;
      for (let i = 0; i < 20; i++) await new Promise(setImmediate);
    }
    assert.ok(produced < 64, `${produced} chunks of 64 KiB for a client that reads nothing`);
    response.destroy();
    await ended;
  }),
);

log(
  "tells a silent follow that the client has left",
  withDeadline(30_000, async () => {
    const { promise: aborted, resolve } = Promise.withResolvers<void>();
    fixture.backend.log = async function* ({ signal }) {
      yield Buffer.from("one\n");
      await new Promise<void>((gone) => signal.addEventListener("abort", () => gone()));
      resolve();
    };
    const response = await fixture.open("GET", `${path}?follow=true`);
    response.destroy();
    await aborted;
  }),
);

log.run();
