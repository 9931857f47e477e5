import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { isPodError } from "../../../src/base/errors.ts";
import { adopt } from "../../../src/pod/absorb.ts";
import type { StepInput } from "../../../src/pod/engine.ts";
import { LivePod } from "../../../src/pod/live-pod.ts";
import { newPodRecord } from "../../../src/pod/record.ts";
import { encodeFrame, encodeHello, frameTypes } from "../../../src/shim/protocol.ts";
import { withDeadline } from "../../support/with-deadline.ts";

const adopts = suite("adopt()");
let run: string;
let shim: Server;

const names = { uid: "11111111-2222-3333-4444-555555555555", namespace: "default", name: "web" };

adopts.before.each(async () => {
  run = mkdtempSync(join(tmpdir(), "nspod-adopt-"));
  mkdirSync(join(run, "pods", names.uid), { recursive: true });
  const hello = encodeHello();
  hello.writeUInt32LE(9, 4);
  // As native/shim_session.c: it says which version it is, and closes.
  shim = createServer((socket) => socket.end(encodeFrame(frameTypes.hello, 0, hello)));
  const { promise, resolve } = Promise.withResolvers<void>();
  shim.listen(join(run, "pods", names.uid, "shim.sock"), resolve);
  await promise;
});
adopts.after.each(() => {
  shim.close();
  rmSync(run, { recursive: true });
});

adopts(
  "leaves a pod alone whose shim speaks another version, and says so",
  withDeadline(10_000, async () => {
    const told: unknown[] = [];
    const context = {
      instance: { run, root: run },
      bootId: "boot",
      report: (_pod: unknown, event: unknown) => told.push(event),
    };
    const live = new LivePod();
    const made = newPodRecord(names, "boot", 0);
    const record = { ...made, sandbox: { ...made.sandbox, state: "ready" as const } };
    const save = (): void => assert.unreachable("its record changed");
    const pod = { metadata: names, spec: { containers: [] } };
    const input = { context, pod, live, record, save } as unknown as StepInput;
    const sentence =
      "The shim speaks version 9 of its protocol: this nspod needs 1: the containers of the pod go on as they are until an nspod that knows it is back, or the pod is deleted";
    try {
      await adopt(input);
      assert.unreachable("it was adopted");
    } catch (error) {
      assert.ok(isPodError(error, "FailedPrecondition"), String(error));
      assert.is(error.message, sentence);
    }
    assert.equal(told, [{ type: "Warning", reason: "FailedSync", message: sentence }]);
    assert.is(live.isAdopted, false);
  }),
);

adopts.run();
