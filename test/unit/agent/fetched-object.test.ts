// Claims and their volumes: asked for until they are bound, and seldom from then on.
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { FetchedObject } from "../../../src/agent/fetched-object.ts";
import { ObjectMirror } from "../../../src/agent/object-mirror.ts";
import { PodError } from "../../../src/base/errors.ts";
import type { PersistentVolumeClaim } from "../../../src/spec/kubernetes.gen.ts";
import { resourceOfKind } from "../../../src/spec/resources.ts";
import { FakeClock } from "../../support/fake-clock.ts";

const kind = "PersistentVolumeClaim";
const resource = resourceOfKind(kind);
if (resource === undefined) throw new Error("There are no claims");

function world() {
  const asked: string[] = [];
  const answers: (string | PodError)[] = [];
  const client = {
    json: <T>(method: string, path: string): Promise<T> => {
      asked.push(`${method} ${path}`);
      const next = answers.shift() ?? "Bound";
      if (next instanceof PodError) return Promise.reject(next);
      const metadata = { name: "data", uid: "1", resourceVersion: String(asked.length) };
      const object = { apiVersion: "v1", kind, metadata, spec: {}, status: { phase: next } };
      return Promise.resolve(object as T);
    },
  };
  const clock = new FakeClock();
  const mirror = new ObjectMirror();
  const object = new FetchedObject({
    ...{ client, mirror, clock, resource: resource ?? never(), namespace: "default", name: "data" },
  });
  const phase = (): string | undefined =>
    mirror.get<PersistentVolumeClaim>(kind, "default", "data")?.status?.phase;
  return { asked, answers, clock, object, phase };
}

function never(): never {
  throw new Error("There are no claims");
}

const fetched = suite("FetchedObject");

fetched("asks by name, and no more once it is bound", async () => {
  const { asked, answers, object, phase } = world();
  answers.push("Pending", "Bound");
  await object.ready();
  assert.is(phase(), "Pending");
  await object.ready();
  assert.is(phase(), "Bound");
  await object.ready();
  const path = "GET /api/v1/namespaces/default/persistentvolumeclaims/data";
  assert.equal(asked, [path, path]);
});

fetched("asks again in a minute; an old state is better than none", async () => {
  const { asked, answers, clock, object, phase } = world();
  await object.ready();
  answers.push(new PodError("Unavailable", "away"));
  await clock.pass(60_000);
  await object.ready();
  assert.is(asked.length, 2);
  assert.is(phase(), "Bound");
});

fetched("says why it is not known; what is not there is known", async () => {
  const { answers, object, phase } = world();
  answers.push(
    new PodError("PermissionDenied", "no relationship"),
    new PodError("NotFound", "none"),
  );
  const error = await object.ready().catch((reason: unknown) => reason);
  assert.is((error as PodError).kind, "PermissionDenied");
  await object.ready();
  assert.is(phase(), undefined);
});

fetched("takes what it knew with it, also when it is gone from the server", async () => {
  const { answers, clock, object, phase } = world();
  await object.ready();
  answers.push(new PodError("NotFound", "none"));
  await clock.pass(60_000);
  await object.ready();
  assert.is(phase(), undefined);
  await object.ready();
  assert.is(phase(), "Bound");
  object[Symbol.dispose]();
  assert.is(phase(), undefined);
});

fetched.run();
