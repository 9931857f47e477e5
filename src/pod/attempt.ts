/**
 * One attempt to run a container: folder and cgroup, plan, program, the shim's replay; and the
 * way back when it has exited.
 */
import {
  chmodSync,
  chownSync,
  closeSync,
  fchmodSync,
  mkdirSync,
  openSync,
  statSync,
} from "node:fs";
import { join } from "node:path";
import { PodError } from "../base/errors.ts";
import { failpoint } from "../base/failpoint.ts";
import { Undo } from "../base/undo.ts";
import { ensureCgroup, killCgroup, podCgroup, removeCgroup } from "../cgroup/hierarchy.ts";
import { hugePageSizes } from "../cgroup/huge-pages.ts";
import {
  containerHugePages,
  containerSettings,
  resourcesOf,
  type Setting,
} from "../cgroup/limits.ts";
import { waitUntilEmpty } from "../cgroup/wait-until-empty.ts";
import { type CompiledProcess, compileContainer } from "../container/compile.ts";
import { listCpuNames, listHostDevices } from "../container/devices.ts";
import { imageDefaults } from "../container/image-defaults.ts";
import { type ContainerPlan, planContainer } from "../container/plan.ts";
import { skeletonFolder } from "../container/skeleton.ts";
import { resolveUser, userRequest } from "../container/user.ts";
import type { StoredImage } from "../image/store-types.ts";
import type { ShimClient } from "../shim/client.ts";
import type { EnvVar, Pod } from "../spec/pod.ts";
import type { PreparedVolume } from "../spec/prepared-volume.ts";
import { attachDevicePolicy } from "../sys/bpf.ts";
import { type ContainerRef, targetContainerName } from "./container-refs.ts";
import type { EngineContext } from "./context.ts";
import { attemptFolder, logFolder, logPath, podFolders, rootMountPoint } from "./folders.ts";
import { hostFilePaths, podHostname } from "./host-files.ts";
import { podUsers } from "./pod-users.ts";
import { profileFinders } from "./profiles.ts";
import type { Attempt } from "./record.ts";
import { warnAboutMissing } from "./sandbox.ts";

/** Id of the process that is PID 1 of a shared PID namespace. */
export const reaperId = "reaper";

/** From the request to the shim until the program's execve; usually 5 ms. */
const startTimeoutMs = 60_000;

/** Kubelet defaults: containerLogMaxSize 10Mi, containerLogMaxFiles 5. */
const logLimits = { maxBytes: 10 << 20, maxFiles: 5 };

/** Container stop: what is left after SIGKILL of the main process. */
const leftoverTimeoutMs = 2_000;

/** Everything about one attempt but the shim: enough to explain it. */
export interface AttemptRequest {
  readonly pod: Pod;
  readonly ref: ContainerRef;
  readonly number: number;
  readonly image: StoredImage;
  readonly volumes: ReadonlyMap<string, PreparedVolume>;
  /** The container's variables, resolved (`container-environment.ts`). */
  readonly environment: readonly EnvVar[];
}

/** Directory of the container's cgroup. */
export function containerCgroup(context: EngineContext, pod: Pod, name: string): string {
  return join(podCgroup(context.hierarchy, pod.metadata.uid), name);
}

/**
 * The image that the container asks for.
 * @throws PodError NotFound whose data.reason is the container's waiting reason.
 */
export function findImage(context: EngineContext, ref: ContainerRef): StoredImage {
  const { image, imagePullPolicy } = ref.container;
  const found = context.images.find(image);
  if (found) return found;
  const reason = imagePullPolicy === "Never" ? "ErrImageNeverPull" : "ErrImagePull";
  throw new PodError(
    "NotFound",
    `Container image "${image}" is not present on this node: load it with "nspod image load FILE"`,
    { data: { reason } },
  );
}

/** Plans an attempt. @throws PodError whose data.reason is the container's waiting reason. */
export function planAttempt(context: EngineContext, request: AttemptRequest): ContainerPlan {
  const { pod, ref, number, image, volumes, environment } = request;
  const folders = podFolders(context.instance, pod.metadata.uid);
  const layers = context.images.layerFolders(image);
  const folder = attemptFolder(folders, ref.container.name, number);
  const defaults = imageDefaults(image.config);
  const isPrivileged = ref.container.securityContext?.privileged === true;
  return planContainer({
    pod,
    container: { ...ref.container, env: environment },
    index: ref.index,
    list: ref.list,
    joinsTarget: targetContainerName(pod, ref) !== undefined,
    image: defaults,
    imageUser: resolveUser(
      layers,
      defaults.user,
      userRequest(pod.spec.securityContext, ref.container.securityContext),
    ),
    layers,
    skeleton: skeletonFolder(context.instance.root),
    folder,
    mountPoint: rootMountPoint(context.instance),
    files: { ...hostFilePaths(folders), terminationLog: join(folder, "termination-log") },
    volumes,
    shmFolder: pod.spec.hostIPC ? "/dev/shm" : folders.shm,
    hostname: podHostname(pod),
    nodeMemoryBytes: context.nodeMemoryBytes,
    hostDevices: isPrivileged ? listHostDevices() : [],
    nodeCapabilities: context.nodeCapabilities,
    cpuNames: listCpuNames(),
    users: podUsers(context, pod),
    ...profileFinders(context),
  });
}

/** What an attempt needs on the host before the shim replays its programs. */
export interface PreparedAttempt {
  readonly compiled: CompiledProcess;
  /** Limits that this host cannot enforce. */
  readonly missing: readonly Setting[];
}

/**
 * Makes cgroup, device policy and folders of an attempt, and compiles and encodes its programs.
 * Repeating it is fine; all of it goes with the pod.
 */
export function prepareAttempt(
  context: EngineContext,
  { pod, ref, number }: Pick<AttemptRequest, "pod" | "ref" | "number">,
  plan: ContainerPlan,
): PreparedAttempt {
  const { name, resources } = ref.container;
  const folders = podFolders(context.instance, pod.metadata.uid);
  const cgroup = containerCgroup(context, pod, name);
  const origin = `spec.${ref.list}[${ref.index}].resources`;
  const settings = [
    ...containerSettings(resourcesOf(resources, pod.spec.resources), origin),
    ...containerHugePages(pod, resources, hugePageSizes(), origin),
  ];
  failpoint("pod/attempt.prepare");
  const { missing, isNew } = ensureCgroup(context.hierarchy, cgroup, settings);
  attachDevicePolicy(cgroup, plan.deviceRules, { isNew });
  makeAttemptFolder(attemptFolder(folders, name, number), plan);
  mkdirSync(logFolder(folders, name), { recursive: true, mode: 0o700 });
  const compiled = compileContainer(plan, context.beginnings.ofPod(pod.metadata.uid));
  const { prelude, program, postlude } = compiled.programs;
  for (const each of [prelude, program, postlude]) each?.encodeAhead();
  return { compiled, missing };
}

/**
 * Starts an attempt whose record stands already.
 * @param prepared - when that was done before.
 * @throws SyscallError when an operation of its program fails; nothing of it is left then.
 */
export async function startAttempt(
  context: EngineContext,
  shim: ShimClient,
  {
    pod,
    ref,
    target = reaperId,
  }: Pick<AttemptRequest, "pod" | "ref"> & {
    /** Whose PID namespace it joins, with `pidNamespace` "pod". */
    readonly target: string | undefined;
  },
  planned: { readonly plan: ContainerPlan; readonly prepared: PreparedAttempt | undefined },
  attempt: Attempt,
): Promise<{ readonly pid: number }> {
  const { name } = ref.container;
  const { plan } = planned;
  const folders = podFolders(context.instance, pod.metadata.uid);
  const cgroup = containerCgroup(context, pod, name);
  await using undo = new Undo();

  undo.push("remove cgroup", () => {
    removeCgroup(cgroup);
  });
  const { number } = attempt;
  const { compiled, missing } =
    planned.prepared ?? prepareAttempt(context, { pod, ref, number }, plan);
  warnAboutMissing(context, pod, missing);

  // A process of the pod that shares its PID namespace could stop the child before its exec, and the
  // shim with it: killing the cgroup is what helps then.
  const cancel = context.clock.after(startTimeoutMs, () => killCgroup(cgroup));
  undo.push("cancel timeout", cancel);
  failpoint("pod/attempt.start");
  const started = await shim.start(`Cannot start container "${name}"`, {
    id: attempt.id,
    ...compiled,
    cgroup,
    ...(plan.pidNamespace === "pod" ? { target } : {}),
    tty: plan.tty,
    stdin: plan.stdin,
    stdinOnce: ref.container.stdinOnce === true,
    log: { path: logPath(folders, name, number), ...logLimits },
  });
  failpoint("pod/attempt.started");
  cancel();
  undo.keep();
  return started;
}

/** The folders and files that the program of a container expects. */
function makeAttemptFolder(folder: string, { rootFilesystem, users }: ContainerPlan): void {
  for (const name of ["upper", "work"]) {
    mkdirSync(join(folder, name), { recursive: true });
  }
  // The upper folder is what the container sees as "/": it looks like the image's.
  const { mode, uid, gid } = statSync(rootFilesystem.layers.at(-1) ?? folder);
  const base = users?.base ?? 0;
  chownSync(join(folder, "upper"), base + uid, base + gid);
  chmodSync(join(folder, "upper"), mode & 0o7777);
  const fd = openSync(join(folder, "termination-log"), "w");
  // Whatever user the container runs as may write it.
  fchmodSync(fd, 0o666);
  closeSync(fd);
}

/** Ends what an exited container left behind and frees its cgroup. */
export async function finishAttempt(context: EngineContext, pod: Pod, name: string): Promise<void> {
  const cgroup = containerCgroup(context, pod, name);
  failpoint("pod/attempt.finish");
  killCgroup(cgroup);
  await waitUntilEmpty(cgroup, leftoverTimeoutMs);
  removeCgroup(cgroup);
}

/** Throws the files of an old attempt away; its log is kept or removed by the caller. */
export function discardAttempt(
  context: EngineContext,
  pod: Pod,
  name: string,
  number: number,
): void {
  const folders = podFolders(context.instance, pod.metadata.uid);
  context.discard(attemptFolder(folders, name, number));
}
