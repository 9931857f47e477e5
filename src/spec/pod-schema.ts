/**
 * The tables that decode a Pod. The compiler checks that each covers its interface in `pod.ts`.
 *
 * `unsupported` lists the other fields that Kubernetes (1.34 and what 1.35–1.37 announced) has at that place:
 * they are refused by name. To support a field, move its name from the list into the table and the interface.
 * Source: Kubernetes API reference, core/v1.
 */

import type { ObjectMeta, OwnerReference } from "./meta.ts";
import type {
  Capabilities,
  Container,
  ContainerPort,
  ContainerState,
  ContainerStateRunning,
  ContainerStateTerminated,
  ContainerStateWaiting,
  ContainerStatus,
  EmptyDirVolumeSource,
  EnvVar,
  HostAlias,
  HostPathVolumeSource,
  Pod,
  PodCondition,
  PodDNSConfig,
  PodDNSConfigOption,
  PodIP,
  PodSecurityContext,
  PodSpec,
  PodStatus,
  ResourceRequirements,
  SecurityContext,
  Sysctl,
  Volume,
  VolumeMount,
} from "./pod.ts";
import {
  boolean,
  int32,
  int64,
  list,
  map,
  object,
  oneOf,
  orZero,
  quantity,
  required,
  type Schema,
  string,
  timestamp,
} from "./schema.ts";

const ownerReference = object<OwnerReference>({
  apiVersion: required(string),
  kind: required(string),
  name: required(string),
  uid: required(string),
  controller: boolean,
  blockOwnerDeletion: boolean,
});

/** `name`, `namespace` and `uid` may be missing and are then empty. */
const objectMeta = object<ObjectMeta>(
  {
    name: orZero(string),
    generateName: string,
    namespace: orZero(string),
    uid: orZero(string),
    resourceVersion: string,
    generation: int64,
    creationTimestamp: timestamp,
    deletionTimestamp: timestamp,
    deletionGracePeriodSeconds: int64,
    labels: map(string),
    annotations: map(string),
    ownerReferences: list(ownerReference),
    finalizers: list(string),
  },
  { unsupported: ["managedFields", "selfLink"] },
);

const envVar = object<EnvVar>(
  { name: required(string), value: string },
  { unsupported: ["valueFrom"] },
);

const containerPort = object<ContainerPort>({
  name: string,
  containerPort: required(int32),
  hostPort: int32,
  hostIP: string,
  protocol: oneOf(["TCP", "UDP"], ["SCTP"]),
});

const resources = object<ResourceRequirements>(
  { limits: map(quantity), requests: map(quantity) },
  { unsupported: ["claims"] },
);

const volumeMount = object<VolumeMount>(
  {
    name: required(string),
    mountPath: required(string),
    readOnly: boolean,
    subPath: string,
  },
  { unsupported: ["bindMountOptions", "mountPropagation", "recursiveReadOnly", "subPathExpr"] },
);

const capabilities = object<Capabilities>({ add: list(string), drop: list(string) });

const securityContext = object<SecurityContext>(
  {
    privileged: boolean,
    runAsUser: int64,
    runAsGroup: int64,
    runAsNonRoot: boolean,
    capabilities,
    readOnlyRootFilesystem: boolean,
    allowPrivilegeEscalation: boolean,
  },
  {
    unsupported: [
      "appArmorProfile",
      "procMount",
      "seLinuxOptions",
      "seccompProfile",
      "ulimits",
      "windowsOptions",
    ],
  },
);

const container = object<Container>(
  {
    name: required(string),
    image: required(string),
    imagePullPolicy: oneOf(["Always", "IfNotPresent", "Never"]),
    command: list(string),
    args: list(string),
    workingDir: string,
    env: list(envVar),
    ports: list(containerPort),
    resources,
    volumeMounts: list(volumeMount),
    securityContext,
    stdin: boolean,
    tty: boolean,
    terminationMessagePath: string,
    terminationMessagePolicy: oneOf(["File", "FallbackToLogsOnError"]),
  },
  {
    unsupported: [
      "envFrom",
      "lifecycle",
      "livenessProbe",
      "readinessProbe",
      "resizePolicy",
      "restartPolicy",
      "restartPolicyRules",
      "startupProbe",
      "stdinOnce",
      "volumeDevices",
    ],
  },
);

const emptyDir = object<EmptyDirVolumeSource>(
  {
    medium: oneOf(["", "Memory"], ["HugePages", "HugePages-2Mi", "HugePages-1Gi"]),
    sizeLimit: quantity,
  },
  { unsupported: ["mode"] },
);

const hostPath = object<HostPathVolumeSource>({
  path: required(string),
  type: oneOf([
    "",
    "DirectoryOrCreate",
    "Directory",
    "FileOrCreate",
    "File",
    "Socket",
    "CharDevice",
    "BlockDevice",
  ]),
});

const volume = object<Volume>(
  { name: required(string), emptyDir, hostPath },
  {
    unsupported: [
      "awsElasticBlockStore",
      "azureDisk",
      "azureFile",
      "cephfs",
      "cinder",
      "configMap",
      "csi",
      "downwardAPI",
      "ephemeral",
      "fc",
      "flexVolume",
      "flocker",
      "gcePersistentDisk",
      "gitRepo",
      "glusterfs",
      "image",
      "iscsi",
      "nfs",
      "persistentVolumeClaim",
      "photonPersistentDisk",
      "portworxVolume",
      "projected",
      "quobyte",
      "rbd",
      "scaleIO",
      "secret",
      "storageos",
      "vsphereVolume",
    ],
  },
);

const sysctl = object<Sysctl>({ name: required(string), value: required(string) });

const podSecurityContext = object<PodSecurityContext>(
  {
    runAsUser: int64,
    runAsGroup: int64,
    runAsNonRoot: boolean,
    fsGroup: int64,
    supplementalGroups: list(int64),
    sysctls: list(sysctl),
  },
  {
    unsupported: [
      "appArmorProfile",
      "fsGroupChangePolicy",
      "seLinuxChangePolicy",
      "seLinuxOptions",
      "seccompProfile",
      "supplementalGroupsPolicy",
      "windowsOptions",
    ],
  },
);

const dnsOption = object<PodDNSConfigOption>({ name: required(string), value: string });

const dnsConfig = object<PodDNSConfig>({
  nameservers: list(string),
  searches: list(string),
  options: list(dnsOption),
});

const hostAlias = object<HostAlias>({ ip: required(string), hostnames: list(string) });

const podSpec = object<PodSpec>(
  {
    initContainers: list(container),
    containers: required(list(container)),
    volumes: list(volume),
    restartPolicy: oneOf(["Always", "OnFailure", "Never"]),
    terminationGracePeriodSeconds: int64,
    dnsPolicy: oneOf(["ClusterFirst", "ClusterFirstWithHostNet", "Default", "None"]),
    dnsConfig,
    hostNetwork: boolean,
    hostPID: boolean,
    hostIPC: boolean,
    shareProcessNamespace: boolean,
    hostname: string,
    hostAliases: list(hostAlias),
    securityContext: podSecurityContext,
  },
  {
    unsupported: [
      "activeDeadlineSeconds",
      "affinity",
      "automountServiceAccountToken",
      "enableServiceLinks",
      "ephemeralContainers",
      "evictionResponders",
      "hostUsers",
      "hostnameOverride",
      "imagePullSecrets",
      "nodeName",
      "nodeSelector",
      "os",
      "overhead",
      "preemptionPolicy",
      "priority",
      "priorityClassName",
      "readinessGates",
      "resourceClaims",
      "resources",
      "runtimeClassName",
      "schedulerName",
      "schedulingGates",
      "schedulingGroup",
      "serviceAccount",
      "serviceAccountName",
      "setHostnameAsFQDN",
      "subdomain",
      "tolerations",
      "topologySpreadConstraints",
      "workloadRef",
    ],
  },
);

const containerState = object<ContainerState>({
  waiting: object<ContainerStateWaiting>({ reason: string, message: string }),
  running: object<ContainerStateRunning>({ startedAt: timestamp }),
  terminated: object<ContainerStateTerminated>({
    exitCode: required(int32),
    signal: int32,
    reason: string,
    message: string,
    startedAt: timestamp,
    finishedAt: timestamp,
    containerID: string,
  }),
});

const containerStatus = object<ContainerStatus>(
  {
    name: required(string),
    state: containerState,
    lastState: containerState,
    ready: required(boolean),
    restartCount: required(int32),
    image: required(string),
    imageID: required(string),
    containerID: string,
    started: boolean,
  },
  {
    unsupported: [
      "allocatedResources",
      "allocatedResourcesStatus",
      "resources",
      "stopSignal",
      "user",
      "volumeMounts",
    ],
  },
);

const podCondition = object<PodCondition>({
  type: required(string),
  status: required(oneOf(["True", "False", "Unknown"])),
  lastProbeTime: timestamp,
  lastTransitionTime: timestamp,
  reason: string,
  message: string,
  observedGeneration: int64,
});

const podIp = object<PodIP>({ ip: required(string) });

const podStatus = object<PodStatus>(
  {
    phase: oneOf(["Pending", "Running", "Succeeded", "Failed", "Unknown"]),
    conditions: list(podCondition),
    message: string,
    reason: string,
    hostIP: string,
    hostIPs: list(podIp),
    podIP: string,
    podIPs: list(podIp),
    startTime: timestamp,
    initContainerStatuses: list(containerStatus),
    containerStatuses: list(containerStatus),
    qosClass: oneOf(["Guaranteed", "Burstable", "BestEffort"]),
    observedGeneration: int64,
  },
  {
    unsupported: [
      "allocatedResources",
      "ephemeralContainerStatuses",
      "extendedResourceClaimStatus",
      "nominatedNodeName",
      "resize",
      "resourceClaimStatuses",
      "resources",
    ],
  },
);

/** A whole Pod. */
export const podSchema: Schema<Pod> = object<Pod>({
  apiVersion: required(oneOf(["v1"])),
  kind: required(oneOf(["Pod"])),
  metadata: required(objectMeta),
  spec: required(podSpec),
  status: podStatus,
});
