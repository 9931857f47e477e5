import { suite } from "uvu";
import * as assert from "uvu/assert";
import { HookRuns } from "../../../src/pod/hook-runs.ts";

const runs = suite("HookRuns");

const hook = { attemptId: "a", kind: "preStop" } as const;

runs("runs a hook once and tells its end once", async () => {
  const hooks = new HookRuns();
  const { promise, resolve } = Promise.withResolvers<void>();
  const ended = Promise.withResolvers<void>();
  let begun = 0;
  const run = (): Promise<void> => {
    begun++;
    return promise;
  };
  hooks.begin(hook, run, ended.resolve);
  hooks.begin(hook, run, ended.resolve);
  assert.is(begun, 1);
  assert.equal(hooks.takeEnds(), []);
  resolve();
  await ended.promise;
  assert.equal(hooks.takeEnds(), [{ ...hook, error: undefined }]);
  assert.equal(hooks.takeEnds(), []);
});

runs("tells why a hook failed", async () => {
  const hooks = new HookRuns();
  const ended = Promise.withResolvers<void>();
  const error = new Error("no");
  hooks.begin(hook, () => Promise.reject(error), ended.resolve);
  await ended.promise;
  assert.is(hooks.takeEnds()[0]?.error, error);
});

runs("cancels what is not wanted any more, without an end", async () => {
  const hooks = new HookRuns();
  const seen: AbortSignal[] = [];
  const stopped = Promise.withResolvers<void>();
  hooks.begin(
    hook,
    (signal) => {
      seen.push(signal);
      return stopped.promise;
    },
    () => assert.unreachable("a cancelled hook has no end"),
  );
  hooks.keepOnly([hook]);
  assert.is(seen[0]?.aborted, false);
  hooks.keepOnly([]);
  assert.is(seen[0]?.aborted, true);
  stopped.resolve();
  await stopped.promise;
  assert.equal(hooks.takeEnds(), []);
});

runs.run();
