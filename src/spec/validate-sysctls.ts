/**
 * Rules for sysctls of a pod. Which of them it may set is for the node to say (pod/node-admission.ts): those that
 * belong to the pod's own namespaces and cannot harm its neighbours, and what the node's owner allows.
 *
 * A name may use "." or "/" as its separator; the first one decides, as in sysctl(8). Values are single printable
 * lines (CVE-2022-0811 smuggled a second setting in a value).
 * Source: Kubernetes, "Using sysctls in a Kubernetes Cluster", safe and node-wide sysctls.
 */

import { childPath, itemPath, type Report } from "./field-issue.ts";
import type { PodSpec } from "./pod.ts";
import { quote } from "./quote.ts";

/** Sysctls that every pod may set. */
export const SAFE_SYSCTLS: readonly string[] = [
  "kernel.shm_rmid_forced",
  "net.ipv4.ip_local_port_range",
  "net.ipv4.ip_local_reserved_ports",
  "net.ipv4.ip_unprivileged_port_start",
  "net.ipv4.ping_group_range",
  "net.ipv4.tcp_fin_timeout",
  "net.ipv4.tcp_keepalive_intvl",
  "net.ipv4.tcp_keepalive_probes",
  "net.ipv4.tcp_keepalive_time",
  "net.ipv4.tcp_rmem",
  "net.ipv4.tcp_syncookies",
  "net.ipv4.tcp_wmem",
];

const NAME = /^(?:[a-z0-9](?:[-_a-z0-9]*[a-z0-9])?[./])+[a-z0-9](?:[-_a-z0-9]*[a-z0-9])?$/;
const NETWORK = /^net\./;
const IPC = /^(?:kernel\.(?:shm|msg|sem)|fs\.mqueue\.)/;
const MAX_NAME = 253;
const MAX_VALUE = 256;

/** The namespace of the pod that a sysctl belongs to, by its name with dots; undefined: to the whole machine. */
export function sysctlNamespace(normal: string): "net" | "ipc" | undefined {
  if (NETWORK.test(normal)) return "net";
  return IPC.test(normal) ? "ipc" : undefined;
}

/** Whether a text can be a sysctl, with "." or "/" between its parts. */
export function isSysctlName(text: string): boolean {
  return text.length <= MAX_NAME && NAME.test(text);
}

/** Checks `spec.securityContext.sysctls`. */
export function validateSysctls(spec: PodSpec, report: Report): void {
  const names = new Set<string>();
  for (const [index, { name, value }] of (spec.securityContext?.sysctls ?? []).entries()) {
    const path = itemPath("spec.securityContext.sysctls", index);
    const normal = normalSysctlName(name);
    const complaint = checkName(name, normal, spec);
    if (complaint !== undefined) {
      report(childPath(path, "name"), complaint);
    } else if (names.has(normal)) {
      report(childPath(path, "name"), `must be unique in the pod: got ${quote(name)} again`);
    }
    names.add(normal);
    if (value === "" || value.length > MAX_VALUE || !/^[\x20-\x7e]*$/.test(value)) {
      report(
        childPath(path, "value"),
        `must be 1 to ${MAX_VALUE} printable ASCII characters: got ${quote(value)}`,
      );
    }
  }
}

/** The name with "." between its parts, whichever separator was written. */
export function normalSysctlName(name: string): string {
  const first = /[./]/.exec(name)?.[0];
  return first === "/"
    ? name.replace(/[./]/g, (separator) => (separator === "/" ? "." : "/"))
    : name;
}

/** The file of a sysctl below /proc/sys; a "." inside a part is the "/" of the name with dots. */
export function sysctlPath(name: string): string {
  return normalSysctlName(name).replace(/[./]/g, (separator) => (separator === "." ? "/" : "."));
}

function checkName(name: string, normal: string, spec: PodSpec): string | undefined {
  if (!isSysctlName(name)) {
    return `must be a sysctl name like net.ipv4.tcp_syncookies: got ${quote(name)}`;
  }
  if (spec.hostNetwork === true && NETWORK.test(normal)) {
    return `must not be set while hostNetwork is true: ${quote(name)} would change the host`;
  }
  if (spec.hostIPC === true && IPC.test(normal)) {
    return `must not be set while hostIPC is true: ${quote(name)} would change the host`;
  }
  return undefined;
}
