/**
 * Plans a container: pod and image in, plain data out.
 *
 * Pure. The plan holds every decision; `compile.ts` only writes it down as system calls. Sandbox as in
 * security: part B, privileged as in B7; Kubernetes semantics for everything that a field names.
 */
import { PodError } from "../base/errors.ts";
import type { CapabilityName } from "../spec/capabilities.ts";
import type { Container, Pod } from "../spec/pod.ts";
import type { PreparedVolume } from "../spec/prepared-volume.ts";
import type { DeviceRule } from "../sys/bpf.ts";
import type { AppArmorTransition } from "./app-armor.ts";
import { containerCapabilities } from "./capabilities.ts";
import { containerArguments, containerEnvironment, containerVariables } from "./command.ts";
import { type DeviceNode, deviceRules } from "./devices.ts";
import type { ImageDefaults } from "./image-defaults.ts";
import {
  isVolumeAt,
  type MountPlanInput,
  type PlannedMount,
  type PodFiles,
  planMounts,
} from "./mount-plan.ts";
import { containerOomScoreAdj } from "./oom-score.ts";
import { mayTraceNewcomers } from "./process-namespace.ts";
import type { RootFilesystem } from "./root-filesystem.ts";
import { defaultLimits, type Sandbox } from "./sandbox.ts";
import type { SeccompFilter } from "./seccomp.ts";
import { appArmorChoice, type ProfileChoice, seccompChoice } from "./security-profiles.ts";
import type { ResolvedUser } from "./user.ts";
import { type PodUsers, usersFd } from "./user-namespace.ts";

export interface ContainerPlan extends Sandbox {
  readonly name: string;
  readonly rootFilesystem: RootFilesystem;
  readonly privileged: boolean;
  /** Whether paths of /proc and /sys are hidden and read-only. */
  readonly masksPaths: boolean;
  readonly argv: readonly string[];
  /** `NAME=value` */
  readonly environment: readonly string[];
  readonly workingDir: string;
  readonly mounts: readonly PlannedMount[];
  /** Folder to bind on /dev/shm; undefined: a tmpfs of the container's own. */
  readonly shmFolder: string | undefined;
  /** Nodes besides the default ones. */
  readonly devices: readonly DeviceNode[];
  /** For `attachDevicePolicy()` on the container's cgroup, before the start. */
  readonly deviceRules: readonly DeviceRule[];
  readonly cpuNames: readonly string[];
  readonly tty: boolean;
  readonly stdin: boolean;
  /** "pod": joins the PID namespace of the process that START names as target. */
  readonly pidNamespace: "container" | "pod" | "host";
  /** Whether what joins a PID namespace of the pod is in the hands of somebody there. */
  readonly mayBeTraced: boolean;
  /** Name or number as the pod or the image says it, e.g. "SIGQUIT"; undefined is SIGTERM. */
  readonly stopSignal: string | undefined;
}

export interface PlanInput {
  readonly pod: Pod;
  readonly container: Container;
  readonly list: "containers" | "initContainers" | "ephemeralContainers";
  readonly index: number;
  /** An ephemeral container with targetContainerName: it joins the PID namespace of that one. */
  readonly joinsTarget?: boolean;
  readonly image: ImageDefaults;
  /** From `resolveUser()` for this container. */
  readonly imageUser: ResolvedUser;
  /** Absolute folders of the image's layers, lowest first. */
  readonly layers: readonly string[];
  /** From `skeletonFolder()`. */
  readonly skeleton: string;
  /** Absolute; holds the empty folders "upper" and "work". */
  readonly folder: string;
  /** Absolute, empty folder for the root file systems of all containers. */
  readonly mountPoint: string;
  readonly files: PodFiles;
  readonly volumes: ReadonlyMap<string, PreparedVolume>;
  readonly shmFolder: string | undefined;
  /** Host name inside the pod. */
  readonly hostname: string;
  readonly nodeMemoryBytes: number;
  /** From `listHostDevices()`; used when privileged. */
  readonly hostDevices: readonly DeviceNode[];
  /** From `readOwnCapabilities()`: what "ALL" stands for. */
  readonly nodeCapabilities: readonly CapabilityName[];
  /** From `listCpuNames()`. */
  readonly cpuNames: readonly string[];
  /** The pod's users; undefined: the host's. */
  readonly users?: PodUsers | undefined;
  /** Finds the filter; called unless the container is unconfined. */
  readonly seccomp: (
    capabilities: readonly CapabilityName[],
    choice: ProfileChoice,
  ) => Omit<SeccompFilter, "origin">;
  /** Finds the AppArmor profile that the container changes to; where the kernel has AppArmor. */
  readonly appArmor?: (choice: ProfileChoice | undefined) => AppArmorTransition | undefined;
}

/**
 * @throws PodError with `data.reason` CreateContainerConfigError or CreateContainerError, as Kubernetes names them
 */
export function planContainer(input: PlanInput): ContainerPlan {
  const { pod, container, image, imageUser } = input;
  const field = `spec.${input.list}[${input.index}]`;
  const security = container.securityContext ?? {};
  const privileged = security.privileged === true;
  const readOnlyRoot = security.readOnlyRootFilesystem === true;
  const tty = container.tty === true;
  verifyRunAsNonRoot(pod, container, image, imageUser);
  const capabilities = containerCapabilities(
    security,
    input.nodeCapabilities,
    `${field}.securityContext`,
  );
  const variables = containerVariables(container);
  const seccomp = seccompChoice(pod, container, field);
  const appArmor = input.appArmor?.(appArmorChoice(pod, container, field));
  const { folder, hostname } = input;
  return {
    name: container.name,
    field,
    rootFilesystem: {
      layers: input.layers,
      skeleton: input.skeleton,
      upper: `${folder}/upper`,
      work: `${folder}/work`,
      mountPoint: input.mountPoint,
      readOnly: readOnlyRoot,
      noDevices: !privileged && !capabilities.includes("MKNOD"),
      mapsIds: input.users !== undefined,
    },
    privileged,
    masksPaths: !privileged && security.procMount !== "Unmasked",
    argv: containerArguments(container, image, variables),
    environment: containerEnvironment({ image, variables, hostname, home: imageUser.home, tty }),
    workingDir: container.workingDir || image.workingDir || "/",
    mounts: mapIds(input.users, {
      container,
      field,
      privileged,
      readOnlyRoot,
      volumes: input.volumes,
      variables,
      files: input.files,
      imageVolumes: image.volumes,
    }),
    shmFolder: isVolumeAt(container, "/dev/shm") ? undefined : input.shmFolder,
    devices: privileged ? input.hostDevices : [],
    deviceRules: deviceRules({ privileged, mayMakeNodes: capabilities.includes("MKNOD") }),
    cpuNames: input.cpuNames,
    tty,
    stdin: container.stdin === true,
    pidNamespace: pidNamespace(input),
    mayBeTraced: !pod.spec.hostPID && input.users === undefined && mayTraceNewcomers(pod),
    stopSignal: container.lifecycle?.stopSignal ?? image.stopSignal,
    user: { uid: imageUser.uid, gid: imageUser.gid, groups: imageUser.groups },
    capabilities,
    noNewPrivileges: !(
      privileged ||
      capabilities.includes("SYS_ADMIN") ||
      security.allowPrivilegeEscalation === true
    ),
    seccomp:
      seccomp.type === "Unconfined"
        ? undefined
        : { ...input.seccomp(capabilities, seccomp), origin: seccomp.origin },
    appArmor,
    users: input.users,
    limits: defaultLimits,
    oomScoreAdj: containerOomScoreAdj(pod, container, input.nodeMemoryBytes),
  };
}

/** The root file system and image volumes have the container's ids already, what comes from elsewhere gets them. */
function mapIds(users: PodUsers | undefined, input: MountPlanInput): readonly PlannedMount[] {
  const mounts = planMounts(input);
  if (users === undefined) return mounts;
  const idmap = { fd: usersFd, base: users.base };
  return mounts.map((mount) =>
    mount.source === undefined || mount.hasMappedIds ? mount : { ...mount, idmap },
  );
}

function pidNamespace({ pod, joinsTarget }: PlanInput): ContainerPlan["pidNamespace"] {
  if (pod.spec.hostPID) return "host";
  return pod.spec.shareProcessNamespace || joinsTarget === true ? "pod" : "container";
}

/** The kubelet's check and texts, on the user as it was resolved (security: PRV-04). */
function verifyRunAsNonRoot(
  pod: Pod,
  container: Container,
  image: ImageDefaults,
  user: ResolvedUser,
): void {
  const ofPod = pod.spec.securityContext;
  const ofContainer = container.securityContext;
  if ((ofContainer?.runAsNonRoot ?? ofPod?.runAsNonRoot) !== true) return;
  const asked = ofContainer?.runAsUser ?? ofPod?.runAsUser;
  const { namespace = "default", name, uid } = pod.metadata;
  const where = `(pod: "${name}_${namespace}(${uid})", container: ${container.name})`;
  const refuse = (text: string): never => {
    throw new PodError("FailedPrecondition", `${text} ${where}`, {
      data: { reason: "CreateContainerConfigError" },
    });
  };
  if (asked === 0) refuse("container's runAsUser breaks non-root policy");
  if (asked !== undefined) return;
  const userPart = image.user.split(":")[0] ?? "";
  if (userPart !== "" && !/^\d+$/.test(userPart)) {
    refuse(
      `container has runAsNonRoot and image has non-numeric user (${userPart}), cannot verify user is non-root`,
    );
  }
  if (user.uid === 0) refuse("container has runAsNonRoot and image will run as root");
}
