// A suite about daemons that die at a fail point: each test has a daemon that will, and one that takes over; beside it
// runs a pod that must notice nothing. The last test is the census.
import { suite } from "uvu";
import * as assert from "uvu/assert";
import type { FailpointName } from "../../src/base/failpoint-table.ts";
import type { PodSpec } from "../../src/spec/pod.ts";
import { ArmedPods } from "./armed-daemon.ts";
import { type Pods, sleeper, statusOf } from "./pods.ts";
import { withDeadline } from "./with-deadline.ts";

/** A point, and which time is meant where one start or deletion passes it several times. */
export type Moment = FailpointName | `${FailpointName}:@${number}`;

/** A pod that has something of everything. */
export const wholePod: PodSpec = {
  restartPolicy: "Never",
  volumes: [{ name: "scratch", emptyDir: {} }],
  containers: [
    sleeper("main", {
      ports: [{ containerPort: 80, hostPort: 18_474 }],
      volumeMounts: [{ name: "scratch", mountPath: "/scratch" }],
    }),
  ],
};

export interface KillSuite {
  /** `body` gets the name of a pod of its own, and calls `die` where the daemon shall be asked for its last deed. */
  readonly test: (
    name: string,
    moment: Moment,
    body: (
      pods: Pods,
      pod: string,
      die: (request: () => Promise<unknown>) => Promise<void>,
    ) => Promise<void>,
  ) => void;
  /** Adds the census and runs. */
  readonly run: () => void;
}

export function killSuite(promise: string): KillSuite {
  const tests = suite(promise);
  let armed: ArmedPods | undefined;
  let bystander: string | undefined;
  let count = 0;

  function started(): ArmedPods {
    if (armed !== undefined) return armed;
    throw new Error("The instance did not start");
  }

  tests.before(async () => {
    armed = await ArmedPods.start("busybox");
    const pod = await armed.pods.up("bystander", { containers: [sleeper("main")] });
    bystander = statusOf(pod, "main").containerID;
  });

  return {
    test: (name, moment, body) => {
      tests(
        `${name}: ${moment}`,
        withDeadline(60_000, async () => {
          const [point, when = "@1"] = moment.split(":");
          await body(started().pods, `pod-${count++}`, async (request) => {
            const daemon = await started().next(`${point}=kill:${when}`);
            // What the daemon is asked for as it dies may have no answer.
            await request().catch(() => undefined);
            assert.is(await daemon.ended(), 137, "the daemon died there");
            await started().next();
          });
        }),
      );
    },
    run: () => {
      tests(
        "leaves nothing, and a pod beside it notices nothing",
        withDeadline(60_000, async () => {
          const status = statusOf(await started().pods.get("bystander"), "main");
          assert.is(status.containerID, bystander);
          assert.is(status.restartCount, 0);
          await started().close();
        }),
      );
      tests.run();
    },
  };
}
