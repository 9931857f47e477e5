// A suite of tests that share a control plane and two machines with agents; the last test is that nothing is left on
// any of them. Daemons that a command of the file starts read its grace period from the environment.
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { agentVariables, type Machines, startMachines } from "./agents.ts";
import { withDeadline } from "./with-deadline.ts";

export interface MachineSuite {
  /** Adds a test that may take a minute. */
  readonly test: (name: string, body: (machines: Machines) => Promise<void>) => void;
  /** Adds the leak census and runs. */
  readonly run: () => void;
}

/** @param graceSeconds - how long a machine may be silent before its node is NotReady. */
export function machineSuite(promise: string, graceSeconds: number): MachineSuite {
  Object.assign(process.env, agentVariables(graceSeconds));
  const tests = suite(promise);
  let machines: Machines | undefined;
  tests.before(async () => {
    machines = await startMachines();
  });
  const test: MachineSuite["test"] = (name, body) => {
    tests(
      name,
      withDeadline(60_000, async () => {
        if (machines === undefined) throw new Error("The machines did not start");
        await body(machines);
      }),
    );
  };
  const run = (): void => {
    test("leaves nothing on the machines", async ({ pods, network, agents }) => {
      for (const agent of agents) assert.equal(await agent.leave(), []);
      await network.close();
      await pods.close();
    });
    tests.run();
  };
  return { test, run };
}
