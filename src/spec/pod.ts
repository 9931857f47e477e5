/**
 * The Pod of Kubernetes core/v1: the generated types under one roof, and names for what stands inline in them.
 *
 * Invariant: a field that nspod neither honours nor warns about is refused at the door (`field-support.ts`), so code
 * behind it may take every field that it sees for meant. Quantities are strings (`quantity.ts`), times RFC 3339.
 */
import type {
  Container,
  ContainerPort,
  HostPathVolumeSource,
  PodSpec,
  PodStatus,
} from "./kubernetes.gen.ts";

export type {
  AppArmorProfile,
  Capabilities,
  Container,
  ContainerPort,
  ContainerRestartRule,
  ContainerState,
  ContainerStateRunning,
  ContainerStateTerminated,
  ContainerStateWaiting,
  ContainerStatus,
  EmptyDirVolumeSource,
  EnvVar,
  ExecAction,
  GRPCAction,
  HostAlias,
  HostPathVolumeSource,
  HTTPGetAction,
  Lifecycle,
  LifecycleHandler,
  Pod,
  PodCondition,
  PodDNSConfig,
  PodDNSConfigOption,
  PodIP,
  PodSecurityContext,
  PodSpec,
  PodStatus,
  Probe,
  ResourceRequirements,
  SeccompProfile,
  SecurityContext,
  Sysctl,
  TCPSocketAction,
  Volume,
  VolumeMount,
} from "./kubernetes.gen.ts";

export type RestartPolicy = NonNullable<PodSpec["restartPolicy"]>;
export type DnsPolicy = NonNullable<PodSpec["dnsPolicy"]>;
export type ImagePullPolicy = NonNullable<Container["imagePullPolicy"]>;
export type TerminationMessagePolicy = NonNullable<Container["terminationMessagePolicy"]>;
export type Protocol = NonNullable<ContainerPort["protocol"]>;
export type HostPathType = NonNullable<HostPathVolumeSource["type"]>;
export type PodPhase = NonNullable<PodStatus["phase"]>;
export type PodQOSClass = NonNullable<PodStatus["qosClass"]>;
export type ConditionStatus = "True" | "False" | "Unknown";
/** Quantities by resource name. */
export type ResourceList = Readonly<Record<string, string>>;
