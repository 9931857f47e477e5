/** The text of `describe` for everything but pods: kubectl's words where it has them, else all fields. Pure. */

import { age } from "../spec/age.ts";
import type { Event } from "../spec/event.ts";
import type {
  ConfigMap,
  Namespace,
  Node,
  PersistentVolume,
  PersistentVolumeClaim,
  Secret,
  StorageClass,
} from "../spec/kubernetes.gen.ts";
import type { Pod } from "../spec/pod.ts";
import type { KubernetesObject } from "../spec/resources.ts";
import { isObject } from "../spec/schema.ts";
import { accessModes, isDefaultClass, nodeRoles } from "../spec/table-columns.ts";
import { describeEvents } from "./describe-events.ts";
import {
  amounts,
  conditionBlock,
  type Field,
  lines,
  markFields,
  nameFields,
  none,
  optional,
  tableBlock,
  time,
} from "./describe-layout.ts";

/** What a description says besides the object itself. */
export interface Around {
  readonly events: readonly Event[];
  /** Pods that have to do with it: that use a claim, that run on a node. */
  readonly pods: readonly Pod[];
  readonly nowMs: number;
}

export function describeObject(object: KubernetesObject, around: Around): string {
  const { metadata } = object;
  const { deletionTimestamp } = metadata;
  const head: readonly Field[] = [
    ...nameFields(metadata),
    ...markFields(metadata),
    ...optional("Terminating", deletionTimestamp && `since ${time(deletionTimestamp)}`),
  ];
  return [
    ...lines(head),
    ...body(object, around),
    ...describeEvents(around.events, around.nowMs),
  ].join("\n");
}

/** The kind says the type. */
function body(object: KubernetesObject, around: Around): readonly string[] {
  switch (object.kind) {
    case "ConfigMap":
      return configMapLines(object as ConfigMap);
    case "Secret":
      return secretLines(object as Secret);
    case "Namespace":
      return lines([["Status", (object as Namespace).status?.phase ?? "Active"]]);
    case "Node":
      return nodeLines(object as Node, around);
    case "PersistentVolume":
      return volumeLines(object as PersistentVolume);
    case "PersistentVolumeClaim":
      return claimLines(object as PersistentVolumeClaim, around);
    case "StorageClass":
      return classLines(object as StorageClass);
    default:
      return plainLines(object);
  }
}

function configMapLines({ data = {}, binaryData = {}, immutable }: ConfigMap): readonly string[] {
  return [
    ...lines(optional("Immutable", immutable ? "true" : undefined)),
    ...["", "Data", "===="],
    ...Object.entries(data).flatMap(([key, value]) => [`${key}:`, "----", value, ""]),
    ...["", "BinaryData", "===="],
    ...Object.entries(binaryData).map(([key, value]) => `${key}: ${bytesOf(value)} bytes`),
    "",
  ];
}

/** Sizes only: what a secret says is no business of a terminal. */
function secretLines({ data = {}, type, immutable }: Secret): readonly string[] {
  return [
    ...["", `Type:  ${type ?? "Opaque"}`],
    ...(immutable ? ["Immutable:  true"] : []),
    ...["", "Data", "===="],
    ...lines(Object.entries(data).map(([key, value]) => [key, `${bytesOf(value)} bytes`])),
    "",
  ];
}

function bytesOf(base64: string): number {
  return Buffer.from(base64, "base64").length;
}

function volumeLines({ spec, status, metadata }: PersistentVolume): readonly string[] {
  const claim = spec?.claimRef;
  const source = ["hostPath", "local", "nfs", "csi"].find((key) => Object.hasOwn(spec ?? {}, key));
  const from = (spec as Readonly<Record<string, unknown>> | undefined)?.[source ?? ""];
  return [
    ...lines([
      ["Finalizers", (metadata.finalizers ?? []).join(", ") || none],
      ["StorageClass", spec?.storageClassName ?? ""],
      ["Status", status?.phase ?? "Pending"],
      ["Claim", claim === undefined ? "" : `${claim.namespace}/${claim.name}`],
      ["Reclaim Policy", spec?.persistentVolumeReclaimPolicy ?? "Retain"],
      ["Access Modes", accessModes(spec?.accessModes)],
      ["VolumeMode", spec?.volumeMode ?? "Filesystem"],
      ["Capacity", spec?.capacity?.["storage"] ?? ""],
      ...optional("Message", status?.message),
    ]),
    ...(source === undefined ? [] : ["Source:", ...treeLines({ [source]: from }, "  ")]),
    ...(spec?.nodeAffinity === undefined ? [] : treeLines({ nodeAffinity: spec.nodeAffinity }, "")),
  ];
}

function claimLines(
  { spec, status, metadata }: PersistentVolumeClaim,
  { pods }: Around,
): readonly string[] {
  const users = pods.filter((pod) =>
    pod.spec.volumes?.some(
      ({ persistentVolumeClaim, ephemeral, name }) =>
        persistentVolumeClaim?.claimName === metadata.name ||
        (ephemeral !== undefined && `${pod.metadata.name}-${name}` === metadata.name),
    ),
  );
  return [
    ...lines([
      ["Finalizers", (metadata.finalizers ?? []).join(", ") || none],
      ["StorageClass", spec?.storageClassName ?? ""],
      ["Status", status?.phase ?? "Pending"],
      ["Volume", spec?.volumeName ?? ""],
      ["Requested", spec?.resources?.requests?.["storage"] ?? ""],
      ["Capacity", status?.capacity?.["storage"] ?? ""],
      ["Access Modes", accessModes(status?.accessModes ?? spec?.accessModes)],
      ["VolumeMode", spec?.volumeMode ?? "Filesystem"],
      ["Used By", users.length === 0 ? none : users.map((pod) => pod.metadata.name)],
    ]),
    ...conditionBlock(status?.conditions ?? []),
  ];
}

function classLines(item: StorageClass): readonly string[] {
  const parameters = Object.entries(item.parameters ?? {}).map(([key, value]) => `${key}=${value}`);
  return lines([
    ["IsDefaultClass", isDefaultClass(item) ? "Yes" : "No"],
    ["Provisioner", item.provisioner],
    ["Parameters", parameters.join(",") || none],
    ["AllowVolumeExpansion", String(item.allowVolumeExpansion ?? false)],
    ["MountOptions", (item.mountOptions ?? []).join(", ") || none],
    ["ReclaimPolicy", item.reclaimPolicy ?? "Delete"],
    ["VolumeBindingMode", item.volumeBindingMode ?? "Immediate"],
  ]);
}

function nodeLines(node: Node, { pods, nowMs }: Around): readonly string[] {
  const { metadata, spec, status } = node;
  const taints = (spec?.taints ?? []).map(
    ({ key, value, effect }) => `${key}${value ? `=${value}` : ""}:${effect}`,
  );
  const info = Object.entries(status?.nodeInfo ?? {}).filter(
    ([, value]) => typeof value === "string",
  );
  const alive = pods.filter(
    ({ status: own }) => own?.phase !== "Succeeded" && own?.phase !== "Failed",
  );
  return [
    ...lines([
      ["Roles", nodeRoles(node)],
      ["CreationTimestamp", time(metadata.creationTimestamp)],
      ["Taints", taints.length === 0 ? none : taints],
      ["Unschedulable", String(spec?.unschedulable ?? false)],
    ]),
    ...conditionBlock(status?.conditions ?? []),
    ...lines([
      ["Addresses", (status?.addresses ?? []).map(({ type, address }) => [type, address] as const)],
      ...amounts("Capacity", status?.capacity),
      ...amounts("Allocatable", status?.allocatable),
      ["System Info", info.map(([key, value]) => [words(key), String(value)] as const)],
    ]),
    ...(alive.length === 0
      ? []
      : tableBlock(
          `Non-terminated Pods (${alive.length} in total)`,
          ["Namespace", "Name", "Age"],
          alive.map((pod) => [
            pod.metadata.namespace,
            pod.metadata.name,
            age(pod.metadata.creationTimestamp, nowMs),
          ]),
        )),
  ];
}

/** All fields but the identity, as kubectl describes kinds that it does not know. */
function plainLines(object: KubernetesObject): readonly string[] {
  const { apiVersion, kind, metadata: _, ...rest } = object;
  return [
    ...lines([
      ["API Version", apiVersion],
      ["Kind", kind],
    ]),
    ...treeLines(rest, ""),
  ];
}

function treeLines(map: Readonly<Record<string, unknown>>, indent: string): readonly string[] {
  return Object.entries(map).flatMap(([key, value]): readonly string[] => {
    const label = words(key);
    if (isObject(value)) return [`${indent}${label}:`, ...treeLines(value, `${indent}  `)];
    if (!Array.isArray(value)) return lines([[label, String(value)]], indent);
    const items = (value as readonly unknown[]).flatMap((item): readonly string[] =>
      isObject(item) ? treeLines(item, `${indent}  `) : [`${indent}  ${String(item)}`],
    );
    return [`${indent}${label}:`, ...items];
  });
}

/** `hostPath` → `Host Path`. */
function words(key: string): string {
  const spaced = key.replace(/([a-z0-9])([A-Z])/g, "$1 $2");
  return spaced.charAt(0).toUpperCase() + spaced.slice(1);
}
