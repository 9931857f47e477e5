/**
 * /proc, /sys and /dev of a container, and what of them is hidden or read-only.
 *
 * Invariant: all of it is made from file systems and device nodes that this program made itself; nothing that the
 * image holds at these places is used (security: R2, R3, ESC-10, ESC-12, ESC-16). Tables: B2, B3, B4.
 */
import { K } from "../sys/abi.ts";
import type { Program, Register } from "../sys/program.ts";
import { type DeviceNode, defaultDevices } from "./devices.ts";
import { openRealDirectory } from "./in-root.ts";
import { attach, attachAt, cloneTree, newMount, setAttributes } from "./mount-calls.ts";

const restricted = K.MOUNT_ATTR_NOSUID | K.MOUNT_ATTR_NODEV | K.MOUNT_ATTR_NOEXEC;

/** Mounts /proc for the PID namespace of the process that runs the program. */
export function mountProc(program: Program, root: Register): Register {
  program.from("/proc");
  const proc = newMount(program, { type: "proc", attributes: restricted });
  const target = openRealDirectory(program, root, "proc");
  attach(program, proc, target);
  program.close(target);
  return proc;
}

/** Mounts /sys for the pod's network and the container's cgroup namespace. */
export function mountSys(program: Program, root: Register, writable: boolean): Register {
  program.from("/sys");
  const attributes = restricted | (writable ? 0 : K.MOUNT_ATTR_RDONLY);
  const sys = newMount(program, { type: "sysfs", attributes });
  const target = openRealDirectory(program, root, "sys");
  attach(program, sys, target);
  program.close(target);
  program.from("/sys/fs/cgroup");
  const cgroup = newMount(program, { type: "cgroup2", attributes });
  const place = openRealDirectory(program, sys, "fs/cgroup");
  attach(program, cgroup, place);
  program.close(place);
  program.close(cgroup);
  return sys;
}

export interface DevOptions {
  /** Number of the descriptor that holds the detached devpts mount. */
  readonly devptsFd: number;
  /** Folder of the pod's shared memory; undefined: one of the container's own. */
  readonly shmFolder: string | undefined;
  /** Further nodes: the host's, when privileged. */
  readonly devices: readonly DeviceNode[];
  readonly tty: boolean;
  /** Field of the container, for origins. */
  readonly field: string;
}

/** Mounts /dev with its nodes, pts, shm and mqueue. */
export function mountDev(program: Program, root: Register, options: DevOptions): Register {
  program.from("/dev");
  const dev = newMount(program, {
    type: "tmpfs",
    parameters: { mode: "755", size: "65536k" },
    // noexec: no place for programs where the root is read-only.
    attributes: K.MOUNT_ATTR_NOSUID | K.MOUNT_ATTR_NOEXEC | K.MOUNT_ATTR_STRICTATIME,
  });
  for (const device of defaultDevices) makeNode(program, dev, device);
  for (const name of ["pts", "shm", "mqueue"]) program.call("mkdirat", [dev, name, 0o755]);
  for (const [name, target] of links) program.call("symlinkat", [target, dev, name]);
  if (options.devices.length > 0) {
    program.from(`${options.field}.securityContext.privileged`);
    makeHostNodes(program, dev, options.devices);
    program.from("/dev");
  }
  const target = openRealDirectory(program, root, "dev");
  attach(program, dev, target);
  program.close(target);

  program.from("/dev/pts");
  const pts = openRealDirectory(program, dev, "pts");
  const flags = K.MOVE_MOUNT_F_EMPTY_PATH | K.MOVE_MOUNT_T_EMPTY_PATH;
  program.call("move_mount", [options.devptsFd, "", pts, "", flags]);
  program.close(pts);

  program.from("/dev/shm");
  const shm = sharedMemory(program, options.shmFolder);
  attachAt(program, shm, dev, "shm");
  program.close(shm);

  program.from("/dev/mqueue");
  // ENODEV: a kernel without message queues has nothing to mount.
  const mqueue = newMount(program, {
    type: "mqueue",
    attributes: restricted,
    tolerate: ["ENODEV"],
  });
  attachAt(program, mqueue, dev, "mqueue");
  program.close(mqueue);

  if (options.tty) bindConsole(program, dev, options.field);
  return dev;
}

const links = [
  ["fd", "/proc/self/fd"],
  ["stdin", "/proc/self/fd/0"],
  ["stdout", "/proc/self/fd/1"],
  ["stderr", "/proc/self/fd/2"],
  ["ptmx", "pts/ptmx"],
  ["core", "/proc/kcore"],
] as const;

function makeNode(program: Program, dev: Register, device: DeviceNode): void {
  const type = device.type === "c" ? K.S_IFCHR : K.S_IFBLK;
  // EEXIST: a node of the host that is one of the default ones.
  program.call(
    "mknodat",
    [dev, device.path, type | device.mode, deviceNumber(device.major, device.minor)],
    { tolerate: ["EEXIST"] },
  );
  if (device.uid !== 0 || device.gid !== 0) {
    program.call("fchownat", [dev, device.path, device.uid, device.gid, K.AT_SYMLINK_NOFOLLOW]);
  }
}

function makeHostNodes(program: Program, dev: Register, devices: readonly DeviceNode[]): void {
  const folders = new Set<string>();
  for (const { path } of devices) {
    const names = path.split("/").slice(0, -1);
    names.forEach((_, index) => {
      folders.add(names.slice(0, index + 1).join("/"));
    });
  }
  for (const folder of folders) {
    program.call("mkdirat", [dev, folder, 0o755], { tolerate: ["EEXIST"] });
  }
  for (const device of devices) makeNode(program, dev, device);
}

/** The kernel's 32-bit form of a device number (MKDEV of kdev_t.h, new encoding). */
function deviceNumber(major: number, minor: number): number {
  return ((minor & 0xff) | (major << 8) | ((minor & ~0xff) << 12)) >>> 0;
}

function sharedMemory(program: Program, folder: string | undefined): Register {
  if (folder === undefined) {
    const parameters = { mode: "1777", size: "65536k" };
    return newMount(program, { type: "tmpfs", parameters, attributes: restricted });
  }
  const shm = cloneTree(program, { path: folder });
  setAttributes(program, shm, { set: restricted, propagation: "private" });
  return shm;
}

/** The console is the terminal that descriptor 0 has open; no name in /dev/pts is looked at. */
function bindConsole(program: Program, dev: Register, field: string): void {
  program.from(`${field}.tty`);
  program.call("mknodat", [dev, "console", K.S_IFREG | 0o600, 0]);
  const slave = cloneTree(program, { directory: 0, path: "" });
  attachAt(program, slave, dev, "console");
  program.close(slave);
}

const maskedFiles = [
  "kcore",
  "keys",
  "latency_stats",
  "timer_list",
  "timer_stats",
  "sched_debug",
  "interrupts",
] as const;
const maskedProcFolders = ["acpi", "asound", "scsi"] as const;
const readOnlyProc = ["bus", "fs", "irq", "sys", "sysrq-trigger"] as const;
const maskedSysFolders = [
  "firmware",
  "devices/virtual/powercap",
  "fs/selinux",
  "dev/block",
] as const;

export interface KernelMounts {
  readonly proc: Register;
  readonly sys: Register;
  readonly dev: Register;
  readonly empty: Register;
}

/** Hides and write-protects what containers must not see or change. Only what does not exist is left out. */
export function maskPaths(
  program: Program,
  mounts: KernelMounts,
  /** "cpu0", … */
  cpuNames: readonly string[],
): void {
  for (const name of readOnlyProc) {
    program.from(`read-only /proc/${name}`);
    const tree = cloneTree(
      program,
      { directory: mounts.proc, path: name },
      { tolerate: ["ENOENT"] },
    );
    setAttributes(program, tree, { set: K.MOUNT_ATTR_RDONLY | restricted });
    attachAt(program, tree, mounts.proc, name, ["ENOENT"]);
    program.close(tree);
  }
  // Made by this program as character device 1:3, so it cannot be anything else.
  const nothing = { directory: mounts.dev, path: "null" };
  for (const name of maskedFiles) {
    program.from(`masked /proc/${name}`);
    mask(program, mounts.proc, name, nothing);
  }
  const folders = [
    ...maskedProcFolders.map((name) => [mounts.proc, "/proc", name] as const),
    ...maskedSysFolders.map((name) => [mounts.sys, "/sys", name] as const),
    ...cpuNames.map((cpu) => [mounts.sys, "/sys", throttlePath(cpu)] as const),
  ];
  for (const [mount, at, name] of folders) {
    program.from(`masked ${at}/${name}`);
    mask(program, mount, name, { directory: mounts.empty, path: "" });
  }
}

/**
 * Covers a file or folder if it is there. Looked up first: closing a clone that found no place makes
 * the kernel wait for a grace period of RCU, 0.1 ms and more.
 */
function mask(
  program: Program,
  directory: Register,
  name: string,
  cover: { readonly directory: Register; readonly path: string },
): void {
  const flags = K.O_PATH | K.O_NOFOLLOW | K.O_CLOEXEC;
  const target = program.open("openat", [directory, name, flags], { tolerate: ["ENOENT"] });
  const clone = cloneTree(program, { ...cover, onlyIf: target });
  attach(program, clone, target);
  program.close(clone).close(target);
}

function throttlePath(cpu: string): string {
  return `devices/system/cpu/${cpu}/thermal_throttle`;
}
