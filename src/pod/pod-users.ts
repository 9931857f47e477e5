/**
 * Host ids of pods with hostUsers: false: 65536 for each pod, from 2^20 up, so that they are no user's of the host.
 * The record holds the first one from before the sandbox starts until the pod is gone, as long as its files.
 */

import { release } from "node:os";
import { join } from "node:path";
import { PodError } from "../base/errors.ts";
import { idsPerPod, type PodUsers } from "../container/user-namespace.ts";
import type { Pod } from "../spec/pod.ts";
import type { EngineContext } from "./context.ts";
import { podFolders } from "./folders.ts";

/** The first range; systemd-nspawn's and subuid's ranges of most hosts begin at 524288 or 100000. */
const firstRange = 64;
/** Kubernetes and the kernel's signed interfaces end at 2^31. */
const ranges = 2 ** 31 / idsPerPod;

/** The first host id of the lowest range that is not taken. Pure. */
export function freeIdBase(taken: Iterable<number | undefined>): number {
  const used = new Set(taken);
  for (let range = firstRange; range < ranges; range++) {
    if (!used.has(range * idsPerPod)) return range * idsPerPod;
  }
  throw new PodError("ResourceExhausted", "Cannot give the pod user ids of its own: all are taken");
}

/** Idmapped mounts of tmpfs, which volumes of Secrets need; overlayfs knows idmapped layers since 5.19. */
const neededKernel = [6, 3] as const;

/** Why this kernel cannot run pods with users of their own; undefined when it can. Pure. */
export function usersProblem(kernel: string): string | undefined {
  const [major = 0, minor = 0] = kernel.split(".").map((part) => Number.parseInt(part, 10));
  const isNew = major > neededKernel[0] || (major === neededKernel[0] && minor >= neededKernel[1]);
  return isNew
    ? undefined
    : `can't set \`spec.hostUsers: false\`, kernel ${kernel} has no idmapped mounts of every kind: Linux ${neededKernel.join(".")} or newer is needed`;
}

/**
 * The first host id for a pod that is about to start; undefined for one with the host's users.
 * @throws PodError FailedPrecondition on an old kernel
 */
export function reserveIds(
  { records }: Pick<EngineContext, "records">,
  pod: Pod,
): number | undefined {
  if (pod.spec.hostUsers !== false) return undefined;
  const problem = usersProblem(release());
  if (problem !== undefined) throw new PodError("FailedPrecondition", problem);
  return (
    records.get(pod.metadata.uid)?.idBase ??
    freeIdBase(records.list().map(({ value }) => value.idBase))
  );
}

/** The user namespace of a pod whose sandbox was started; undefined for the host's. */
export function podUsers(
  { records, instance }: Pick<EngineContext, "records" | "instance">,
  pod: Pod,
): PodUsers | undefined {
  if (pod.spec.hostUsers !== false) return undefined;
  const base = records.get(pod.metadata.uid)?.idBase ?? firstRange * idsPerPod;
  return { base, namespace: usersPath(instance, pod.metadata.uid) };
}

function usersPath(instance: EngineContext["instance"], uid: string): string {
  return join(podFolders(instance, uid).runtime, "userns");
}
