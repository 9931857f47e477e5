/**
 * The columns of `get`, kind by kind, in kubectl's words and order. Pure.
 * Source: kubernetes pkg/printers/internalversion, column definitions.
 */

import { age } from "./age.ts";
import {
  containerCells,
  jobCompletions,
  jobDuration,
  jobStatusWord,
  selectorText,
} from "./batch-cells.ts";
import { type Endpoints, endpointWords } from "./endpoints.ts";
import type { Event } from "./event.ts";
import type {
  ConfigMap,
  ControllerRevision,
  CronJob,
  DaemonSet,
  Deployment,
  EndpointSlice,
  Job,
  Lease,
  Namespace,
  Node,
  PersistentVolume,
  PersistentVolumeClaim,
  PodDisruptionBudget,
  PriorityClass,
  ReplicaSet,
  RoleBinding,
  RuntimeClass,
  Scale,
  Secret,
  Service,
  ServiceAccount,
  StatefulSet,
  StorageClass,
} from "./kubernetes.gen.ts";
import type { Pod } from "./pod.ts";
import { restartsCell, summarizePod } from "./pod-summary.ts";
import type { KubernetesObject } from "./resources.ts";

export interface Column {
  readonly heading: string;
  /** Shown with `-o wide` only. */
  readonly isWide: boolean;
  readonly cell: (object: KubernetesObject, nowMs: number) => string;
}

type Cell<T> = (object: T, nowMs: number) => string;

/** A kind's columns; a heading that begins with "+" is for `-o wide`. The objects are what the daemon promises. */
function columns<T extends KubernetesObject>(
  cells: readonly (readonly [heading: string, cell: Cell<T>])[],
): readonly Column[] {
  return cells.map(([heading, cell]) => ({
    heading: heading.replace(/^\+/, ""),
    isWide: heading.startsWith("+"),
    cell: (object, nowMs) => cell(object as T, nowMs),
  }));
}

const name: Cell<KubernetesObject> = ({ metadata }) => metadata.name;
const ageOf: Cell<KubernetesObject> = ({ metadata }, nowMs) =>
  age(metadata.creationTimestamp, nowMs);
const none = "<none>";
const unset = "<unset>";

const byKind: Readonly<Record<string, readonly Column[]>> = {
  CronJob: columns<CronJob>([
    ["NAME", name],
    ["SCHEDULE", ({ spec }) => spec.schedule],
    ["TIMEZONE", ({ spec }) => spec.timeZone ?? none],
    ["SUSPEND", ({ spec }) => (spec.suspend === true ? "True" : "False")],
    ["ACTIVE", ({ status }) => String(status?.active?.length ?? 0)],
    [
      "LAST SCHEDULE",
      ({ status }, nowMs) =>
        status?.lastScheduleTime === undefined ? none : age(status.lastScheduleTime, nowMs),
    ],
    ["AGE", ageOf],
    ["+CONTAINERS", ({ spec }) => containerCells(spec.jobTemplate.spec.template).names],
    ["+IMAGES", ({ spec }) => containerCells(spec.jobTemplate.spec.template).images],
    ["+SELECTOR", () => none],
  ]),
  Job: columns<Job>([
    ["NAME", name],
    ["STATUS", jobStatusWord],
    ["COMPLETIONS", jobCompletions],
    ["DURATION", jobDuration],
    ["AGE", ageOf],
    ["+CONTAINERS", ({ spec }) => containerCells(spec.template).names],
    ["+IMAGES", ({ spec }) => containerCells(spec.template).images],
    ["+SELECTOR", ({ spec }) => selectorText(spec.selector)],
  ]),
  PodDisruptionBudget: columns<PodDisruptionBudget>([
    ["NAME", name],
    ["MIN AVAILABLE", ({ spec }) => String(spec.minAvailable ?? "N/A")],
    ["MAX UNAVAILABLE", ({ spec }) => String(spec.maxUnavailable ?? "N/A")],
    ["ALLOWED DISRUPTIONS", ({ status }) => String(status?.disruptionsAllowed ?? 0)],
    ["AGE", ageOf],
  ]),
  Pod: columns<Pod>([
    ["NAME", name],
    ["READY", (pod) => readyCell(pod)],
    ["STATUS", (pod) => summarizePod(pod).status],
    ["RESTARTS", (pod, nowMs) => restartsCell(summarizePod(pod), nowMs)],
    ["AGE", ageOf],
    ["+IP", ({ status }) => status?.podIP || none],
    ["+NODE", ({ spec, status }) => spec.nodeName || status?.hostIP || none],
    // One node: no pod is moved to another.
    ["+NOMINATED NODE", () => none],
    ["+READINESS GATES", gatesCell],
  ]),
  Event: columns<Event>([
    ["LAST SEEN", (event, nowMs) => age(event.lastTimestamp, nowMs)],
    ["TYPE", ({ type }) => type],
    ["REASON", ({ reason }) => reason],
    ["OBJECT", eventObject],
    ["+SUBOBJECT", ({ involvedObject }) => involvedObject.fieldPath ?? ""],
    ["+SOURCE", ({ source }) => source?.component ?? ""],
    ["MESSAGE", ({ message }) => (message ?? "").trim()],
    ["+FIRST SEEN", (event, nowMs) => age(event.firstTimestamp, nowMs)],
    ["+COUNT", ({ count }) => String(count ?? 1)],
    ["+NAME", name],
  ]),
  Lease: columns<Lease>([
    ["NAME", name],
    ["HOLDER", ({ spec }) => spec?.holderIdentity ?? ""],
    ["AGE", ageOf],
  ]),
  Namespace: columns<Namespace>([
    ["NAME", name],
    ["STATUS", ({ status }) => status?.phase ?? "Active"],
    ["AGE", ageOf],
  ]),
  Node: columns<Node>([
    ["NAME", name],
    ["STATUS", nodeStatus],
    ["ROLES", nodeRoles],
    ["AGE", ageOf],
    ["VERSION", ({ status }) => status?.nodeInfo?.kubeletVersion ?? ""],
    ["+INTERNAL-IP", (node) => nodeAddress(node, "InternalIP")],
    ["+EXTERNAL-IP", (node) => nodeAddress(node, "ExternalIP")],
    ["+OS-IMAGE", ({ status }) => status?.nodeInfo?.osImage || "<unknown>"],
    ["+KERNEL-VERSION", ({ status }) => status?.nodeInfo?.kernelVersion || "<unknown>"],
    [
      "+CONTAINER-RUNTIME",
      ({ status }) => status?.nodeInfo?.containerRuntimeVersion || "<unknown>",
    ],
  ]),
  PriorityClass: columns<PriorityClass>([
    ["NAME", name],
    ["VALUE", ({ value }) => String(value)],
    ["GLOBAL-DEFAULT", ({ globalDefault }) => String(globalDefault ?? false)],
    ["AGE", ageOf],
    ["PREEMPTIONPOLICY", ({ preemptionPolicy }) => preemptionPolicy ?? "PreemptLowerPriority"],
  ]),
  RuntimeClass: columns<RuntimeClass>([
    ["NAME", name],
    ["HANDLER", ({ handler }) => handler],
    ["AGE", ageOf],
  ]),
  ...Object.fromEntries(
    ["ClusterRole", "Role"].map((kind) => [
      kind,
      columns([
        ["NAME", name],
        ["CREATED AT", ({ metadata }) => metadata.creationTimestamp ?? ""],
      ]),
    ]),
  ),
  ...Object.fromEntries(
    ["ClusterRoleBinding", "RoleBinding"].map((kind) => [
      kind,
      columns<RoleBinding>([
        ["NAME", name],
        ["ROLE", ({ roleRef }) => `${roleRef.kind}/${roleRef.name}`],
        ["AGE", ageOf],
        ["+USERS", (binding) => subjectsOf(binding, "User")],
        ["+GROUPS", (binding) => subjectsOf(binding, "Group")],
        ["+SERVICEACCOUNTS", (binding) => subjectsOf(binding, "ServiceAccount")],
      ]),
    ]),
  ),
  StorageClass: columns<StorageClass>([
    ["NAME", (item) => item.metadata.name + (isDefaultClass(item) ? " (default)" : "")],
    ["PROVISIONER", ({ provisioner }) => provisioner],
    ["RECLAIMPOLICY", ({ reclaimPolicy }) => reclaimPolicy ?? "Delete"],
    ["VOLUMEBINDINGMODE", ({ volumeBindingMode }) => volumeBindingMode ?? "Immediate"],
    ["ALLOWVOLUMEEXPANSION", ({ allowVolumeExpansion }) => String(allowVolumeExpansion ?? false)],
    ["AGE", ageOf],
  ]),
  PersistentVolume: columns<PersistentVolume>([
    ["NAME", name],
    ["CAPACITY", ({ spec }) => spec?.capacity?.["storage"] ?? ""],
    ["ACCESS MODES", ({ spec }) => accessModes(spec?.accessModes)],
    ["RECLAIM POLICY", ({ spec }) => spec?.persistentVolumeReclaimPolicy ?? "Retain"],
    ["STATUS", (volume) => deletable(volume, volume.status?.phase)],
    [
      "CLAIM",
      ({ spec }) =>
        spec?.claimRef === undefined ? "" : `${spec.claimRef.namespace}/${spec.claimRef.name}`,
    ],
    ["STORAGECLASS", ({ spec }) => spec?.storageClassName ?? ""],
    ["VOLUMEATTRIBUTESCLASS", ({ spec }) => spec?.volumeAttributesClassName ?? unset],
    ["REASON", ({ status }) => status?.reason ?? ""],
    ["AGE", ageOf],
    ["+VOLUMEMODE", ({ spec }) => spec?.volumeMode ?? unset],
  ]),
  PersistentVolumeClaim: columns<PersistentVolumeClaim>([
    ["NAME", name],
    ["STATUS", (claim) => deletable(claim, claim.status?.phase)],
    ["VOLUME", ({ spec }) => spec?.volumeName ?? ""],
    // Kubernetes shows what a bound claim has, and nothing of one that waits.
    [
      "CAPACITY",
      ({ spec, status }) => (spec?.volumeName ? (status?.capacity?.["storage"] ?? "") : ""),
    ],
    [
      "ACCESS MODES",
      ({ spec, status }) => (spec?.volumeName ? accessModes(status?.accessModes) : ""),
    ],
    ["STORAGECLASS", ({ spec }) => spec?.storageClassName ?? ""],
    ["VOLUMEATTRIBUTESCLASS", ({ spec }) => spec?.volumeAttributesClassName ?? unset],
    ["AGE", ageOf],
    ["+VOLUMEMODE", ({ spec }) => spec?.volumeMode ?? unset],
  ]),
  ServiceAccount: columns<ServiceAccount>([
    ["NAME", name],
    ["SECRETS", ({ secrets }) => String(secrets?.length ?? 0)],
    ["AGE", ageOf],
  ]),
  Service: columns<Service>([
    ["NAME", name],
    ["TYPE", ({ spec }) => spec.type ?? "ClusterIP"],
    ["CLUSTER-IP", ({ spec }) => spec.clusterIP || none],
    ["EXTERNAL-IP", externalCell],
    ["PORT(S)", servicePorts],
    ["AGE", ageOf],
    ["+SELECTOR", ({ spec }) => pairsText(spec.selector)],
  ]),
  EndpointSlice: columns<EndpointSlice>([
    ["NAME", name],
    ["ADDRESSTYPE", ({ addressType }) => addressType],
    ["PORTS", ({ ports }) => cut((ports ?? []).map(({ port }) => String(port ?? "*"))) || unset],
    [
      "ENDPOINTS",
      ({ endpoints }) =>
        cut((endpoints ?? []).map(({ addresses }) => addresses.join(","))) || unset,
    ],
    ["AGE", ageOf],
  ]),
  Endpoints: columns<Endpoints>([
    ["NAME", name],
    ["ENDPOINTS", (endpoints) => cut(endpointWords(endpoints)) || none],
    ["AGE", ageOf],
  ]),
  ConfigMap: columns<ConfigMap>([
    ["NAME", name],
    ["DATA", ({ data, binaryData }) => String(count(data) + count(binaryData))],
    ["AGE", ageOf],
  ]),
  Deployment: columns<Deployment>([
    ["NAME", name],
    ["READY", ({ spec, status }) => `${status?.readyReplicas ?? 0}/${spec.replicas ?? 1}`],
    ["UP-TO-DATE", ({ status }) => String(status?.updatedReplicas ?? 0)],
    ["AVAILABLE", ({ status }) => String(status?.availableReplicas ?? 0)],
    ["AGE", ageOf],
    ["+CONTAINERS", ({ spec }) => containerCells(spec.template).names],
    ["+IMAGES", ({ spec }) => containerCells(spec.template).images],
    ["+SELECTOR", ({ spec }) => selectorText(spec.selector)],
  ]),
  ReplicaSet: columns<ReplicaSet>([
    ["NAME", name],
    ["DESIRED", ({ spec }) => String(spec.replicas ?? 1)],
    ["CURRENT", ({ status }) => String(status?.replicas ?? 0)],
    ["READY", ({ status }) => String(status?.readyReplicas ?? 0)],
    ["AGE", ageOf],
    ["+CONTAINERS", ({ spec }) => (spec.template ? containerCells(spec.template).names : "")],
    ["+IMAGES", ({ spec }) => (spec.template ? containerCells(spec.template).images : "")],
    ["+SELECTOR", ({ spec }) => selectorText(spec.selector)],
  ]),
  StatefulSet: columns<StatefulSet>([
    ["NAME", name],
    ["READY", ({ spec, status }) => `${status?.readyReplicas ?? 0}/${spec.replicas ?? 1}`],
    ["AGE", ageOf],
    ["+CONTAINERS", ({ spec }) => containerCells(spec.template).names],
    ["+IMAGES", ({ spec }) => containerCells(spec.template).images],
  ]),
  DaemonSet: columns<DaemonSet>([
    ["NAME", name],
    ["DESIRED", ({ status }) => String(status?.desiredNumberScheduled ?? 0)],
    ["CURRENT", ({ status }) => String(status?.currentNumberScheduled ?? 0)],
    ["READY", ({ status }) => String(status?.numberReady ?? 0)],
    ["UP-TO-DATE", ({ status }) => String(status?.updatedNumberScheduled ?? 0)],
    ["AVAILABLE", ({ status }) => String(status?.numberAvailable ?? 0)],
    ["NODE SELECTOR", nodeSelectorCell],
    ["AGE", ageOf],
    ["+CONTAINERS", ({ spec }) => containerCells(spec.template).names],
    ["+IMAGES", ({ spec }) => containerCells(spec.template).images],
    ["+SELECTOR", ({ spec }) => selectorText(spec.selector)],
  ]),
  ControllerRevision: columns<ControllerRevision>([
    ["NAME", name],
    [
      "CONTROLLER",
      ({ metadata }) => {
        const owner = metadata.ownerReferences?.find(({ controller }) => controller === true);
        if (owner === undefined) return none;
        const group = owner.apiVersion.includes("/") ? `.${owner.apiVersion.split("/")[0]}` : "";
        return `${owner.kind.toLowerCase()}${group}/${owner.name}`;
      },
    ],
    ["REVISION", ({ revision }) => String(revision)],
    ["AGE", ageOf],
  ]),
  Scale: columns<Scale>([
    ["NAME", name],
    ["DESIRED", ({ spec }) => String(spec?.replicas ?? 0)],
    ["AVAILABLE", ({ status }) => String(status?.replicas ?? 0)],
    ["AGE", ageOf],
  ]),
  Secret: columns<Secret>([
    ["NAME", name],
    ["TYPE", ({ type }) => type ?? "Opaque"],
    ["DATA", ({ data }) => String(count(data))],
    ["AGE", ageOf],
  ]),
};

const plain = columns<KubernetesObject>([
  ["NAME", name],
  ["AGE", ageOf],
]);

/** Columns of a kind; name and age when it has none of its own. */
export function columnsOf(kind: string, isWide: boolean): readonly Column[] {
  return (byKind[kind] ?? plain).filter((column) => isWide || !column.isWide);
}

function readyCell(pod: Pod): string {
  const { readyContainers, totalContainers } = summarizePod(pod);
  return `${readyContainers}/${totalContainers}`;
}

function gatesCell({ spec, status }: Pod): string {
  const gates = spec.readinessGates ?? [];
  if (gates.length === 0) return none;
  const reached = gates.filter(({ conditionType }) =>
    status?.conditions?.some((item) => item.type === conditionType && item.status === "True"),
  );
  return `${reached.length}/${gates.length}`;
}

/** `pod/web`. */
export function eventObject({ involvedObject }: Event): string {
  return `${(involvedObject.kind ?? "").toLowerCase()}/${involvedObject.name ?? ""}`;
}

function nodeStatus({ spec, status }: Node): string {
  const ready = status?.conditions?.find(({ type }) => type === "Ready");
  const word = ready === undefined ? "Unknown" : ready.status === "True" ? "Ready" : "NotReady";
  return spec?.unschedulable ? `${word},SchedulingDisabled` : word;
}

/** Roles of a node are written in its labels. */
export function nodeRoles({ metadata }: Node): string {
  const prefix = "node-role.kubernetes.io/";
  const roles = Object.entries(metadata.labels ?? {}).flatMap(([key, value]) => {
    if (key.startsWith(prefix)) return [key.slice(prefix.length)];
    return key === "kubernetes.io/role" && value !== "" ? [value] : [];
  });
  return roles.filter(Boolean).sort().join(",") || none;
}

function nodeAddress({ status }: Node, type: string): string {
  return status?.addresses?.find((item) => item.type === type)?.address ?? none;
}

/** `default/robot`, `jane`. */
function subjectsOf({ subjects = [] }: RoleBinding, kind: string): string {
  return subjects
    .filter((subject) => subject.kind === kind)
    .map(({ namespace, name: of }) => (kind === "ServiceAccount" ? `${namespace}/${of}` : of))
    .join(", ");
}

export function isDefaultClass({ metadata }: StorageClass): boolean {
  return metadata.annotations?.["storageclass.kubernetes.io/is-default-class"] === "true";
}

const modeWords: readonly (readonly [mode: string, word: string])[] = [
  ["ReadWriteOnce", "RWO"],
  ["ReadOnlyMany", "ROX"],
  ["ReadWriteMany", "RWX"],
  ["ReadWriteOncePod", "RWOP"],
];

/** `RWO,ROX`. */
export function accessModes(modes: readonly string[] | undefined): string {
  return modeWords.flatMap(([mode, word]) => (modes?.includes(mode) ? [word] : [])).join(",");
}

function deletable({ metadata }: KubernetesObject, phase: string | undefined): string {
  return metadata.deletionTimestamp === undefined ? (phase ?? "Pending") : "Terminating";
}

function count(map: Readonly<Record<string, unknown>> | undefined): number {
  return Object.keys(map ?? {}).length;
}

function nodeSelectorCell({ spec }: DaemonSet): string {
  const pairs = Object.entries(spec.template.spec.nodeSelector ?? {});
  return pairs.map(([key, value]) => `${key}=${value}`).join(",") || none;
}

/** Where others reach a Service from outside. */
function externalCell({ spec, status }: Service): string {
  if (spec.type === "ExternalName") return spec.externalName ?? none;
  const given = (status?.loadBalancer?.ingress ?? []).map(
    ({ ip, hostname }) => ip ?? hostname ?? "",
  );
  const all = [...given, ...(spec.externalIPs ?? [])];
  if (all.length > 0) return all.join(",");
  return spec.type === "LoadBalancer" ? "<pending>" : none;
}

function servicePorts({ spec }: Service): string {
  const ports = (spec.ports ?? []).map(
    ({ port, nodePort, protocol }) =>
      `${port}${nodePort ? `:${nodePort}` : ""}/${protocol ?? "TCP"}`,
  );
  return ports.join(",") || none;
}

function pairsText(pairs: Readonly<Record<string, string>> = {}): string {
  const list = Object.entries(pairs).map(([key, value]) => `${key}=${value}`);
  return list.join(",") || none;
}

/** The first three, as kubectl shows them. */
function cut(words: readonly string[]): string {
  const more = words.length > 3 ? ` + ${words.length - 3} more...` : "";
  return words.slice(0, 3).join(",") + more;
}
