/**
 * Kubernetes' defaults for a Pod: what an API server adds before it stores the object.
 *
 * Pure and idempotent: `defaultPod(defaultPod(p))` equals `defaultPod(p)`. Never complains; validation follows.
 * Source: Kubernetes API reference ("Defaults to …"); Quantity's canonical form.
 */

import { defaultVariables } from "./default-config.ts";
import { type DefaultOptions, defaultMetadata } from "./default-metadata.ts";
import { defaultPodResources } from "./default-pod-resources.ts";
import { defaultProbes } from "./default-probe.ts";
import { defaultPullPolicy } from "./default-pull-policy.ts";
import { defaultVolume } from "./default-volume.ts";
import type {
  Container,
  ContainerPort,
  Pod,
  PodSpec,
  ResourceList,
  ResourceRequirements,
} from "./pod.ts";
import { canonicalQuantity } from "./quantity.ts";
import { defaultServiceAccount, namesAccount } from "./service-account.ts";

/** The pod with every default filled in. */
export function defaultPod(pod: Pod, options: DefaultOptions): Pod {
  return fillPod({ ...pod, metadata: defaultMetadata(pod.metadata, true, options) });
}

/** The defaults below `metadata`. */
export function fillPod(pod: Pod): Pod {
  const spec = defaultSpec(pod.spec);
  const { enableServiceLinks = true } = spec;
  return { ...pod, spec: { ...spec, ...defaultServiceAccount(spec), enableServiceLinks } };
}

/** The defaults of a pod in a template: its account and its variables of Services are chosen when it is made. */
export function defaultSpec(spec: PodSpec): PodSpec {
  const { ephemeralContainers, initContainers, volumes } = spec;
  const container = (entry: Container): Container =>
    defaultContainer(entry, spec.hostNetwork === true);
  const resources = defaultPodResources(spec, {
    containers: spec.containers.map(container),
    ...(initContainers !== undefined && { initContainers: initContainers.map(container) }),
  });
  return {
    ...spec,
    ...(namesAccount(spec) && defaultServiceAccount(spec)),
    ...(initContainers !== undefined && { initContainers: initContainers.map(container) }),
    containers: spec.containers.map(container),
    ...(ephemeralContainers !== undefined && {
      ephemeralContainers: ephemeralContainers.map((entry) => {
        // They have none; the type says so.
        const { resources: _, ...filled } = { ...entry, ...container(entry) };
        return filled;
      }),
    }),
    ...(resources !== undefined && { resources }),
    ...(volumes !== undefined && { volumes: volumes.map(defaultVolume) }),
    restartPolicy: spec.restartPolicy ?? "Always",
    terminationGracePeriodSeconds: spec.terminationGracePeriodSeconds ?? 30,
    dnsPolicy: spec.dnsPolicy ?? "ClusterFirst",
    securityContext: spec.securityContext ?? {},
    schedulerName: spec.schedulerName || "default-scheduler",
  };
}

function defaultContainer(container: Container, hostNetwork: boolean): Container {
  const { ports } = container;
  return {
    ...container,
    ...defaultVariables(container),
    ...defaultProbes(container),
    imagePullPolicy: container.imagePullPolicy ?? defaultPullPolicy(container.image),
    ...(ports !== undefined && { ports: ports.map((port) => defaultPort(port, hostNetwork)) }),
    resources: defaultResources(container.resources ?? {}),
    terminationMessagePath: container.terminationMessagePath || "/dev/termination-log",
    terminationMessagePolicy: container.terminationMessagePolicy ?? "File",
  };
}

function defaultPort(port: ContainerPort, hostNetwork: boolean): ContainerPort {
  return {
    ...port,
    ...(hostNetwork && !port.hostPort && { hostPort: port.containerPort }),
    protocol: port.protocol ?? "TCP",
  };
}

/** A request that is missing equals its limit. */
function defaultResources({ limits, requests }: ResourceRequirements): ResourceRequirements {
  if (limits === undefined && requests === undefined) {
    return {};
  }
  return {
    ...(limits !== undefined && { limits: canonicalList(limits) }),
    requests: canonicalList({ ...limits, ...requests }),
  };
}

function canonicalList(list: ResourceList): ResourceList {
  return Object.fromEntries(
    Object.entries(list).map(([name, amount]) => [name, canonicalQuantity(amount)]),
  );
}
