/**
 * The Node object of this machine: a pure function of facts and of the object as it stands, whose labels, taints and
 * further resources others may set.
 *
 * Source: Kubernetes API reference, core/v1 Node; "Node Status", "Well-Known Labels, Annotations and Taints",
 * "Node-pressure Eviction" for the words of conditions.
 */
import { toTime } from "../base/clock.ts";
import type {
  ContainerImage,
  Node,
  NodeCondition,
  NodeRuntimeHandler,
  NodeStatus,
} from "../spec/kubernetes.gen.ts";
import { releaseName } from "../spec/kubernetes-release.ts";
import type { ObjectMeta } from "../spec/meta.ts";
import type { ResourceList } from "../spec/pod.ts";
import { formatQuantity } from "../spec/quantity.ts";
import { runtimeHandlers } from "../spec/runtime-handlers.ts";
import { volumesAnnotation } from "../volume/local-path.ts";
import type { Levels, MachineFacts } from "./node-facts.ts";

export interface NodeFacts {
  readonly name: string;
  readonly machine: MachineFacts;
  readonly levels: Levels;
  /** Address of the node on its network. */
  readonly address: string;
  /** Prefix that pods get their addresses from, for the node of the control plane; others are given theirs. */
  readonly podCidr?: string;
  /** Where it makes the folders of claims. */
  readonly volumesFolder: string;
  /** Where the API server reaches the agent; absent: in its own process. */
  readonly kubeletPort?: number;
  /** Why no pod can run. */
  readonly problem?: string;
  readonly maxPods: number;
  /** Version of nspod. */
  readonly version: string;
  readonly images: readonly ContainerImage[];
  readonly nowMs: number;
}

/** Conditions are told anew after this long even if they are the same, as the kubelet does. */
export const heartbeatMs = 300_000;

/** The kubelet's threshold of memory.available; below these two of the others, too little works. */
const leastMemoryBytes = 100 * 2 ** 20;
const leastDiskBytes = 512 * 2 ** 20;
const leastFreeShare = 0.01;
const leastThreads = 512;

/** The kubelet lists as many images in a status. */
const mostImages = 50;

/** The node as it is to be stored. @param current - as it is; undefined for the first time. */
export function nodeObject(facts: NodeFacts, current: Node | undefined): Node {
  const conditions = nodeConditions(facts, current?.status?.conditions ?? []);
  const { podCidr, volumesFolder } = facts;
  const {
    labels,
    annotations,
    ...metadata
  }: Partial<ObjectMeta> & Pick<ObjectMeta, "name" | "namespace" | "uid"> = current?.metadata ?? {
    name: facts.name,
    namespace: "",
    uid: "",
    ...(podCidr !== undefined && { labels: { "node-role.kubernetes.io/control-plane": "" } }),
  };
  return {
    apiVersion: "v1",
    kind: "Node",
    metadata: {
      ...metadata,
      labels: { ...labels, ...ownLabels(facts) },
      annotations: { ...annotations, [volumesAnnotation]: volumesFolder },
    },
    spec: {
      ...current?.spec,
      ...(podCidr !== undefined && { podCIDR: podCidr, podCIDRs: [podCidr] }),
    },
    status: nodeStatus(facts, conditions, current?.status),
  };
}

/** Whether two states of a node differ in more than the time of their last heartbeat. */
export function isSameNode(one: Node, other: Node): boolean {
  const text = ({ metadata, spec, status }: Node): string =>
    JSON.stringify([
      sorted(metadata.labels ?? {}),
      metadata.annotations?.[volumesAnnotation],
      spec,
      { ...status, conditions: (status?.conditions ?? []).map(withoutHeartbeat) },
    ]);
  return text(one) === text(other);
}

function ownLabels({ name, machine }: NodeFacts): Readonly<Record<string, string>> {
  return {
    "kubernetes.io/arch": machine.architecture,
    "kubernetes.io/hostname": name,
    "kubernetes.io/os": "linux",
  };
}

function nodeStatus(
  facts: NodeFacts,
  conditions: readonly NodeCondition[],
  before: NodeStatus = {},
): NodeStatus {
  const { machine, images, address, name, version, kubeletPort } = facts;
  const { capacity, allocatable } = resources(facts);
  // Devices are counted by whoever provides them.
  const further = (list: ResourceList = {}): ResourceList =>
    Object.fromEntries(Object.entries(list).filter(([resource]) => resource.includes("/")));
  const ofImages = images.toSorted((a, b) => (b.sizeBytes ?? 0) - (a.sizeBytes ?? 0));
  return {
    addresses: [
      { type: "InternalIP", address },
      { type: "Hostname", address: name },
    ],
    capacity: { ...further(before.capacity), ...capacity },
    allocatable: {
      ...further(before.capacity),
      ...further(before.allocatable),
      ...allocatable,
    },
    conditions,
    ...(kubeletPort !== undefined && {
      daemonEndpoints: { kubeletEndpoint: { Port: kubeletPort } },
    }),
    nodeInfo: {
      architecture: machine.architecture,
      bootID: machine.bootId,
      containerRuntimeVersion: `nspod://${version}`,
      kernelVersion: machine.kernel,
      kubeProxyVersion: "",
      kubeletVersion: releaseName(version),
      machineID: machine.machineId,
      operatingSystem: "linux",
      osImage: machine.osImage,
      systemUUID: machine.systemUuid,
    },
    images: ofImages.slice(0, mostImages),
    runtimeHandlers: handlers(machine.kernel),
  };
}

function resources({ machine, levels, maxPods }: NodeFacts): {
  readonly capacity: ResourceList;
  readonly allocatable: ResourceList;
} {
  const pages = [...levels.hugePages].map(
    ([size, bytes]) => [`hugepages-${kibi(size)}`, kibi(bytes)] as const,
  );
  const setAside = [...levels.hugePages.values()].reduce((sum, bytes) => sum + bytes, 0);
  const capacity = {
    cpu: String(machine.processors),
    "ephemeral-storage": kibi(levels.diskBytes),
    ...Object.fromEntries(pages),
    memory: kibi(machine.memoryBytes),
    pods: String(maxPods),
  };
  return {
    capacity,
    // Nothing is kept back for the machine: how much it needs, nobody but its owner knows.
    allocatable: { ...capacity, memory: kibi(machine.memoryBytes - setAside) },
  };
}

/** Canonical text of a number of bytes. */
function kibi(bytes: number): string {
  const whole = bytes - (bytes % 1024);
  return formatQuantity({ nano: BigInt(whole) * 1_000_000_000n, format: "BinarySI" });
}

/** "" is the one without a name. */
function handlers(kernel: string): readonly NodeRuntimeHandler[] {
  const [major = 0, minor = 0] = kernel.split(".").map((part) => Number.parseInt(part, 10));
  const isAtLeast = (wanted: number, than: number): boolean =>
    major > wanted || (major === wanted && minor >= than);
  const features = {
    // mount_setattr(2) with AT_RECURSIVE; idmapped mounts of tmpfs.
    recursiveReadOnlyMounts: isAtLeast(5, 12),
    userNamespaces: isAtLeast(6, 3),
  };
  return ["", ...runtimeHandlers].map((name) => ({ name, features }));
}

interface Finding {
  readonly type: string;
  readonly isTrue: boolean;
  readonly reason: string;
  readonly message: string;
}

function nodeConditions(
  { levels, nowMs, problem }: NodeFacts,
  before: readonly NodeCondition[],
): readonly NodeCondition[] {
  const hasMemory = levels.freeMemoryBytes >= leastMemoryBytes;
  // Some file systems do not count files.
  const hasFiles = levels.files === 0 || levels.freeFiles / levels.files >= leastFreeShare;
  const hasDisk = levels.freeDiskBytes >= leastDiskBytes && hasFiles;
  const hasThreads = levels.maxThreads - levels.threads >= leastThreads;
  const findings: readonly Finding[] = [
    pressure("MemoryPressure", hasMemory),
    pressure("DiskPressure", hasDisk),
    pressure("PIDPressure", hasThreads),
    {
      type: "Ready",
      isTrue: problem === undefined,
      reason: problem === undefined ? "KubeletReady" : "KubeletNotReady",
      message: problem ?? "kubelet is posting ready status",
    },
  ];
  const own = findings.map((finding) => condition(finding, before, nowMs));
  return [...before.filter(({ type }) => !own.some((each) => each.type === type)), ...own];
}

/** Reasons and messages of the kubelet: first those of a node that has enough. */
const words = {
  MemoryPressure: [
    ["KubeletHasSufficientMemory", "kubelet has sufficient memory available"],
    ["KubeletHasInsufficientMemory", "kubelet has insufficient memory available"],
  ],
  DiskPressure: [
    ["KubeletHasNoDiskPressure", "kubelet has no disk pressure"],
    ["KubeletHasDiskPressure", "kubelet has disk pressure"],
  ],
  PIDPressure: [
    ["KubeletHasSufficientPID", "kubelet has sufficient PID available"],
    ["KubeletHasInsufficientPID", "kubelet has insufficient PID available"],
  ],
} as const;

function pressure(type: keyof typeof words, isEnough: boolean): Finding {
  const [enough, short] = words[type];
  const [reason, message] = isEnough ? enough : short;
  return { type, isTrue: !isEnough, reason, message };
}

function condition(
  { type, isTrue, reason, message }: Finding,
  before: readonly NodeCondition[],
  nowMs: number,
): NodeCondition {
  const status = isTrue ? "True" : "False";
  const old = before.find((candidate) => candidate.type === type);
  const now = toTime(nowMs);
  const isSame = old?.status === status;
  const isFresh = nowMs - Date.parse(old?.lastHeartbeatTime ?? "") < heartbeatMs;
  return {
    type,
    status,
    lastHeartbeatTime: isSame && isFresh ? (old.lastHeartbeatTime ?? now) : now,
    lastTransitionTime: isSame ? (old.lastTransitionTime ?? now) : now,
    reason,
    message,
  };
}

function withoutHeartbeat({ lastHeartbeatTime: _, ...rest }: NodeCondition): object {
  return rest;
}

function sorted(map: Readonly<Record<string, string>>): object {
  return Object.entries(map).sort(([a], [b]) => a.localeCompare(b));
}
