/**
 * How strategic merge patch treats lists: which are merged, and by which field of their items. Lists that are not
 * named here are replaced whole.
 * Source: `x-kubernetes-patch-merge-key` and `x-kubernetes-patch-strategy` of Kubernetes' OpenAPI description.
 */

export interface ListStrategy {
  /** The field that tells items apart; undefined for lists of plain values, which are merged as sets. */
  readonly key?: string;
}

const NAME = { key: "name" } as const;
const TYPE = { key: "type" } as const;

/** Definition → field → strategy. */
const strategies: Readonly<Record<string, Readonly<Record<string, ListStrategy>>>> = {
  ObjectMeta: { finalizers: {}, ownerReferences: { key: "uid" } },
  PodSpec: {
    containers: NAME,
    ephemeralContainers: NAME,
    hostAliases: { key: "ip" },
    imagePullSecrets: NAME,
    initContainers: NAME,
    resourceClaims: NAME,
    schedulingGates: NAME,
    topologySpreadConstraints: { key: "topologyKey" },
    volumes: NAME,
  },
  PodStatus: {
    conditions: TYPE,
    hostIPs: { key: "ip" },
    podIPs: { key: "ip" },
    resourceClaimStatuses: NAME,
  },
  ...Object.fromEntries(
    ["Container", "EphemeralContainer"].map((definition) => [
      definition,
      {
        env: NAME,
        ports: { key: "containerPort" },
        volumeDevices: { key: "devicePath" },
        volumeMounts: { key: "mountPath" },
      },
    ]),
  ),
  ContainerStatus: { allocatedResourcesStatus: NAME, volumeMounts: { key: "mountPath" } },
  ServiceAccount: { secrets: NAME },
  NodeSpec: { podCIDRs: {} },
  NodeStatus: { addresses: TYPE, conditions: TYPE },
  ServiceSpec: { ports: { key: "port" } },
  ...Object.fromEntries(
    [
      "DaemonSetStatus",
      "DeploymentStatus",
      "JobStatus",
      "NamespaceStatus",
      "PersistentVolumeClaimStatus",
      "PodDisruptionBudgetStatus",
      "ReplicaSetStatus",
      "ServiceStatus",
      "StatefulSetStatus",
    ].map((definition) => [definition, { conditions: TYPE }]),
  ),
};

/** How a list is merged; undefined when it is replaced. */
export function listStrategy(definition: string, field: string): ListStrategy | undefined {
  const fields = strategies[definition] ?? {};
  return Object.hasOwn(fields, field) ? fields[field] : undefined;
}
