/**
 * The pod of one node of a DaemonSet, and whether the node is to have one. Pure.
 * Source: Kubernetes, "DaemonSet", "How Daemon Pods are scheduled", "Taints and tolerations".
 */
import type { NodeState } from "../scheduler/cluster.ts";
import {
  areTaintsTolerated,
  hasItsName,
  isNodeWanted,
  namedNodes,
} from "../scheduler/node-filters.ts";
import { untolerated } from "../scheduler/tolerations.ts";
import type { DaemonSet, Node, PodTemplateSpec, Toleration } from "../spec/kubernetes.gen.ts";
import type { Pod } from "../spec/pod.ts";
import { podOfTemplate } from "../spec/pod-template.ts";
import { controllerReference } from "./ownership.ts";
import { revisionLabel } from "./revision-history.ts";

type Effect = NonNullable<Toleration["effect"]>;

/** What a pod that belongs to its node does not mind. */
const tolerated: readonly (readonly [condition: string, effect: Effect])[] = [
  ["not-ready", "NoExecute"],
  ["unreachable", "NoExecute"],
  ["disk-pressure", "NoSchedule"],
  ["memory-pressure", "NoSchedule"],
  ["pid-pressure", "NoSchedule"],
  ["unschedulable", "NoSchedule"],
];

/** @param revision - what the label of the pod says of its template. */
export function daemonPod(
  set: DaemonSet,
  node: string,
  { template, revision }: { readonly template: PodTemplateSpec; readonly revision: string },
): Pod {
  const pod = withTolerations(podOfTemplate(template, set.metadata.namespace));
  const { metadata, spec } = pod;
  return {
    ...pod,
    metadata: {
      ...metadata,
      generateName: `${set.metadata.name}-`,
      labels: { ...metadata.labels, [revisionLabel]: revision },
      ownerReferences: [controllerReference(set)],
    },
    spec: {
      ...spec,
      affinity: {
        ...spec.affinity,
        nodeAffinity: {
          ...spec.affinity?.nodeAffinity,
          requiredDuringSchedulingIgnoredDuringExecution: {
            nodeSelectorTerms: [
              { matchFields: [{ key: "metadata.name", operator: "In", values: [node] }] },
            ],
          },
        },
      },
    },
  };
}

function withTolerations(pod: Pod): Pod {
  const own = pod.spec.tolerations ?? [];
  const wanted = [
    ...tolerated,
    ...(pod.spec.hostNetwork === true ? [["network-unavailable", "NoSchedule"] as const] : []),
  ].map(([condition, effect]): Toleration => {
    return { key: `node.kubernetes.io/${condition}`, operator: "Exists", effect };
  });
  const added = wanted.filter(
    ({ key, effect }) => !own.some((other) => other.key === key && other.effect === effect),
  );
  return { ...pod, spec: { ...pod.spec, tolerations: [...own, ...added] } };
}

/** Whether a node is to have a pod, and may keep one that it has. */
export function nodeVerdict(
  { spec, metadata }: DaemonSet,
  node: Node,
): { readonly isWanted: boolean; readonly mayStay: boolean } {
  const pod = withTolerations(podOfTemplate(spec.template, metadata.namespace));
  const state: NodeState = { node, pods: [] };
  // None of these filters looks at other nodes.
  const alone = { nodes: [state], namespaceLabels: () => ({}) };
  if ((hasItsName(pod, state, alone) ?? isNodeWanted(pod, state, alone)) !== undefined) {
    return { isWanted: false, mayStay: false };
  }
  const taints = (node.spec?.taints ?? []).filter(({ effect }) => effect === "NoExecute");
  return {
    isWanted: areTaintsTolerated(pod, state, alone) === undefined,
    mayStay: untolerated(pod.spec.tolerations ?? [], taints) === undefined,
  };
}

/** The node that a pod is on or made for. */
export function nodeOfDaemonPod(pod: Pod): string {
  return pod.spec.nodeName || ([...(namedNodes(pod) ?? [])][0] ?? "");
}
