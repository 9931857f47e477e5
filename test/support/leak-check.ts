// The leak census: what an nspod instance may have left on the machine, counted before and after.
// Invariant: `assertNoLeaks` passes only when nothing of the instance is left and the rest of the
// machine (host mounts, links, packet rules) is as it was. Other instances may run at the same time:
// what carries their names is not counted.
import { readdir, readFile, readlink } from "node:fs/promises";
import { join } from "node:path";
import { eventually } from "./eventually.ts";
import { cgroup2MountPoint } from "./requires.ts";
import { runCommand } from "./run-command.ts";

/** The names that tell one instance from others. */
export interface InstanceNames {
  /** Folder that holds root and run; every file of the instance is below it. */
  readonly base: string;
  readonly root: string;
  readonly run: string;
  readonly bridge: string;
  /** Its cgroup below the mount point of cgroup2, begins with "/". */
  readonly cgroup: string;
}

type Kind =
  | "host mounts"
  | "mounts in other namespaces"
  | "processes"
  | "network namespaces"
  | "links"
  | "nft tables"
  | "cgroups"
  | "unix sockets"
  | "loop devices"
  | "files";

/** One sorted list of words per kind of thing. */
export type Census = Readonly<Record<Kind, readonly string[]>>;

const counters: Readonly<Record<Kind, (names: InstanceNames) => Promise<string[]>>> = {
  "host mounts": hostMounts,
  "mounts in other namespaces": instanceMounts,
  processes: instanceProcesses,
  "network namespaces": instanceNetworkNamespaces,
  links,
  "nft tables": nftTables,
  cgroups: instanceCgroups,
  "unix sockets": instanceSockets,
  "loop devices": instanceLoopDevices,
  files: instanceFiles,
};

/** Counts everything that `names` owns and the machine-wide tables that it could have changed. */
export async function takeCensus(names: InstanceNames): Promise<Census> {
  const entries = await Promise.all(
    Object.entries(counters).map(async ([kind, count]) => [kind, (await count(names)).sort()]),
  );
  return Object.fromEntries(entries);
}

/**
 * Fails when something appeared (or vanished) since `before`; waits up to 5 s for what the kernel
 * tears down in the background: network namespaces and their veths go after their last process.
 */
export async function assertNoLeaks(before: Census, names: InstanceNames): Promise<void> {
  let differences: string[] = [];
  try {
    await eventually("nothing to be left", 5000, async () => {
      differences = compareCensus(before, await takeCensus(names));
      return differences.length === 0 ? true : undefined;
    });
  } catch (cause) {
    throw new Error(`Left behind by the test:\n  ${differences.join("\n  ")}`, { cause });
  }
}

// The host's end of a pod of another instance that ended just then: off its bridge already, so without its name.
const dyingLink = /^veth[0-9a-f]{11}$/;

/** Differences as sentences; empty when the two are equal. */
export function compareCensus(before: Census, after: Census): string[] {
  return (Object.keys(before) as Kind[]).flatMap((kind) => [
    ...minus(after[kind], before[kind]).map((what) => `${kind}: new: ${what}`),
    ...minus(before[kind], after[kind])
      .filter((what) => !(kind === "links" && dyingLink.test(what)))
      .map((what) => `${kind}: gone: ${what}`),
  ]);
}

function minus(left: readonly string[], right: readonly string[]): string[] {
  const rest = [...right];
  return left.filter((word) => {
    const index = rest.indexOf(word);
    if (index >= 0) rest.splice(index, 1);
    return index < 0;
  });
}

// Instances that run beside this one: of tests and benchmarks, or begun by hand under a name like "nsptmine0".
function isOther(text: string, names: InstanceNames): boolean {
  return /nspod-(?:test|bench)-\d|nsp[bt]\w/.test(text) && !isOurs(text, names);
}

// The names hold nothing that a pattern would read as its own.
function isOurs(text: string, names: InstanceNames): boolean {
  return [names.base, names.bridge, names.cgroup].some((name) =>
    new RegExp(`${name}(?!\\d)`).test(text),
  );
}

async function hostMounts(names: InstanceNames): Promise<string[]> {
  const rows = await lines("/proc/self/mountinfo");
  return rows.map(mountWords).filter((row) => !isOther(row, names));
}

// "36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - ext3 /dev/root rw" without the two ids.
function mountWords(row: string): string {
  return row.split(" ").slice(2).join(" ");
}

async function instanceMounts(names: InstanceNames): Promise<string[]> {
  const host = await link("/proc/self/ns/mnt");
  const seen = new Map<string, string>();
  for (const pid of await pids()) {
    const namespace = await link(`/proc/${pid}/ns/mnt`);
    if (namespace !== undefined && namespace !== host) seen.set(namespace, pid);
  }
  const rows: string[] = [];
  for (const [namespace, pid] of seen) {
    for (const row of await lines(`/proc/${pid}/mountinfo`)) {
      if (isOurs(row, names)) rows.push(`${namespace} ${mountWords(row)}`);
    }
  }
  return rows;
}

interface ProcessFacts {
  readonly pid: string;
  readonly words: string;
}

async function processesOf(names: InstanceNames): Promise<ProcessFacts[]> {
  const facts = await Promise.all(
    (await pids()).map(async (pid): Promise<ProcessFacts | undefined> => {
      if (pid === String(process.pid)) return undefined;
      const command = (await content(`/proc/${pid}/cmdline`)).replaceAll("\0", " ").trim();
      const cgroup = await content(`/proc/${pid}/cgroup`);
      const environment = await content(`/proc/${pid}/environ`);
      const cwd = (await link(`/proc/${pid}/cwd`)) ?? "";
      const ours = [command, cgroup, environment, cwd].some((text) => isOurs(text, names));
      return ours ? { pid, words: `${command || "(no command line)"} pid ${pid}` } : undefined;
    }),
  );
  return facts.filter((each) => each !== undefined);
}

async function instanceProcesses(names: InstanceNames): Promise<string[]> {
  return (await processesOf(names)).map((each) => each.words);
}

async function instanceNetworkNamespaces(names: InstanceNames): Promise<string[]> {
  const host = await link("/proc/self/ns/net");
  const found = await Promise.all(
    (await processesOf(names)).map((each) => link(`/proc/${each.pid}/ns/net`)),
  );
  return [...new Set(found.filter((each) => each !== undefined && each !== host))].map(String);
}

async function links(names: InstanceNames): Promise<string[]> {
  const all = await entries("/sys/class/net");
  const words = await Promise.all(
    all.map(async (name) => {
      const master = await link(`/sys/class/net/${name}/master`);
      return master === undefined ? name : `${name} on ${master.replace(/.*\//, "")}`;
    }),
  );
  return words.filter((each) => !isOther(each, names));
}

async function nftTables(names: InstanceNames): Promise<string[]> {
  const { stdout } = await runCommand("nft", ["list", "tables"]);
  return stdout.split("\n").filter((row) => row !== "" && !isOther(row, names));
}

async function instanceCgroups(names: InstanceNames): Promise<string[]> {
  const mountPoint = cgroup2MountPoint();
  if (mountPoint === undefined) return [];
  const top = join(mountPoint, names.cgroup);
  const below = await orGone(readdir(top, { recursive: true, withFileTypes: true }));
  if (below === undefined) return [];
  const folders = below.filter((each) => each.isDirectory());
  return [top, ...folders.map((each) => join(each.parentPath, each.name))];
}

async function instanceSockets(names: InstanceNames): Promise<string[]> {
  const rows = await lines("/proc/net/unix");
  // "Num RefCount Protocol Flags Type St Inode Path": columns are padded, the path may hold spaces.
  const paths = rows.map((row) => /^(?:\S+\s+){6}\S+ (.*)$/.exec(row)?.[1] ?? "");
  return paths.filter((path) => path.startsWith(`${names.base}/`));
}

async function instanceLoopDevices(names: InstanceNames): Promise<string[]> {
  const devices = (await entries("/sys/block")).filter((name) => name.startsWith("loop"));
  const backing = await Promise.all(
    devices.map(async (name) => `${name} ${await content(`/sys/block/${name}/loop/backing_file`)}`),
  );
  return backing.map((row) => row.trim()).filter((row) => isOurs(row, names));
}

async function instanceFiles(names: InstanceNames): Promise<string[]> {
  const found: string[] = [];
  for (const top of [names.root, names.run]) {
    found.push(...(await entries(top)).map((name) => join(top, name)));
  }
  return found;
}

async function pids(): Promise<string[]> {
  return (await readdir("/proc")).filter((name) => /^\d+$/.test(name));
}

async function lines(path: string): Promise<string[]> {
  return (await content(path)).split("\n").filter((row) => row !== "");
}

// Processes, links and cgroups may vanish while we look: what is gone counts as empty.
async function content(path: string): Promise<string> {
  return (await orGone(readFile(path, "utf8"))) ?? "";
}

async function entries(path: string): Promise<string[]> {
  return (await orGone(readdir(path))) ?? [];
}

async function link(path: string): Promise<string | undefined> {
  return await orGone(readlink(path));
}

async function orGone<T>(work: Promise<T>): Promise<T | undefined> {
  try {
    return await work;
  } catch (error) {
    const code = error instanceof Error && "code" in error ? error.code : undefined;
    // EINVAL: readlink of what is no link or reading /proc files of a zombie; ESRCH, ENOENT: gone.
    const gone = ["ENOENT", "ESRCH", "EINVAL", "ENOTDIR", "ENODEV", "EACCES"];
    if (typeof code === "string" && gone.includes(code)) return undefined;
    throw error;
  }
}
