/**
 * Which capabilities a container has.
 *
 * The list is its bounding set; root has it as permitted and effective too, other users have none. Inheritable and
 * ambient are always empty (security: B1, PRV-02).
 */
import { PodError } from "../base/errors.ts";
import { CAPABILITY_NAMES, type CapabilityName, isCapabilityName } from "../spec/capabilities.ts";
import type { SecurityContext } from "../spec/pod.ts";
import { hasCapability, parseStatus, readProc } from "../sys/procfs.ts";

/** What podman gives: no MKNOD, no NET_RAW (ping works by ping_group_range), no AUDIT_WRITE. */
export const defaultCapabilities: readonly CapabilityName[] = [
  "CHOWN",
  "DAC_OVERRIDE",
  "FOWNER",
  "FSETID",
  "KILL",
  "SETGID",
  "SETUID",
  "SETPCAP",
  "NET_BIND_SERVICE",
  "SYS_CHROOT",
  "SETFCAP",
];

/**
 * The capabilities of a container in the kernel's order.
 * ALL counts before single names and dropping wins over adding, except that names added to a dropped ALL stay.
 * @param all - what ALL and privileged stand for: `readOwnCapabilities()`
 * @param field - of the security context, for errors
 * @throws PodError InvalidArgument for a name that Linux does not have
 */
export function containerCapabilities(
  context: SecurityContext | undefined,
  all: readonly CapabilityName[],
  field: string,
): CapabilityName[] {
  const add = (context?.capabilities?.add ?? []).map(plainName);
  const drop = (context?.capabilities?.drop ?? []).map(plainName);
  const hasAll = context?.privileged === true || add.includes("ALL");
  const granted = new Set<CapabilityName>(hasAll ? all : defaultCapabilities);
  if (drop.includes("ALL")) granted.clear();
  for (const name of add) if (name !== "ALL") granted.add(known(name, `${field}.capabilities.add`));
  for (const name of drop) {
    if (name !== "ALL") granted.delete(known(name, `${field}.capabilities.drop`));
  }
  return CAPABILITY_NAMES.filter((name) => granted.has(name));
}

/** Whether the container asks for a capability; a privileged one does not ask. */
export function asksFor(context: SecurityContext | undefined, name: CapabilityName): boolean {
  const add = (context?.capabilities?.add ?? []).map(plainName);
  return add.includes("ALL") || add.includes(name);
}

/** Kubernetes names have no CAP_ and are read in any case. */
function plainName(text: string): string {
  return text.toUpperCase().replace(/^CAP_/, "");
}

function known(name: string, field: string): CapabilityName {
  if (isCapabilityName(name)) return name;
  throw new PodError("InvalidArgument", `${field}: ${JSON.stringify(name)} is no capability`);
}

/** The 64-bit set of the kernel, bit n for capability n. */
export function capabilitySet(names: readonly CapabilityName[]): bigint {
  return names.reduce((set, name) => set | (1n << BigInt(CAPABILITY_NAMES.indexOf(name))), 0n);
}

/** What nspod itself may give away: its permitted set, which on some machines lacks a few. */
export function readOwnCapabilities(): CapabilityName[] {
  const permitted = parseStatus(readProc("/proc/self/status") ?? "")?.capabilities.permitted ?? 0n;
  return CAPABILITY_NAMES.filter((_, number) => hasCapability(permitted, number));
}
