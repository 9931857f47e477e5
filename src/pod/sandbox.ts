/**
 * The sandbox of a pod: address, cgroup, files, volumes, firewall and the shim in its namespaces.
 *
 *   reserve address → cgroup → folders, volumes → shim (namespaces, mounts, network) → connect
 *                                               → files, rules, the first container ─┘
 *
 * The shim is launched in another thread; what only containers need is made meanwhile.
 *
 * Each step can be repeated and is undone by `stopSandbox`, which works from the uid alone: a
 * daemon that was killed half-way calls it without knowing how far the start had come.
 */
import { mkdirSync } from "node:fs";
import { PodError } from "../base/errors.ts";
import { failpoint } from "../base/failpoint.ts";
import { Undo } from "../base/undo.ts";
import {
  ensureCgroup,
  ensurePodCgroup,
  killCgroup,
  podCgroup,
  removeCgroup,
  shimCgroup,
} from "../cgroup/hierarchy.ts";
import { hugePageSizes } from "../cgroup/huge-pages.ts";
import { podSettings, type Setting } from "../cgroup/limits.ts";
import { waitUntilEmpty } from "../cgroup/wait-until-empty.ts";
import {
  idsPerPod,
  makeFilesAs,
  makeFilesAsRoot,
  withMappedLayers,
} from "../container/user-namespace.ts";
import { compileAttach } from "../net/attach.ts";
import { compileJoin, type PodNetwork } from "../net/ready-networks.ts";
import { type LaunchRequest, launchShim, reapShim } from "../shim/launch.ts";
import { holdNamespaces, joinHolder, pinUsers } from "../shim/namespace-holder.ts";
import type { Pod } from "../spec/pod.ts";
import type { PreparedVolume } from "../spec/prepared-volume.ts";
import { normalSysctlName, sysctlPath } from "../spec/validate-sysctls.ts";
import { K } from "../sys/abi.ts";
import { withNetlinkSocket } from "../sys/netlink.ts";
import type { Program } from "../sys/program.ts";
import { compileVolumes, prepareVolumes } from "../volume/prepare.ts";
import type { MapLayers } from "../volume/volume-kind.ts";
import type { EngineContext } from "./context.ts";
import { type PodFolders, podFolders } from "./folders.ts";
import { podHostname, writeHostFiles } from "./host-files.ts";
import { publishPorts } from "./host-ports.ts";
import { podUsers } from "./pod-users.ts";

export interface StartedSandbox {
  readonly shimPid: number;
  readonly volumes: ReadonlyMap<string, PreparedVolume>;
}

/** Processes in a D state may outlive SIGKILL; the teardown is repeated after this long. */
const killTimeoutMs = 10_000;

/**
 * Starts everything of a pod but its containers.
 * @param network - assigned to the pod; undefined with hostNetwork.
 * @param meanwhile - what else can be done while the kernel makes namespaces and links; throws
 * nothing.
 * @throws PodError; nothing of the sandbox is left then, except what the caller reserved.
 */
export async function startSandbox(
  context: EngineContext,
  pod: Pod,
  network: PodNetwork | undefined,
  meanwhile: (volumes: ReadonlyMap<string, PreparedVolume>) => void = () => undefined,
): Promise<StartedSandbox> {
  const uid = pod.metadata.uid;
  const folders = podFolders(context.instance, uid);
  const attachment = network?.attachment;
  await using undo = new Undo();
  undo.push("stop sandbox", async () => {
    await stopSandbox(context, uid);
  });

  prepareCgroups(context, pod);
  makeFolders(folders);
  const volumes = await prepareVolumes(context, pod, folders.volumes);
  const launch = startShim(context, pod, network);
  undo.push("end of the launch", async () => {
    // Its failure is the one that is reported already, or comes second.
    await launch.catch(() => undefined);
  });

  failpoint("pod/sandbox.host-files");
  for (const message of writeHostFiles(pod, folders, attachment?.address, context.nameserver)) {
    context.report(pod, { type: "Warning", reason: "DNSConfigForming", message });
  }
  const rules = attachment && addRules(context, pod, attachment);
  undo.push("end of the rules", async () => {
    await rules?.catch(() => undefined);
  });
  meanwhile(volumes);
  const [{ pid }] = await Promise.all([launch, rules]);
  undo.keep();
  return { shimPid: pid, volumes };
}

async function addRules(
  context: EngineContext,
  pod: Pod,
  attachment: PodNetwork["attachment"],
): Promise<void> {
  failpoint("pod/sandbox.rules");
  await context.firewall.allow(pod.metadata.uid, attachment);
  await publishPorts(context, pod, attachment.address);
}

async function startShim(
  context: EngineContext,
  pod: Pod,
  network: PodNetwork | undefined,
): Promise<{ readonly pid: number }> {
  const users = podUsers(context, pod);
  const cloneFlags = sandboxFlags(pod) & ~K.CLONE_NEWNS;
  const holder = users && holdNamespaces({ cloneFlags, base: users.base, count: idsPerPod });
  const launch = (steps: NetworkSteps): ReturnType<typeof launchShim> =>
    launchShim(launchRequest(context, pod, steps, holder?.pid));
  try {
    if (network === undefined) return await launch({ compile: () => undefined });
    const { attachment, namespace } = network;
    if (namespace !== undefined) {
      return await launch({ isMade: true, compile: (program) => compileJoin(program, namespace) });
    }
    return await withNetlinkSocket((fd) =>
      launch({ compile: (program) => compileAttach(program, attachment, fd) }),
    );
  } finally {
    await holder?.release();
  }
}

/** How the shim comes into the pod's network. */
export interface NetworkSteps {
  /** Adds the operations. */
  readonly compile: (program: Program) => void;
  /** The namespace is there already: `compile` joins it. */
  readonly isMade?: boolean;
}

/**
 * What the shim of a pod is launched with.
 * @param holderPid - of the process that holds the namespaces of a pod with users of its own.
 */
export function launchRequest(
  context: EngineContext,
  pod: Pod,
  network: NetworkSteps,
  holderPid = 1,
): LaunchRequest {
  const uid = pod.metadata.uid;
  const users = podUsers(context, pod);
  const flags = sandboxFlags(pod) & ~(network.isMade ? K.CLONE_NEWNET : 0);
  const folders = podFolders(context.instance, uid);
  const mapLayers: MapLayers | undefined =
    users && ((program, layers, mount) => withMappedLayers(program, users, layers, mount));
  const volumes = compileVolumes(context, pod, folders.volumes, mapLayers);
  return {
    podUid: uid,
    folder: folders.runtime,
    cloneFlags: users ? K.CLONE_NEWNS : flags,
    cgroup: shimCgroup(context.hierarchy, uid),
    open: volumes.open,
    prepare: (program) => {
      if (users) {
        pinUsers(program, holderPid, users.namespace);
        joinHolder(program, holderPid, flags & ~K.CLONE_NEWNS);
      }
      compileSharedMemory(program, pod, folders, users?.base ?? 0);
      volumes.mount(program);
      compileHostname(program, pod);
      network.compile(program);
      // The files of a namespace belong to the root of its users.
      if (users) makeFilesAs(program, users.base);
      compileSysctls(program, pod);
      if (users) makeFilesAsRoot(program);
    },
  };
}

/**
 * Ends the sandbox: every process of the pod, its rules, shim, namespaces and cgroups. Repeating
 * it is fine, also when nothing of it exists.
 * @returns false while processes that the kernel cannot end keep the cgroup alive.
 */
export async function stopSandbox(
  context: EngineContext,
  uid: string,
  shimPid = 0,
): Promise<boolean> {
  const pod = podCgroup(context.hierarchy, uid);
  const shim = shimCgroup(context.hierarchy, uid);
  killCgroup(pod);
  failpoint("pod/sandbox.stop-rules");
  const [isEmpty] = await Promise.all([
    waitUntilEmpty(pod, killTimeoutMs),
    context.firewall.unpublish(uid),
  ]);
  failpoint("pod/sandbox.stop-shim");
  // After the containers: the shim writes their exit records.
  killCgroup(shim);
  const isShimGone = await waitUntilEmpty(shim, killTimeoutMs);
  if (shimPid !== 0) await reapShim(shimPid);
  const isRemoved = [removeCgroup(pod), removeCgroup(shim)].every(Boolean);
  if (!isEmpty || !isShimGone || !isRemoved) return false;
  failpoint("pod/sandbox.stop-folder");
  // Nobody waits for its removal: the kernel first detaches what other mount namespaces have on shm/.
  context.discardRuntime(podFolders(context.instance, uid).runtime);
  return true;
}

function prepareCgroups(context: EngineContext, pod: Pod): void {
  const { hierarchy } = context;
  const missing = ensurePodCgroup(hierarchy, pod.metadata.uid, podSettings(pod, hugePageSizes()));
  // Without resources of its own it has the sum of its containers', which are told of one by one.
  if (pod.spec.resources !== undefined || context.enforceLimits) {
    warnAboutMissing(context, pod, missing);
  }
  ensureCgroup(hierarchy, shimCgroup(hierarchy, pod.metadata.uid), []);
}

/**
 * Tells about limits that this host cannot enforce.
 * @throws PodError FailedPrecondition when the daemon was told to enforce them.
 */
export function warnAboutMissing(
  context: EngineContext,
  pod: Pod,
  missing: readonly Setting[],
): void {
  const asked = missing.filter(({ origin }) => origin !== "");
  if (asked.length === 0) return;
  const controllers = [...new Set(asked.map(({ controller }) => controller))].join(", ");
  const fields = asked.map(({ origin }) => origin).join(", ");
  const message = `Cannot enforce ${fields}: cgroup controller "${controllers}" is not available in "${context.hierarchy.directory}": mount it as cgroup v2 (nspod doctor says how)`;
  if (context.enforceLimits) throw new PodError("FailedPrecondition", message);
  context.report(pod, { type: "Warning", reason: "MissingCgroupController", message });
}

function makeFolders(folders: PodFolders): void {
  failpoint("pod/sandbox.folders");
  for (const folder of [folders.state, folders.etc, folders.shm]) {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
  }
}

/** The mount namespace is always the pod's own; the others as the spec says. */
function sandboxFlags(pod: Pod): number {
  const { hostIPC, hostNetwork } = pod.spec;
  return (
    K.CLONE_NEWNS |
    K.CLONE_NEWUTS |
    (hostIPC ? 0 : K.CLONE_NEWIPC) |
    (hostNetwork ? 0 : K.CLONE_NEWNET)
  );
}

function shmOptions(base: number): string {
  const owner = base === 0 ? "" : `,uid=${base},gid=${base}`;
  return `mode=1777,size=65536k${owner}`;
}

/** /dev/shm of the pod, 64 MiB as every runtime gives it (security: B4). @param base - id of the containers' root */
function compileSharedMemory(program: Program, pod: Pod, folders: PodFolders, base: number): void {
  if (pod.spec.hostIPC) return;
  const flags = K.MS_NOSUID | K.MS_NODEV | K.MS_NOEXEC;
  program
    .from("shared memory")
    .call("mount", ["shm", folders.shm, "tmpfs", flags, shmOptions(base)]);
}

function compileHostname(program: Program, pod: Pod): void {
  const name = podHostname(pod);
  program
    .from(pod.spec.hostname === undefined ? "metadata.name" : "spec.hostname")
    .call("sethostname", [name, Buffer.byteLength(name)]);
}

// Docker and containerd 2 set both: ping and low ports work without capabilities (security: B6).
const networkDefaults: Readonly<Record<string, string>> = {
  "net.ipv4.ping_group_range": "0 2147483647",
  "net.ipv4.ip_unprivileged_port_start": "0",
};

/** Writes the namespaced sysctls; the files show the namespaces of the process that opens them. */
function compileSysctls(program: Program, pod: Pod): void {
  const wanted = pod.spec.securityContext?.sysctls ?? [];
  const defaults = pod.spec.hostNetwork ? {} : networkDefaults;
  for (const [name, value] of Object.entries(defaults)) {
    if (!wanted.some((sysctl) => normalSysctlName(sysctl.name) === name)) {
      compileSysctl(program, "default sysctls", name, value);
    }
  }
  wanted.forEach(({ name, value }, index) => {
    compileSysctl(program, `spec.securityContext.sysctls[${index}]`, name, value);
  });
}

function compileSysctl(program: Program, origin: string, name: string, value: string): void {
  const path = `/proc/sys/${sysctlPath(name)}`;
  const content = program.from(origin).bytes(Buffer.from(value), JSON.stringify(value));
  const fd = program.open("openat", [K.AT_FDCWD, path, K.O_WRONLY | K.O_CLOEXEC]);
  program.call("write", [fd, content, content.length], { whole: true }).close(fd);
}
