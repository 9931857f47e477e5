/** The steps of the engine that start and stop a pod's sandbox. */

import { messageOf, PodError } from "../base/errors.ts";
import { failpoint } from "../base/failpoint.ts";
import { shimCgroup } from "../cgroup/hierarchy.ts";
import { compileReaper } from "../container/exec.ts";
import type { ShimClient } from "../shim/client.ts";
import { reaperFdInShim } from "../shim/launch.ts";
import { connectShim } from "./absorb.ts";
import { reaperId } from "./attempt.ts";
import { fillConfigVolumes } from "./config-volumes.ts";
import { planAhead } from "./container-steps.ts";
import type { EngineContext } from "./context.ts";
import type { StepInput } from "./engine.ts";
import { podFolders } from "./folders.ts";
import { reserveIds } from "./pod-users.ts";
import { type PodRecord, withoutSandbox } from "./record.ts";
import { releaseAddress } from "./release-address.ts";
import { checkRuntimeHandler } from "./runtime-handler.ts";
import { startSandbox, stopSandbox } from "./sandbox.ts";

/** Wait before the next try of a sandbox: 1 s doubling to 1 min. */
function retryDelayMs(failures: number): number {
  return Math.min(1_000 * 2 ** failures, 60_000);
}

export async function performSandboxStart(input: StepInput): Promise<PodRecord> {
  const { context, pod, live, record, save } = input;
  const { uid } = pod.metadata;
  try {
    checkRuntimeHandler(context, pod);
    const idBase = reserveIds(context, pod);
    using network = pod.spec.hostNetwork
      ? undefined
      : context.networks.assign(uid, context.bridge(), idBase === undefined);
    const address = network?.attachment.address;
    const starting = save({
      ...record,
      ...(idBase === undefined ? {} : { idBase }),
      ...(address === undefined ? {} : { address }),
      bootId: context.bootId,
      sandbox: {
        state: "starting",
        shimPid: 0,
        startedAtMs: context.clock.now(),
        generation: record.sandbox.generation + 1,
      },
    });
    const ready: PodRecord = { ...starting, sandbox: { ...starting.sandbox, state: "ready" } };
    live.timings.mark("address and record");
    const { shimPid, volumes } = await startSandbox(context, pod, network, (made) => {
      live.timings.mark("cgroup, volumes, host files, packet rules");
      live.planned = planAhead({ ...input, record: ready }, made);
      live.timings.mark("first container prepared");
    });
    live.timings.mark("shim launched: namespaces, network");
    live.volumes = volumes;
    failpoint("pod/sandbox-steps.connect");
    live.shim = await connectShim(input, shimPid);
    live.timings.mark("shim connected");
    const configVolumes = await fillConfigVolumes(input, live.shim);
    if (pod.spec.shareProcessNamespace) await startReaper(context, live.shim, uid);
    const {
      sandboxError: _error,
      sandboxRetryAtMs: _at,
      sandboxFailures: _count,
      ...rest
    } = starting;
    return save({
      ...rest,
      ...(configVolumes === undefined ? {} : { configVolumes }),
      sandbox: { ...starting.sandbox, state: "ready", shimPid },
    });
  } catch (error) {
    return failSandbox(input, error);
  }
}

async function failSandbox(input: StepInput, error: unknown): Promise<PodRecord> {
  const { context, pod, live, record, save } = input;
  const message = messageOf(error);
  const known = error instanceof PodError ? error.data["reason"] : undefined;
  await live.releaseShim();
  await stopSandbox(context, pod.metadata.uid);
  const failures = (record.sandboxFailures ?? 0) + 1;
  const reason = typeof known === "string" ? known : "FailedCreatePodSandBox";
  context.report(pod, { type: "Warning", reason, message });
  return save({
    ...withoutSandbox(record),
    sandboxError: { reason: "ContainerCreating", message },
    sandboxFailures: failures,
    sandboxRetryAtMs: context.clock.now() + retryDelayMs(failures - 1),
  });
}

/** PID 1 of a shared PID namespace; it is a process of the shim like any other, with a fixed id. */
async function startReaper(context: EngineContext, shim: ShimClient, uid: string): Promise<void> {
  const { programs, cloneFlags } = compileReaper(reaperFdInShim);
  await shim.start("Cannot start the reaper of the shared PID namespace", {
    id: reaperId,
    programs,
    cloneFlags,
    cgroup: shimCgroup(context.hierarchy, uid),
    tty: false,
    stdin: false,
    stdinOnce: false,
  });
}

export async function performSandboxStop(input: StepInput): Promise<PodRecord> {
  const { context, pod, live, record, save } = input;
  const stopping = save({ ...record, sandbox: { ...record.sandbox, state: "stopping" } });
  await live.releaseShim();
  const isGone = await stopSandbox(context, pod.metadata.uid, record.sandbox.shimPid);
  if (!isGone) {
    const folders = podFolders(context.instance, pod.metadata.uid);
    context.report(pod, {
      type: "Warning",
      reason: "FailedKillPod",
      message: `Processes of the pod do not end after SIGKILL (uninterruptible sleep): its cgroup and "${folders.runtime}" stay until they do`,
    });
    const failures = (record.sandboxFailures ?? 0) + 1;
    return save({
      ...stopping,
      sandboxFailures: failures,
      sandboxRetryAtMs: context.clock.now() + retryDelayMs(failures - 1),
    });
  }
  releaseAddress(context, pod.metadata.uid);
  const { sandboxRetryAtMs: _at, sandboxFailures: _count, ...rest } = stopping;
  return save(withoutSandbox(rest));
}
