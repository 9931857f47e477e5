// The cgroup tree that a peer sees, in a cgroup and mount namespace of its own; the host's mounts are left alone.
//
//   "v2"  one v2 tree at /sys/fs/cgroup, with the controllers that the host's v2 tree has
//   "v1"  only the v1 hierarchies: podman 4.3 starts no pods on a v2 tree without systemd, and crun 1.8 refuses a
//         host that mounts both. A host that is v2 alone gives its v2 tree for this, too.
//
// Everything below folders that only this run has, one in each hierarchy: what a peer leaves goes with them.
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  writeFileSync,
} from "node:fs";
import { basename, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { parseMountinfo } from "../../src/sys/mountinfo.ts";

export type ViewKind = "v1" | "v2";

/** A mounted hierarchy: "v1" with the mount options that name it, e.g. "cpu,cpuacct" or "none,name=systemd". */
export interface Hierarchy {
  readonly kind: ViewKind;
  readonly mountPoint: string;
  readonly options: string;
}

export interface CgroupView {
  /** What the process that is to be moved writes its pid to. */
  readonly procs: readonly string[];
  /** Shell lines that mount the tree in the new namespaces; they run with a pid of the host. */
  readonly mountScript: string;
  /** Removes the folders; waits up to 5 s for what ends in the background. @returns folders that stayed. */
  remove(): Promise<readonly string[]>;
}

/** Hierarchies in /proc/self/mountinfo (proc_pid_mountinfo(5)): each once, where it was mounted first. */
export function hierarchiesOf(mountinfo: string): readonly Hierarchy[] {
  const found = new Map<string, Hierarchy>();
  for (const { fileSystem: type, mountPoint, superOptions } of parseMountinfo(mountinfo)) {
    if (type !== "cgroup" && type !== "cgroup2") continue;
    const words = superOptions.filter((word) => word !== "rw" && word !== "ro" && word !== "xattr");
    const isNamed = words.some((word) => word.startsWith("name="));
    const options = type === "cgroup2" ? "" : (isNamed ? ["none", ...words] : words).join(",");
    const key = `${type} ${options}`;
    if (!found.has(key)) {
      found.set(key, { kind: type === "cgroup2" ? "v2" : "v1", mountPoint, options });
    }
  }
  return [...found.values()];
}

/** Makes the folders of a view. @param name - unique on this machine. */
export function makeCgroupView(wanted: ViewKind, name: string): CgroupView {
  const all = hierarchiesOf(readFileSync("/proc/self/mountinfo", "utf8"));
  const kind = all.some((each) => each.kind === wanted) ? wanted : "v2";
  const chosen = all.filter((each) => each.kind === kind);
  const folders = chosen.map(({ mountPoint }) => join(mountPoint, name));
  for (const folder of folders) makeFolder(folder);
  const mounts = chosen.map(({ mountPoint, options }) =>
    kind === "v2"
      ? "mount -t cgroup2 none /sys/fs/cgroup"
      : `mkdir -p /sys/fs/cgroup/${basename(mountPoint)} && mount -t cgroup -o ${options} none /sys/fs/cgroup/${basename(mountPoint)}`,
  );
  // A cgroup with processes of its own hands no controllers on (cgroup-v2.rst, "No Internal Process Constraint").
  const leaf =
    "mkdir /sys/fs/cgroup/leaf\necho $$ >/sys/fs/cgroup/leaf/cgroup.procs\n" +
    "for c in $(cat /sys/fs/cgroup/cgroup.controllers); do echo +$c >/sys/fs/cgroup/cgroup.subtree_control || true; done";
  const base = kind === "v1" ? "mount -t tmpfs none /sys/fs/cgroup" : "";
  return {
    procs: folders.map((folder) => join(folder, "cgroup.procs")),
    mountScript: [base, ...mounts, kind === "v2" ? leaf : ""].filter(Boolean).join("\n"),
    remove: async () => await removeFolders(folders),
  };
}

function makeFolder(folder: string): void {
  mkdirSync(folder);
  // cgroup-v1/cpusets.rst: a new cpuset takes no process before it has CPUs and memory nodes.
  for (const file of ["cpuset.cpus", "cpuset.mems"]) {
    const above = join(folder, "..", file);
    if (existsSync(above) && existsSync(join(folder, "cgroup.clone_children"))) {
      writeFileSync(join(folder, file), readFileSync(above));
      writeFileSync(join(folder, "cgroup.clone_children"), "1");
    }
  }
}

async function removeFolders(folders: readonly string[]): Promise<readonly string[]> {
  const deadline = performance.now() + 5000;
  for (;;) {
    for (const folder of folders) removeDeepestFirst(folder);
    const left = folders.filter((folder) => existsSync(folder));
    if (left.length === 0 || performance.now() > deadline) return left;
    await sleep(50);
  }
}

function removeDeepestFirst(folder: string): void {
  try {
    for (const each of readdirSync(folder, { withFileTypes: true })) {
      if (each.isDirectory()) removeDeepestFirst(join(folder, each.name));
    }
    rmdirSync(folder);
  } catch {
    // ENOENT: gone meanwhile; EBUSY: a process in it still ends. The caller looks again.
  }
}
