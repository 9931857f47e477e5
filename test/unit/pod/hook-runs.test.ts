import { suite } from "uvu";
import * as assert from "uvu/assert";
import { type HookEnd, HookRuns } from "../../../src/pod/hook-runs.ts";

const runs = suite("HookRuns");

const hook = { attemptId: "a", kind: "preStop" } as const;

async function endsOf(hooks: HookRuns): Promise<readonly HookEnd[]> {
  const ends: HookEnd[] = [];
  await hooks.ends.drain((end) => ends.push(end));
  return ends;
}

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
  assert.equal(await endsOf(hooks), []);
  resolve();
  await ended.promise;
  assert.equal(await endsOf(hooks), [{ ...hook, error: undefined }]);
  assert.equal(await endsOf(hooks), []);
});

runs("tells why a hook failed", async () => {
  const hooks = new HookRuns();
  const ended = Promise.withResolvers<void>();
  const error = new Error("no");
  hooks.begin(hook, () => Promise.reject(error), ended.resolve);
  await ended.promise;
  assert.is((await endsOf(hooks))[0]?.error, error);
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
  assert.equal(await endsOf(hooks), []);
});

runs.run();
