/**
 * What nspod does with the fields of Kubernetes: the one source of the decoder's refusals, of the warnings and of the
 * table in the manual. A field that is not listed here is done: it has its Kubernetes meaning.
 *
 *   refused   an error at the door that names the field; the text says why and what to use, "" only that it is not done
 *   warned    accepted, with a warning that says what does not happen
 *
 * The test of the table compares it with the manifests of the integration tests.
 */

export interface DefinitionSupport {
  readonly refused?: Readonly<Record<string, string>>;
  readonly warned?: Readonly<Record<string, string>>;
  /** Field → choices that are refused. */
  readonly refusedValues?: Readonly<Record<string, readonly string[]>>;
}

const later = "";
const dra =
  "needs dynamic resource allocation, which a single machine without a resource driver does not have";
const cloud =
  "is a volume of a cloud or of an appliance, which nspod does not attach: mount it on the host and use hostPath or a PersistentVolume";
const selinux = "needs SELinux labels on processes and files, which nspod does not set";
const windows = "is for Windows nodes only";

/** Definition of the API reference → its exceptions. */
export const fieldSupport: Readonly<Record<string, DefinitionSupport>> = {
  Container: {
    refused: {
      envFrom: later,
      resizePolicy: later,
      restartPolicy: later,
      restartPolicyRules: later,
      volumeDevices: later,
    },
  },
  ContainerPort: {
    refusedValues: { protocol: ["SCTP"] },
  },
  EnvVar: {
    refused: {
      valueFrom: later,
    },
  },
  LifecycleHandler: {
    warned: {
      tcpSocket: "does nothing: Kubernetes has deprecated it and opens no connection for a hook",
    },
  },
  PodSecurityContext: {
    refused: {
      fsGroupChangePolicy: later,
      seLinuxChangePolicy: selinux,
      seLinuxOptions: selinux,
      windowsOptions: windows,
    },
  },
  PodSpec: {
    refused: {
      activeDeadlineSeconds: later,
      affinity: later,
      automountServiceAccountToken: later,
      enableServiceLinks: later,
      ephemeralContainers: later,
      hostUsers: later,
      imagePullSecrets: later,
      nodeName: later,
      nodeSelector: later,
      overhead: later,
      preemptionPolicy: later,
      priority: later,
      priorityClassName: later,
      readinessGates: later,
      resourceClaims: dra,
      resources: later,
      runtimeClassName: later,
      schedulerName: later,
      schedulingGates: later,
      schedulingGroup: later,
      serviceAccount: later,
      serviceAccountName: later,
      tolerations: later,
      topologySpreadConstraints: later,
    },
  },
  ResourceRequirements: {
    refused: {
      claims: dra,
    },
  },
  SecurityContext: {
    refused: {
      seLinuxOptions: selinux,
      windowsOptions: windows,
    },
  },
  Volume: {
    refused: {
      awsElasticBlockStore: cloud,
      azureDisk: cloud,
      azureFile: cloud,
      cephfs: cloud,
      cinder: cloud,
      fc: cloud,
      flexVolume: cloud,
      flocker: cloud,
      gcePersistentDisk: cloud,
      glusterfs: cloud,
      iscsi: cloud,
      photonPersistentDisk: cloud,
      portworxVolume: cloud,
      quobyte: cloud,
      rbd: cloud,
      scaleIO: cloud,
      storageos: cloud,
      vsphereVolume: cloud,
      configMap: later,
      csi: later,
      downwardAPI: later,
      ephemeral: later,
      gitRepo: later,
      image: later,
      nfs: later,
      persistentVolumeClaim: later,
      projected: later,
      secret: later,
    },
  },
  VolumeMount: {
    refused: {
      mountPropagation: later,
      recursiveReadOnly: later,
      subPathExpr: later,
    },
  },
};

/** Why a field is refused; "" without a reason, undefined when it is not. */
export function refusal(definition: string, field: string): string | undefined {
  return fieldSupport[definition]?.refused?.[field];
}

/** Choices of a field that are refused. */
export function refusedValues(definition: string, field: string): readonly string[] {
  return fieldSupport[definition]?.refusedValues?.[field] ?? [];
}
