/**
 * Looks for everything that an instance has on this machine: processes, namespaces, mounts, cgroups, links, packet
 * rules, sockets and files. Each finding says by its name or place to whom it belongs; census.ts compares that with
 * what the daemon knows. What goes while we look is not there.
 */
import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { basename, join } from "node:path";
import { hasCode } from "../base/errors.ts";
import type { Instance } from "../base/instance.ts";
import { splitRuleset } from "../net/firewall-state.ts";
import { cgroup2Mount, readMountinfo } from "../sys/mountinfo.ts";
import { Nftables } from "../sys/nftables.ts";
import { parseCgroup, parseStat, readProc } from "../sys/procfs.ts";
import type { Claim, Finding } from "./census.ts";

/** @param daemonPid - of the instance's daemon. */
export function findOwned(instance: Instance, daemonPid: number): Finding[] {
  return [
    ...processes(instance, daemonPid),
    ...mounts(instance),
    ...cgroups(instance),
    ...links(instance),
    ...packetRules(instance),
    ...sockets(instance),
    ...folders(instance),
    ...files("blob", join(instance.root, "images/blobs/sha256"), (digest) => ({ digest })),
    ...files("layer", join(instance.root, "layers"), (layer) =>
      // An import that is under way; what a dead one left the daemon removes when it opens its store.
      layer.startsWith("tmp-") ? "instance" : { layer },
    ),
  ];
}

/** Shims by what they are, processes of containers by their cgroup. */
function processes({ run, cgroup }: Instance, daemonPid: number): Finding[] {
  const host = link("/proc/self/ns/net");
  const namespaces = new Map<string, Finding>();
  const found: Finding[] = [];
  for (const pid of names("/proc").filter((name) => /^\d+$/.test(name))) {
    const words = (readProc(`/proc/${pid}/cmdline`) ?? "").split("\0");
    const claim =
      Number(pid) === daemonPid
        ? "instance"
        : (claimOfShim(words, run) ?? claimOfCgroup(pid, cgroup) ?? undefined);
    if (claim === undefined || isZombie(pid)) continue;
    const program = basename(words[0] ?? "") || readProc(`/proc/${pid}/comm`)?.trim();
    found.push({ kind: "process", name: `${pid} ${program}`, claim });
    const namespace = link(`/proc/${pid}/ns/net`);
    // A pod's shim and containers share it, but for containers of privileged programs that made their own.
    if (namespace === undefined || namespace === host || claim === "instance") continue;
    namespaces.set(namespace, { kind: "network namespace", name: namespace, claim });
  }
  return [...found, ...namespaces.values()];
}

/** It has ended and holds nothing; its parent, or init, has yet to collect it. */
function isZombie(pid: string): boolean {
  return parseStat(readProc(`/proc/${pid}/stat`) ?? "")?.state === "Z";
}

function claimOfShim(
  [program = "", folder = ""]: readonly string[],
  run: string,
): Claim | undefined {
  const top = join(run, "pods/");
  return program === "nspod-shim" && folder.startsWith(top)
    ? { pod: folder.slice(top.length) }
    : undefined;
}

function claimOfCgroup(pid: string, top: string): Claim | undefined {
  const text = readProc(`/proc/${pid}/cgroup`);
  const path = parseCgroup(text ?? "").find(({ hierarchy }) => hierarchy === 0)?.path;
  return path?.startsWith(`${top}/`) ? claimOfPath(path.slice(top.length + 1)) : undefined;
}

/** @param path - below the instance's cgroup: `pod<uid>/…`, `shims/<uid>`. */
function claimOfPath(path: string): Claim {
  const [first = "", second] = path.split("/");
  if (first === "shims") return second === undefined ? "instance" : { pod: second };
  return first.startsWith("pod") ? { pod: first.slice("pod".length) } : "nobody";
}

/** nspod mounts nothing in the host's table. */
function mounts({ root, run }: Instance): Finding[] {
  return readMountinfo()
    .map(({ mountPoint }) => mountPoint)
    .filter((target) => [root, run].some((top) => target.startsWith(`${top}/`)))
    .map((name) => ({ kind: "mount", name, claim: "nobody" }));
}

function cgroups({ cgroup }: Instance): Finding[] {
  const mount = cgroup2Mount(readMountinfo());
  if (mount === undefined) return [];
  const top = join(mount.mountPoint, cgroup);
  const below = (folder: string): string[] =>
    folderNames(join(top, folder)).flatMap((name) => {
      const path = folder === "" ? name : `${folder}/${name}`;
      return [path, ...below(path)];
    });
  const all = below("");
  const itself: Finding = { kind: "cgroup", name: cgroup, claim: "instance" };
  return [
    ...(all.length > 0 ? [itself] : []),
    ...all.map(
      (path): Finding => ({ kind: "cgroup", name: `${cgroup}/${path}`, claim: claimOfPath(path) }),
    ),
  ];
}

function links({ bridge }: Instance): Finding[] {
  return names("/sys/class/net").flatMap((name): Finding[] => {
    if (name === bridge) return [{ kind: "link", name, claim: "instance" }];
    const master = link(`/sys/class/net/${name}/master`);
    const isPort = master !== undefined && basename(master) === bridge;
    return isPort ? [{ kind: "link", name, claim: { link: name } }] : [];
  });
}

/** Our tables, and what is in them for pods. */
function packetRules({ bridge }: Instance): Finding[] {
  using nft = new Nftables();
  const action = "Cannot list the packet rules";
  const tables = nft
    .list(action, "list tables")
    .flatMap(({ table }) => (table === undefined ? [] : [table as NftTable]))
    .filter(({ name }) => [`nspod_${bridge}`, `nspod_${bridge}_svc`].includes(name));
  return tables.flatMap(({ family, name }): Finding[] => {
    const table: Finding = {
      kind: "packet rules",
      name: `table ${family} ${name}`,
      claim: "instance",
    };
    if (name.endsWith("_svc")) return [table];
    const { elements } = splitRuleset(nft.list(action, `list table ${family} ${name}`));
    return [
      table,
      ...elements.map(
        ({ store, key, podUid }): Finding => ({
          kind: "packet rules",
          name: `element ${family} ${name} ${store} { ${key} }`,
          claim: { pod: podUid },
        }),
      ),
    ];
  });
}

interface NftTable {
  readonly family: string;
  readonly name: string;
}

/** By their files: the kernel lists the sockets of another network namespace there. */
function sockets({ run }: Instance): Finding[] {
  const own = names(run)
    .filter((name) => name.endsWith(".sock"))
    .map((name): Finding => ({ kind: "socket", name: join(run, name), claim: "instance" }));
  const ofPods = names(join(run, "pods")).flatMap((pod) =>
    names(join(run, "pods", pod))
      .filter((name) => name.endsWith(".sock"))
      .map((name): Finding => {
        return { kind: "socket", name: join(run, "pods", pod, name), claim: { pod } };
      }),
  );
  return [...own, ...ofPods];
}

function folders({ root, run }: Instance): Finding[] {
  return [
    ...files("folder", join(root, "pods"), (pod) => ({ pod })),
    ...files("folder", join(run, "pods"), (pod) => ({ pod })),
    ...files("folder", join(root, "volumes"), (volume) => ({ volume })),
    // On its way out.
    ...files("folder", join(root, "trash"), () => "instance"),
  ];
}

function files(kind: Finding["kind"], folder: string, claim: (name: string) => Claim): Finding[] {
  return names(folder).map((name) => ({ kind, name: join(folder, name), claim: claim(name) }));
}

function names(folder: string): string[] {
  return orGone(() => readdirSync(folder)) ?? [];
}

function folderNames(folder: string): string[] {
  const entries = orGone(() => readdirSync(folder, { withFileTypes: true })) ?? [];
  return entries.filter((entry) => entry.isDirectory()).map(({ name }) => name);
}

function link(path: string): string | undefined {
  return orGone(() => readlinkSync(path));
}

/** A file of our own store. @returns undefined when it is gone. */
export function contentOf(path: string): Buffer | undefined {
  return orGone(() => readFileSync(path));
}

function orGone<T>(look: () => T): T | undefined {
  try {
    return look();
  } catch (error) {
    if (hasCode(error, "ENOENT", "ENOTDIR", "ESRCH", "EINVAL", "ENODEV")) return undefined;
    throw error;
  }
}
