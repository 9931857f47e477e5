// Nodes and pods in the least words: `nodeOf("n1", { labels, taints })`, `podOf("p", { nodeSelector })`.
import type { Cluster, NodeState } from "../../../src/scheduler/cluster.ts";
import type { Node, Taint } from "../../../src/spec/kubernetes.gen.ts";
import type { Container, Pod, PodSpec, PodStatus, ResourceList } from "../../../src/spec/pod.ts";

type Labels = Readonly<Record<string, string>>;

export interface NodeWishes {
  readonly labels?: Labels;
  readonly taints?: readonly Taint[];
  readonly unschedulable?: boolean;
  readonly allocatable?: ResourceList;
  readonly pods?: readonly Pod[];
}

const roomy: ResourceList = { cpu: "2", memory: "4Gi", pods: "10" };

export function nodeOf(name: string, wishes: NodeWishes = {}): NodeState {
  const { labels = {}, taints, unschedulable, allocatable = roomy, pods = [] } = wishes;
  const node: Node = {
    apiVersion: "v1",
    kind: "Node",
    metadata: {
      name,
      namespace: "",
      uid: name,
      labels: { "kubernetes.io/hostname": name, ...labels },
    },
    spec: { ...(taints && { taints }), ...(unschedulable && { unschedulable }) },
    status: { allocatable },
  };
  return { node, pods };
}

export function clusterOf(...nodes: readonly NodeState[]): Cluster {
  return {
    nodes,
    namespaceLabels: (name): Labels => (name === "other" ? { team: "b" } : { team: "a" }),
  };
}

export interface PodWishes extends Partial<PodSpec> {
  readonly labels?: Labels;
  readonly namespace?: string;
  /** Requests of its one container. */
  readonly requests?: ResourceList;
  readonly ports?: Container["ports"];
  readonly status?: PodStatus;
  readonly isEnding?: boolean;
}

export function podOf(name: string, wishes: PodWishes = {}): Pod {
  const { labels, namespace = "default", requests, ports, status, isEnding, ...spec } = wishes;
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: {
      name,
      namespace,
      uid: `${namespace}/${name}`,
      ...(labels && { labels }),
      ...(isEnding && { deletionTimestamp: "2026-01-01T00:00:00Z" }),
    },
    spec: {
      containers: [
        {
          name: "c",
          image: "i",
          ...(requests && { resources: { requests } }),
          ...(ports && { ports }),
        },
      ],
      ...spec,
    },
    ...(status && { status }),
  };
}
