/**
 * The Pod of Kubernetes core/v1, cut down to the fields that nspod honours.
 *
 * Invariant: a field that is in these types has an effect. Every other Kubernetes field is known by name in
 * `pod-schema.ts` and refused there, so nothing in a manifest is ever ignored.
 * Names and meaning: Kubernetes API reference, core/v1 Pod. Quantities are strings (`quantity.ts`).
 */

import type { ObjectMeta } from "./meta.ts";

/** A pod: its wish (`spec`) and the facts that the node reports (`status`). */
export interface Pod {
  readonly apiVersion: "v1";
  readonly kind: "Pod";
  readonly metadata: ObjectMeta;
  readonly spec: PodSpec;
  readonly status?: PodStatus;
}

export type RestartPolicy = "Always" | "OnFailure" | "Never";
export type DnsPolicy = "ClusterFirst" | "ClusterFirstWithHostNet" | "Default" | "None";

export interface PodSpec {
  readonly initContainers?: readonly Container[];
  readonly containers: readonly Container[];
  readonly volumes?: readonly Volume[];
  readonly restartPolicy?: RestartPolicy;
  /** Seconds between the stop signal and SIGKILL; 0 kills at once. */
  readonly terminationGracePeriodSeconds?: number;
  readonly dnsPolicy?: DnsPolicy;
  readonly dnsConfig?: PodDNSConfig;
  readonly hostNetwork?: boolean;
  readonly hostPID?: boolean;
  readonly hostIPC?: boolean;
  readonly shareProcessNamespace?: boolean;
  readonly hostname?: string;
  readonly hostAliases?: readonly HostAlias[];
  readonly securityContext?: PodSecurityContext;
}

export type ImagePullPolicy = "Always" | "IfNotPresent" | "Never";
export type TerminationMessagePolicy = "File" | "FallbackToLogsOnError";

export interface Container {
  readonly name: string;
  readonly image: string;
  readonly imagePullPolicy?: ImagePullPolicy;
  /** Replaces the image's Entrypoint (and drops its Cmd). `$(VAR)` is expanded. */
  readonly command?: readonly string[];
  /** Replaces the image's Cmd. `$(VAR)` is expanded. */
  readonly args?: readonly string[];
  readonly workingDir?: string;
  readonly env?: readonly EnvVar[];
  readonly ports?: readonly ContainerPort[];
  readonly resources?: ResourceRequirements;
  readonly volumeMounts?: readonly VolumeMount[];
  readonly securityContext?: SecurityContext;
  readonly stdin?: boolean;
  readonly tty?: boolean;
  readonly terminationMessagePath?: string;
  readonly terminationMessagePolicy?: TerminationMessagePolicy;
}

export interface EnvVar {
  readonly name: string;
  /** `$(VAR)` refers to variables that stand earlier in the list. */
  readonly value?: string;
}

export type Protocol = "TCP" | "UDP";

export interface ContainerPort {
  readonly name?: string;
  /** 1..65535 */
  readonly containerPort: number;
  /** 1..65535; absent or 0: not published. */
  readonly hostPort?: number;
  /** Address of the host to publish on; absent or "": all. */
  readonly hostIP?: string;
  readonly protocol?: Protocol;
}

/** Quantities by resource name; nspod knows `cpu` and `memory`. */
export type ResourceList = Readonly<Record<string, string>>;

export interface ResourceRequirements {
  readonly limits?: ResourceList;
  readonly requests?: ResourceList;
}

export interface VolumeMount {
  /** Name of a volume of the same pod. */
  readonly name: string;
  readonly mountPath: string;
  readonly readOnly?: boolean;
  /** Path inside the volume, relative and without "..". */
  readonly subPath?: string;
}

export interface Capabilities {
  /** Names without `CAP_`, or `ALL`. */
  readonly add?: readonly string[];
  readonly drop?: readonly string[];
}

export interface SecurityContext {
  readonly privileged?: boolean;
  readonly runAsUser?: number;
  readonly runAsGroup?: number;
  readonly runAsNonRoot?: boolean;
  readonly capabilities?: Capabilities;
  readonly readOnlyRootFilesystem?: boolean;
  readonly allowPrivilegeEscalation?: boolean;
}

export interface Sysctl {
  readonly name: string;
  readonly value: string;
}

/** Defaults for all containers of the pod; a container's own fields win. */
export interface PodSecurityContext {
  readonly runAsUser?: number;
  readonly runAsGroup?: number;
  readonly runAsNonRoot?: boolean;
  readonly fsGroup?: number;
  readonly supplementalGroups?: readonly number[];
  readonly sysctls?: readonly Sysctl[];
}

/** Exactly one source after defaulting. */
export interface Volume {
  readonly name: string;
  readonly emptyDir?: EmptyDirVolumeSource;
  readonly hostPath?: HostPathVolumeSource;
}

export interface EmptyDirVolumeSource {
  /** "" is the node's disk, "Memory" a tmpfs. */
  readonly medium?: "" | "Memory";
  /** Quantity in bytes. */
  readonly sizeLimit?: string;
}

export type HostPathType =
  | ""
  | "DirectoryOrCreate"
  | "Directory"
  | "FileOrCreate"
  | "File"
  | "Socket"
  | "CharDevice"
  | "BlockDevice";

export interface HostPathVolumeSource {
  readonly path: string;
  readonly type?: HostPathType;
}

export interface HostAlias {
  readonly ip: string;
  readonly hostnames?: readonly string[];
}

export interface PodDNSConfigOption {
  readonly name: string;
  readonly value?: string;
}

export interface PodDNSConfig {
  readonly nameservers?: readonly string[];
  readonly searches?: readonly string[];
  readonly options?: readonly PodDNSConfigOption[];
}

export type PodPhase = "Pending" | "Running" | "Succeeded" | "Failed" | "Unknown";
export type PodQOSClass = "Guaranteed" | "Burstable" | "BestEffort";
export type ConditionStatus = "True" | "False" | "Unknown";

export interface PodCondition {
  /** `PodScheduled`, `PodReadyToStartContainers`, `Initialized`, `ContainersReady`, `Ready`. */
  readonly type: string;
  readonly status: ConditionStatus;
  readonly lastProbeTime?: string;
  readonly lastTransitionTime?: string;
  readonly reason?: string;
  readonly message?: string;
  readonly observedGeneration?: number;
}

export interface PodIP {
  readonly ip: string;
}

/** Facts about a pod, computed by the node from what it sees. Timestamps are RFC 3339 strings. */
export interface PodStatus {
  readonly phase?: PodPhase;
  readonly conditions?: readonly PodCondition[];
  readonly message?: string;
  readonly reason?: string;
  readonly hostIP?: string;
  readonly hostIPs?: readonly PodIP[];
  readonly podIP?: string;
  readonly podIPs?: readonly PodIP[];
  readonly startTime?: string;
  readonly initContainerStatuses?: readonly ContainerStatus[];
  readonly containerStatuses?: readonly ContainerStatus[];
  readonly qosClass?: PodQOSClass;
  readonly observedGeneration?: number;
}

export interface ContainerStateWaiting {
  readonly reason?: string;
  readonly message?: string;
}

export interface ContainerStateRunning {
  readonly startedAt?: string;
}

export interface ContainerStateTerminated {
  /** 0..255; 128 + signal when a signal ended it. */
  readonly exitCode: number;
  readonly signal?: number;
  readonly reason?: string;
  readonly message?: string;
  readonly startedAt?: string;
  readonly finishedAt?: string;
  readonly containerID?: string;
}

/** At most one member is set; none means waiting. */
export interface ContainerState {
  readonly waiting?: ContainerStateWaiting;
  readonly running?: ContainerStateRunning;
  readonly terminated?: ContainerStateTerminated;
}

export interface ContainerStatus {
  readonly name: string;
  readonly state?: ContainerState;
  readonly lastState?: ContainerState;
  readonly ready: boolean;
  readonly restartCount: number;
  readonly image: string;
  readonly imageID: string;
  readonly containerID?: string;
  readonly started?: boolean;
}
