/**
 * What this machine has and lacks for pods. Facts are gathered first, then judged by pure code, so
 * that every sentence can be tested without the machine it is about.
 */
import { existsSync, readdirSync, statfsSync } from "node:fs";
import { release } from "node:os";
import { dirname, join } from "node:path";
import { messageOf } from "../base/errors.ts";
import type { Instance } from "../base/instance.ts";
import { K } from "./abi.ts";
import { InflateLibrary } from "./inflate.ts";
import { type ProbeResults, probeKernel } from "./kernel-probes.ts";
import { cgroup2Mount, type Mount, mountOf, readMountinfo } from "./mountinfo.ts";
import { nativePath } from "./native-path.ts";
import { hasCapability, parseStatus, readProc } from "./procfs.ts";

export interface Check {
  readonly name: string;
  /** missing: no pod can run. weak: pods run, something that they may ask for does not work. */
  readonly state: "good" | "weak" | "missing";
  /** What there is, a phrase without final period. */
  readonly finding: string;
  /** How to mend it. */
  readonly remedy?: string;
}

export interface MachineFacts {
  /** `uname -r` */
  readonly kernel: string;
  readonly mounts: readonly Mount[];
  /** Controllers of the cgroup v2 root. */
  readonly controllers: readonly string[];
  readonly effectiveCapabilities: bigint;
  /** Actions of seccomp filters that the kernel knows. */
  readonly seccompActions: readonly string[];
  readonly inotifyInstances: number;
  readonly inotifyWatches: number;
  readonly forwardsIpv4: boolean;
  /** The most user namespaces that the kernel makes; 0 also without CONFIG_USER_NS. */
  readonly maxUserNamespaces: number;
  /** Linux security modules in use. */
  readonly securityModules: readonly string[];
  readonly enforcesSelinux: boolean;
  /** The folder of the instance's state, or the nearest one above it that exists. */
  readonly stateFolder: string;
  readonly freeBytes: number;
  readonly freeFiles: number;
  /** File systems such as btrfs have no fixed number of files: 0. */
  readonly totalFiles: number;
  /** gzip is unpacked by ISA-L. */
  readonly hasIsal: boolean;
  /** Why the C products cannot be found; undefined when they are there. */
  readonly nativeProblem: string | undefined;
  /** undefined when they could not be tried, without the C products. */
  readonly probes: ProbeResults | undefined;
}

/** Checks the machine for an instance. Takes some milliseconds and leaves nothing behind. */
export function checkMachine(instance: Pick<Instance, "root">): readonly Check[] {
  return judgeMachine(gatherFacts(instance));
}

export function gatherFacts({ root }: Pick<Instance, "root">): MachineFacts {
  const mounts = readMountinfo();
  const cgroup = cgroup2Mount(mounts);
  const stateFolder = existingFolder(root);
  const space = statfsSync(stateFolder);
  const nativeProblem = problemOf(() => ["libnspod.so", "nspod-shim"].forEach(nativePath));
  return {
    kernel: release(),
    mounts,
    controllers:
      cgroup === undefined ? [] : words(readProc(join(cgroup.mountPoint, "cgroup.controllers"))),
    effectiveCapabilities:
      parseStatus(readProc("/proc/self/status") ?? "")?.capabilities.effective ?? 0n,
    seccompActions: words(readProc("/proc/sys/kernel/seccomp/actions_avail")),
    inotifyInstances: Number(readProc("/proc/sys/fs/inotify/max_user_instances") ?? 0),
    inotifyWatches: Number(readProc("/proc/sys/fs/inotify/max_user_watches") ?? 0),
    maxUserNamespaces: Number(readProc("/proc/sys/user/max_user_namespaces") ?? 0),
    forwardsIpv4: readProc("/proc/sys/net/ipv4/ip_forward")?.trim() === "1",
    securityModules: securityModules(),
    enforcesSelinux: readProc("/sys/fs/selinux/enforce")?.trim() === "1",
    stateFolder,
    freeBytes: space.bavail * space.bsize,
    freeFiles: space.ffree,
    totalFiles: space.files,
    hasIsal: InflateLibrary.load() !== undefined,
    nativeProblem,
    probes: nativeProblem === undefined ? probeKernel(stateFolder) : undefined,
  };
}

function securityModules(): readonly string[] {
  const list = readProc("/sys/kernel/security/lsm");
  if (list !== undefined) return list.trim().split(",");
  const isOn = readProc("/sys/module/apparmor/parameters/enabled")?.trim() === "Y";
  return [
    ...(isOn ? ["apparmor"] : []),
    ...(existsSync("/sys/fs/selinux/enforce") && readdirSync("/sys/fs/selinux").length > 0
      ? ["selinux"]
      : []),
  ];
}

function existingFolder(path: string): string {
  let folder = path;
  while (!existsSync(folder)) folder = dirname(folder);
  return folder;
}

function words(text: string | undefined): readonly string[] {
  return (text ?? "").split(/\s+/).filter(Boolean);
}

function problemOf(work: () => void): string | undefined {
  try {
    work();
    return undefined;
  } catch (error) {
    return messageOf(error);
  }
}

/** Judges facts: one check per thing that pods need, in the order in which they need it. */
export function judgeMachine(facts: MachineFacts): readonly Check[] {
  return [
    kernelCheck(facts),
    nativeCheck(facts),
    capabilityCheck(facts),
    cgroupCheck(facts),
    controllerCheck(facts),
    probeCheck(facts, "Namespaces", "namespaces", "mount, pid, net, ipc, uts and cgroup", {
      remedy: "use a kernel with CONFIG_NAMESPACES, and raise /proc/sys/user/max_*_namespaces if 0",
    }),
    probeCheck(facts, "Overlay file system", "overlay", "works in the state folder", {
      remedy:
        'load the module with "modprobe overlay"; --root must be on a local file system with xattrs such as ext4, xfs or btrfs, not on NFS or on another overlay',
    }),
    probeCheck(facts, "Bridge and veth", "links", "can be created", {
      remedy: 'load the modules with "modprobe bridge veth"',
    }),
    probeCheck(facts, "nftables", "nftables", "libnftables and the kernel's nf_tables work", {
      remedy: '"apt install libnftables1" and "modprobe nf_tables"',
    }),
    forwardCheck(facts),
    seccompCheck(facts),
    userNamespaceCheck(facts),
    probeCheck(facts, "Device policy", "devicePolicy", "eBPF programs for cgroup devices load", {
      remedy: "use a kernel with CONFIG_CGROUP_BPF and CONFIG_BPF_SYSCALL",
    }),
    inotifyCheck(facts),
    gzipCheck(facts),
    spaceCheck(facts),
    securityModuleCheck(facts),
  ];
}

function kernelCheck({ kernel }: MachineFacts): Check {
  const [major = 0, minor = 0] = kernel.split(".").map((part) => Number.parseInt(part, 10));
  const name = "Kernel";
  return major > 5 || (major === 5 && minor >= 15)
    ? { name, state: "good", finding: kernel }
    : { name, state: "missing", finding: kernel, remedy: "use Linux 5.15 or newer" };
}

function nativeCheck({ nativeProblem }: MachineFacts): Check {
  const name = "C core";
  return nativeProblem === undefined
    ? { name, state: "good", finding: "libnspod.so and nspod-shim are there" }
    : { name, state: "missing", finding: nativeProblem };
}

const neededCapabilities = [
  "CAP_SYS_ADMIN",
  "CAP_NET_ADMIN",
  "CAP_SYS_CHROOT",
  "CAP_MKNOD",
  "CAP_CHOWN",
  "CAP_FOWNER",
  "CAP_DAC_OVERRIDE",
  "CAP_SETUID",
  "CAP_SETGID",
  "CAP_SETPCAP",
  "CAP_SETFCAP",
  "CAP_KILL",
  "CAP_SYS_PTRACE",
] as const;

function capabilityCheck({ effectiveCapabilities }: MachineFacts): Check {
  const name = "Capabilities";
  const lacks = (each: keyof typeof K): boolean => !hasCapability(effectiveCapabilities, K[each]);
  const missing = neededCapabilities.filter(lacks);
  if (missing.length > 0) {
    return {
      name,
      state: "missing",
      finding: `this process lacks ${missing.join(", ")}`,
      remedy: "run nspod as root, and not inside a container that takes capabilities away",
    };
  }
  return lacks("CAP_SYS_RESOURCE")
    ? {
        name,
        state: "weak",
        finding:
          "this process lacks CAP_SYS_RESOURCE: it cannot raise resource limits or protect processes from the OOM killer",
        remedy: "run nspod with CAP_SYS_RESOURCE",
      }
    : { name, state: "good", finding: "all that nspod needs" };
}

function cgroupCheck({ mounts }: MachineFacts): Check {
  const name = "Cgroup v2";
  const mount = cgroup2Mount(mounts);
  if (mount === undefined) {
    return {
      name,
      state: "missing",
      finding: "not mounted",
      remedy:
        'boot with systemd.unified_cgroup_hierarchy=1, or "mount -t cgroup2 none /sys/fs/cgroup"',
    };
  }
  if (mount.options.includes("ro")) {
    return {
      name,
      state: "missing",
      finding: `mounted read-only on ${mount.mountPoint}`,
      remedy: `"mount -o remount,rw ${mount.mountPoint}"`,
    };
  }
  return { name, state: "good", finding: `mounted on ${mount.mountPoint}` };
}

const wantedControllers = ["cpu", "memory", "pids"] as const;
const usefulControllers = ["io", "hugetlb", "cpuset"] as const;

function controllerCheck({ mounts, controllers }: MachineFacts): Check {
  const name = "Cgroup controllers";
  const missing = wantedControllers.filter((each) => !controllers.includes(each));
  const known = [...wantedControllers, ...usefulControllers].filter((each) =>
    controllers.includes(each),
  );
  if (missing.length === 0) return { name, state: "good", finding: known.join(", ") };
  const inV1 = mounts
    .filter(({ fileSystem }) => fileSystem === "cgroup")
    .flatMap(({ superOptions }) => superOptions);
  const isHybrid = missing.some((each) => inV1.includes(each));
  return {
    name,
    state: "weak",
    finding: `${missing.join(", ")} not available: limits that need ${missing.length === 1 ? "it" : "them"} are not enforced`,
    remedy: isHybrid
      ? 'cgroup v1 holds them on this machine: boot with "systemd.unified_cgroup_hierarchy=1 cgroup_no_v1=all"'
      : 'boot with "cgroup_enable=memory", or let the parent cgroup delegate them (cgroup.subtree_control)',
  };
}

function probeCheck(
  { probes }: MachineFacts,
  name: string,
  probe: keyof ProbeResults,
  finding: string,
  { remedy }: { readonly remedy: string },
): Check {
  if (probes === undefined) {
    return { name, state: "missing", finding: "not tried: the C core is missing" };
  }
  const problem = probes[probe];
  return problem === undefined
    ? { name, state: "good", finding }
    : { name, state: "missing", finding: problem, remedy };
}

function forwardCheck({ forwardsIpv4 }: MachineFacts): Check {
  const finding = forwardsIpv4 ? "on" : "off; nspod turns it on for the first pod with a network";
  return { name: "IPv4 forwarding", state: "good", finding };
}

function seccompCheck(facts: MachineFacts): Check {
  const { seccompActions, probes } = facts;
  const name = "Seccomp";
  if (!seccompActions.includes("errno")) {
    return {
      name,
      state: "missing",
      finding: "the kernel has no filters",
      remedy: "use a kernel with CONFIG_SECCOMP_FILTER",
    };
  }
  if (probes?.seccomp !== undefined) {
    return { name, state: "missing", finding: probes.seccomp, remedy: '"apt install libseccomp2"' };
  }
  return { name, state: "good", finding: "libseccomp and the kernel's filters work" };
}

/** Pods with hostUsers: false: idmapped mounts of tmpfs came with Linux 6.3. */
function userNamespaceCheck({ kernel, maxUserNamespaces }: MachineFacts): Check {
  const name = "User namespaces";
  const [major = 0, minor = 0] = kernel.split(".").map((part) => Number.parseInt(part, 10));
  if (major < 6 || (major === 6 && minor < 3)) {
    return {
      name,
      state: "weak",
      finding: `Linux ${kernel} cannot run pods with hostUsers: false`,
      remedy: "use Linux 6.3 or newer",
    };
  }
  return maxUserNamespaces > 0
    ? { name, state: "good", finding: "pods may have users of their own (hostUsers: false)" }
    : {
        name,
        state: "weak",
        finding: "the kernel makes none: pods with hostUsers: false cannot start",
        remedy: '"sysctl user.max_user_namespaces=15000"',
      };
}

// The daemon follows logs and cgroup events with one instance, and one watch per file.
const enoughWatches = 8192;
const enoughInstances = 16;

function inotifyCheck({ inotifyInstances, inotifyWatches }: MachineFacts): Check {
  const finding = `${inotifyWatches} watches, ${inotifyInstances} instances`;
  return inotifyWatches >= enoughWatches && inotifyInstances >= enoughInstances
    ? { name: "inotify", state: "good", finding }
    : {
        name: "inotify",
        state: "weak",
        finding: `only ${finding}`,
        remedy: `"sysctl fs.inotify.max_user_watches=65536 fs.inotify.max_user_instances=128"`,
      };
}

/** Nothing is missing without it, so there is nothing to mend. */
function gzipCheck({ hasIsal }: MachineFacts): Check {
  const finding = hasIsal
    ? "unpacked by ISA-L"
    : 'unpacked by zlib; with libisal-dev, and "make" again, large images are imported faster';
  return { name: "gzip", state: "good", finding };
}

const enoughBytes = 1 << 30;
const enoughFiles = 50_000;

function spaceCheck(facts: MachineFacts): Check {
  const { stateFolder, freeBytes, freeFiles, totalFiles, mounts } = facts;
  const mount = mountOf(mounts, stateFolder);
  const gigabytes = (freeBytes / 1e9).toFixed(1);
  const finding = `${gigabytes} GB free on ${mount?.mountPoint ?? stateFolder} (${mount?.fileSystem ?? "unknown"})`;
  const isFull = freeBytes < enoughBytes || (totalFiles > 0 && freeFiles < enoughFiles);
  return isFull
    ? {
        name: "Disk space",
        state: "weak",
        finding: `${finding}, ${freeFiles} files`,
        remedy: "make room, or choose another place with --root",
      }
    : { name: "Disk space", state: "good", finding };
}

function securityModuleCheck({ securityModules: modules, enforcesSelinux }: MachineFacts): Check {
  const name = "Security modules";
  const finding = modules.join(", ") || "none";
  return enforcesSelinux
    ? {
        name,
        state: "weak",
        finding: `${finding}; SELinux enforces, and nspod sets no labels`,
        remedy: 'if containers are denied what they need, look at "ausearch -m avc"',
      }
    : { name, state: "good", finding };
}
