/**
 * The variables of a container when it starts, and those of one that runs: what else starts in it (exec, probes, hooks)
 * gets what its first process got, not what the objects say by then.
 *
 * They are held in memory only, because secrets are among them. A daemon that did not start the container itself
 * resolves them again and leaves out what can no longer be had.
 */
import type { ShimClient } from "../shim/client.ts";
import type { Container, EnvVar, Pod } from "../spec/pod.ts";
import type { PreparedVolume } from "../spec/prepared-volume.ts";
import { nodeAllocatable } from "../volume/node-allocatable.ts";
import { readBeneath } from "../volume/read-beneath.ts";
import type { EngineContext } from "./context.ts";
import { configError, type EnvironmentFacts, resolveEnvironment } from "./environment.ts";
import { serviceLinks } from "./service-links.ts";

/** Contents by `volume/path`; undefined: there is no such file. */
export type EnvironmentFiles = ReadonlyMap<string, Buffer | undefined>;

/** Variables of containers by `uid/container`. */
export type EnvironmentMemory = Map<string, readonly EnvVar[]>;

/**
 * Resolves the variables for a start and remembers them.
 * @param files - from `readEnvironmentFiles`
 * @throws PodError whose `data.reason` is CreateContainerConfigError
 */
export function environmentForStart(
  context: EngineContext,
  pod: Pod,
  container: Container,
  files: EnvironmentFiles = new Map(),
): readonly EnvVar[] {
  const facts = factsOf(context, pod, files);
  const variables = resolveEnvironment(context, pod, container, facts);
  context.environments.set(keyOf(pod, container), variables);
  return variables;
}

/** The variables that a running container has. */
export function environmentOfRunning(
  context: EngineContext,
  pod: Pod,
  container: Container,
): readonly EnvVar[] {
  const known = context.environments.get(keyOf(pod, container));
  if (known !== undefined) return known;
  const facts = { ...factsOf(context, pod, new Map()), leaveOutMissing: true };
  const variables = resolveEnvironment(context, pod, container, facts);
  context.environments.set(keyOf(pod, container), variables);
  return variables;
}

/** The pod is gone. */
export function forgetEnvironments({ environments }: EngineContext, uid: string): void {
  for (const key of environments.keys()) {
    if (key.startsWith(`${uid}/`)) environments.delete(key);
  }
}

/**
 * Reads the files that `fileKeyRef` names; nothing is asked when there are none.
 * @throws PodError whose `data.reason` is CreateContainerConfigError
 */
export async function readEnvironmentFiles(
  shim: ShimClient,
  volumes: ReadonlyMap<string, PreparedVolume>,
  container: Container,
): Promise<EnvironmentFiles> {
  const files = new Map<string, Buffer | undefined>();
  for (const { valueFrom } of container.env ?? []) {
    const { volumeName, path } = valueFrom?.fileKeyRef ?? {};
    if (volumeName === undefined || path === undefined) continue;
    const folder = volumes.get(volumeName)?.source;
    if (folder === undefined) continue;
    const { program, decode } = readBeneath(folder, path);
    try {
      const done = await shim.run(`Cannot read file "${path}" of volume "${volumeName}"`, program);
      files.set(`${volumeName}/${path}`, decode(done));
    } catch (error) {
      throw configError(error);
    }
  }
  return files;
}

function factsOf(context: EngineContext, pod: Pod, files: EnvironmentFiles): EnvironmentFacts {
  const { nodeAddress, nodeName, records } = context;
  const address = pod.spec.hostNetwork ? nodeAddress : records.get(pod.metadata.uid)?.address;
  return {
    nodeName,
    hostIPs: [nodeAddress],
    podIPs: address === undefined ? [] : [address],
    allocatable: () => nodeAllocatable(context),
    links: serviceLinks(context.services?.() ?? [], pod),
    readFile: (volume, path) => files.get(`${volume}/${path}`),
  };
}

function keyOf(pod: Pod, { name }: Container): string {
  return `${pod.metadata.uid}/${name}`;
}
