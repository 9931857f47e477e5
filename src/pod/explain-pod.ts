/**
 * The programs that would run for a pod, as listings; nothing of the pod is made. The address is
 * the first one of the subnet after the gateway, and volumes are taken as they would be.
 */
import { compileContainer } from "../container/compile.ts";
import { compileReaper } from "../container/exec.ts";
import { attachmentFor, compileAttach } from "../net/attach.ts";
import { compileLaunch, reaperFdInShim } from "../shim/launch.ts";
import type { Pod } from "../spec/pod.ts";
import { explain } from "../sys/explain.ts";
import type { Program } from "../sys/program.ts";
import { plannedVolumes } from "../volume/prepare.ts";
import { findImage, planAttempt } from "./attempt.ts";
import { allRefs } from "./container-refs.ts";
import type { EngineContext } from "./context.ts";
import { plannedEnvironment } from "./environment.ts";
import { podFolders } from "./folders.ts";
import { launchRequest } from "./sandbox.ts";

/** Stands for the host's netlink socket and for the sealed binaries, as the kernel would number them. */
const exampleFd = 20;

/** @throws PodError when an image is missing or a container cannot be planned. */
export function explainPod(context: EngineContext, pod: Pod): string {
  const programs = [sandboxProgram(context, pod), ...containerPrograms(context, pod)];
  return programs.map((program) => explain(program)).join("\n");
}

function sandboxProgram(context: EngineContext, pod: Pod): Program {
  const { addresses } = context;
  const compile = (program: Program): void => {
    if (pod.spec.hostNetwork) return;
    const address = addresses.gateway.replace(/\d+$/, (last) => String(Number(last) + 1));
    const attachment = attachmentFor(address, { index: exampleFd }, addresses);
    compileAttach(program, attachment, exampleFd);
  };
  const request = launchRequest(context, pod, { compile });
  return compileLaunch(request, exampleFd);
}

function containerPrograms(context: EngineContext, pod: Pod): Program[] {
  const folders = podFolders(context.instance, pod.metadata.uid);
  const volumes = plannedVolumes(context, pod, folders.volumes);
  const all = allRefs(pod);
  const containers = all.flatMap((ref) => {
    const image = findImage(context, ref);
    const environment = plannedEnvironment(ref.container);
    const plan = planAttempt(context, { pod, ref, number: 0, image, volumes, environment });
    const { prelude, program, postlude } = compileContainer(plan).programs;
    return [prelude, program, postlude].filter((part) => part !== undefined);
  });
  if (!pod.spec.shareProcessNamespace) return containers;
  return [compileReaper(reaperFdInShim).programs.program, ...containers];
}
