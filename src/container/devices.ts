/**
 * Devices of a container: the nodes in its /dev and the policy of its cgroup.
 *
 * The policy is an eBPF program on the cgroup, because cgroup v2 has no device controller. Default deny, and no
 * blanket permission to make nodes: only the listed ones (security: B3, KRN-04, KRN-13).
 */
import { lstatSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { hasCode } from "../base/errors.ts";
import type { DeviceRule } from "../sys/bpf.ts";

export interface DeviceNode {
  /** Below /dev, e.g. "null" or "net/tun". */
  readonly path: string;
  readonly type: "b" | "c";
  readonly major: number;
  readonly minor: number;
  /** Permission bits. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
}

function character(path: string, major: number, minor: number): DeviceNode {
  return { path, type: "c", major, minor, mode: 0o666, uid: 0, gid: 0 };
}

/** The nodes that every container has. Numbers: Documentation/admin-guide/devices.txt. */
export const defaultDevices: readonly DeviceNode[] = [
  character("null", 1, 3),
  character("zero", 1, 5),
  character("full", 1, 7),
  character("random", 1, 8),
  character("urandom", 1, 9),
  character("tty", 5, 0),
];

/** Terminals: the slaves (major 136, any minor) and ptmx. */
const terminalRules: readonly DeviceRule[] = [
  { type: "c", major: 136, access: "rwm" },
  { type: "c", major: 5, minor: 2, access: "rwm" },
];

/** What a container may do with devices. */
export function deviceRules(options: {
  readonly privileged: boolean;
  /** It has CAP_MKNOD: it may make nodes of all kinds, and still open the listed ones only. */
  readonly mayMakeNodes: boolean;
}): DeviceRule[] {
  if (options.privileged) return [{ type: "a", access: "rwm" }];
  return [
    ...(options.mayMakeNodes ? [{ type: "a", access: "m" } as const] : []),
    ...defaultDevices.map(({ type, major, minor }) => ({
      type,
      major,
      minor,
      access: "rwm" as const,
    })),
    ...terminalRules,
  ];
}

/** Not the host's own terminals and mounts: the container has its own of these. */
const skipped = new Set(["pts", "shm", "mqueue", "hugepages", "console", "ptmx", "fd"]);

/** The device nodes below the host's /dev, for privileged containers. The host's content is trusted. */
export function listHostDevices(folder = "/dev"): DeviceNode[] {
  const found: DeviceNode[] = [];
  collect(folder, "", found);
  return found;
}

function collect(folder: string, prefix: string, found: DeviceNode[]): void {
  for (const name of readdirSync(folder)) {
    if (prefix === "" && skipped.has(name)) continue;
    const path = join(folder, name);
    try {
      const stat = lstatSync(path);
      if (stat.isDirectory()) collect(path, `${prefix}${name}/`, found);
      if (!stat.isCharacterDevice() && !stat.isBlockDevice()) continue;
      const { major, minor } = deviceNumbers(stat.rdev);
      found.push({
        path: `${prefix}${name}`,
        type: stat.isBlockDevice() ? "b" : "c",
        major,
        minor,
        mode: stat.mode & 0o777,
        uid: stat.uid,
        gid: stat.gid,
      });
    } catch (error) {
      // Devices come and go while we look.
      if (!hasCode(error, "ENOENT", "ENOTDIR")) throw error;
    }
  }
}

/** glibc's gnu_dev_major/minor: 12 and 20 bits are all that Linux uses. */
function deviceNumbers(rdev: number): { readonly major: number; readonly minor: number } {
  const value = BigInt(rdev);
  return {
    major: Number(((value >> 8n) & 0xfffn) | ((value >> 32n) & 0xfffff000n)),
    minor: Number((value & 0xffn) | ((value >> 12n) & 0xffffff00n)),
  };
}

/** Names of the host's processors in /sys, e.g. "cpu0": each has a folder that containers must not see. */
export function listCpuNames(folder = "/sys/devices/system/cpu"): string[] {
  return readdirSync(folder).filter((name) => /^cpu\d+$/.test(name));
}
