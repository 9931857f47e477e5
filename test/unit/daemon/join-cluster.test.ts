import { suite } from "uvu";
import * as assert from "uvu/assert";
import { ObjectMirror } from "../../../src/agent/object-mirror.ts";
import { PodError } from "../../../src/base/errors.ts";
import { createLogger } from "../../../src/base/log.ts";
import { assignedCidr, cidrProblem, register } from "../../../src/daemon/join-cluster.ts";
import type { Node } from "../../../src/spec/kubernetes.gen.ts";
import { nodeOf } from "../scheduler/fixture.ts";

const join = suite("joining a cluster");

join("cidrProblem() asks for one prefix, the same on both ends", () => {
  assert.match(cidrProblem(undefined, undefined) ?? "", /has no podCIDR yet/);
  assert.is(cidrProblem("10.87.1.0/24", undefined), undefined);
  assert.is(cidrProblem("10.87.1.0/24", "10.87.1.0/24"), undefined);
  assert.match(cidrProblem("10.87.1.0/24", "10.87.2.0/24") ?? "", /nspod system reset/);
});

join("assignedCidr() waits for the prefix of its own node", async () => {
  const objects = new ObjectMirror();
  const wanted = assignedCidr({ objects }, "n1", new AbortController().signal);
  const give = (name: string, podCIDR: string): void => {
    const node: Node = { ...nodeOf(name).node, spec: { podCIDR } };
    objects.put(node);
  };
  give("n2", "10.87.2.0/24");
  give("n1", "10.87.1.0/24");
  assert.is(await wanted, "10.87.1.0/24");
});

join("assignedCidr() ends with the agent", async () => {
  const stop = new AbortController();
  const wanted = assignedCidr({ objects: new ObjectMirror() }, "n1", stop.signal);
  stop.abort(new Error("stopped"));
  const reason = await wanted.catch((error: Error) => error.message);
  assert.is(reason, "stopped");
});

join("register() tries again, and ends with the agent", async () => {
  const stop = new AbortController();
  let tries = 0;
  const node = {
    refresh: () => {
      tries++;
      stop.abort();
      return Promise.reject(new PodError("Unavailable", "away"));
    },
  };
  const options = { log: createLogger("silent"), signal: stop.signal };
  const reason = await register(node, options).catch((error: Error) => error.message);
  assert.is(reason, "away");
  assert.is(tries, 1);
});

join.run();
