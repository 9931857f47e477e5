/** The text of `describe pod`: kubectl's sections and words, with the pod's events. Pure. */

import { humanDuration } from "../spec/age.ts";
import type { Event } from "../spec/event.ts";
import type { Toleration } from "../spec/kubernetes.gen.ts";
import type { Container, ContainerStatus, Pod } from "../spec/pod.ts";
import { containerFields } from "./describe-container.ts";
import { describeEvents } from "./describe-events.ts";
import {
  conditionBlock,
  type Field,
  lines,
  markFields,
  nameFields,
  none,
  optional,
  pairs,
  time,
} from "./describe-layout.ts";
import { volumeField } from "./describe-volume.ts";

export function describePod(pod: Pod, events: readonly Event[], nowMs: number): string {
  const { spec, status = {} } = pod;
  return [
    ...lines(identity(pod, nowMs)),
    ...lines([
      ...containerBlock("Init Containers", spec.initContainers, status.initContainerStatuses),
      ...containerBlock("Containers", spec.containers, status.containerStatuses),
      ...containerBlock(
        "Ephemeral Containers",
        spec.ephemeralContainers,
        status.ephemeralContainerStatuses,
      ),
    ]),
    ...gates(pod),
    ...conditionBlock(status.conditions ?? []),
    ...((spec.volumes ?? []).length > 0
      ? ["Volumes:", ...lines((spec.volumes ?? []).map(volumeField), "  ")]
      : lines([["Volumes", none]])),
    ...lines([
      ["QoS Class", status.qosClass ?? none],
      ...(spec.nodeSelector ? ([["Node-Selectors", pairs(spec.nodeSelector)]] as const) : []),
      ...(spec.tolerations?.length
        ? ([["Tolerations", spec.tolerations.map(tolerationText)]] as const)
        : []),
    ]),
    ...describeEvents(events, nowMs),
  ].join("\n");
}

function identity(pod: Pod, nowMs: number): readonly Field[] {
  const { metadata, spec, status = {} } = pod;
  const owner = metadata.ownerReferences?.find(({ controller }) => controller);
  const seccomp = spec.securityContext?.seccompProfile;
  return [
    ...nameFields(metadata),
    ...optional("Priority", spec.priority === undefined ? undefined : String(spec.priority)),
    ...optional("Priority Class Name", spec.priorityClassName),
    ...optional("Runtime Class Name", spec.runtimeClassName),
    ...optional("Service Account", spec.serviceAccountName),
    ...optional("Node", [spec.nodeName, status.hostIP].filter(Boolean).join("/")),
    ["Start Time", time(status.startTime)],
    ...markFields(metadata),
    ...(metadata.deletionTimestamp === undefined
      ? ([["Status", status.phase ?? "Pending"]] satisfies Field[])
      : ([
          ["Status", terminating(pod, nowMs)],
          ["Termination Grace Period", `${metadata.deletionGracePeriodSeconds ?? 0}s`],
        ] satisfies Field[])),
    ...optional("Reason", status.reason),
    ...optional("Message", status.message),
    ...optional("SeccompProfile", seccomp?.type),
    ...optional("LocalhostProfile", seccomp?.localhostProfile),
    ["IP", status.podIP || ""],
    ["IPs", (status.podIPs ?? []).length === 0 ? none : ipFields(pod)],
    ...optional("Controlled By", owner && `${owner.kind}/${owner.name}`),
  ];
}

function terminating({ metadata }: Pod, nowMs: number): string {
  const since = nowMs - Date.parse(metadata.deletionTimestamp ?? "");
  // The time stamp is the deadline: the grace period may still be running.
  return since > 0 ? `Terminating (lasts ${humanDuration(since)})` : "Terminating";
}

function ipFields({ status }: Pod): readonly Field[] {
  return (status?.podIPs ?? []).map(({ ip }) => ["IP", ip] as const);
}

function containerBlock(
  label: string,
  // An ephemeral container has the fields of a container that make sense for it.
  list: readonly Container[] | undefined,
  statuses: readonly ContainerStatus[] | undefined,
): readonly Field[] {
  if (list === undefined || list.length === 0) return [];
  const blocks = list.map((container) => {
    const status = statuses?.find(({ name }) => name === container.name);
    return [container.name, containerFields(container, status)] as const;
  });
  return [[label, blocks]];
}

function gates({ spec, status }: Pod): readonly string[] {
  const rows = (spec.readinessGates ?? []).map(({ conditionType }): Field => {
    const condition = status?.conditions?.find(({ type }) => type === conditionType);
    return [conditionType, condition?.status ?? none];
  });
  return rows.length === 0 ? [] : lines([["Readiness Gates", rows]]);
}

/** `key=value:NoExecute op=Exists for 300s`. */
function tolerationText(toleration: Toleration): string {
  const { key = "", value = "", effect = "", operator, tolerationSeconds } = toleration;
  const parts = [
    key + (value === "" ? "" : `=${value}`) + (effect === "" ? "" : `:${effect}`),
    ...(operator === "Exists" && value === "" ? ["op=Exists"] : []),
    ...(tolerationSeconds === undefined ? [] : [`for ${tolerationSeconds}s`]),
  ];
  return parts.filter(Boolean).join(" ");
}
