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
  /** Of fields that are done: what it comes to on one machine. */
  readonly remarks?: Readonly<Record<string, string>>;
  /** Field → choices that are refused. */
  readonly refusedValues?: Readonly<Record<string, readonly string[]>>;
}

const dra =
  "needs dynamic resource allocation, which a single machine without a resource driver does not have";
const cloud =
  "is a volume of a cloud or of an appliance, which nspod does not attach: mount it on the host and use hostPath or a PersistentVolume";
const selinux = "needs SELinux labels on processes and files, which nspod does not set";
const debugging = "must not be set on an ephemeral container, as in Kubernetes";
const csi =
  "needs a driver of the Container Storage Interface, which nspod does not run: use a PersistentVolumeClaim of the class local-path, or hostPath";
const nfs =
  "is not mounted by nspod: mount the share on the host and use hostPath or a PersistentVolume of it";
const blockDevices =
  "gives a container a raw block device of a claim, which nspod has no provisioner for: use volumeMounts with volumeMode Filesystem";
const onlyFolders =
  "would change how a file system is mounted, and nspod binds folders: mount it on the host";
const token =
  "the token is mounted while the daemon listens for pods, too (--listen): without it there is no API that a pod could reach";
const pull =
  "a secret that does not exist is told by an event, as by the kubelet; nothing is pulled, images come from archives";
const windows = "is for Windows nodes only";

/** Definition of the API reference → its exceptions. */
export const fieldSupport: Readonly<Record<string, DefinitionSupport>> = {
  Container: {
    refused: {
      volumeDevices: blockDevices,
    },
  },
  EphemeralContainer: {
    refused: {
      lifecycle: debugging,
      livenessProbe: debugging,
      ports: debugging,
      readinessProbe: debugging,
      resizePolicy: debugging,
      resources: debugging,
      restartPolicy: debugging,
      restartPolicyRules: debugging,
      startupProbe: debugging,
      volumeDevices: blockDevices,
    },
  },
  LifecycleHandler: {
    warned: {
      tcpSocket: "does nothing: Kubernetes has deprecated it and opens no connection for a hook",
    },
  },
  PersistentVolumeClaimSpec: {
    refused: {
      dataSource:
        "would fill the new volume from a snapshot or another claim, which local folders cannot: copy the data in an init container",
      dataSourceRef:
        "would fill the new volume from another object, which local folders cannot: copy the data in an init container",
      volumeAttributesClassName: csi,
    },
    refusedValues: { volumeMode: ["Block"] },
  },
  PersistentVolumeSpec: {
    refused: {
      awsElasticBlockStore: cloud,
      azureDisk: cloud,
      azureFile: cloud,
      cephfs: cloud,
      cinder: cloud,
      csi: csi,
      fc: cloud,
      flexVolume: cloud,
      flocker: cloud,
      gcePersistentDisk: cloud,
      glusterfs: cloud,
      iscsi: cloud,
      mountOptions: onlyFolders,
      nfs: nfs,
      photonPersistentDisk: cloud,
      portworxVolume: cloud,
      quobyte: cloud,
      rbd: cloud,
      scaleIO: cloud,
      storageos: cloud,
      volumeAttributesClassName: csi,
      vsphereVolume: cloud,
    },
    refusedValues: { persistentVolumeReclaimPolicy: ["Recycle"], volumeMode: ["Block"] },
  },
  LocalVolumeSource: {
    refused: {
      fsType: onlyFolders,
    },
  },
  PodSecurityContext: {
    refused: {
      seLinuxChangePolicy: selinux,
      seLinuxOptions: selinux,
      windowsOptions: windows,
    },
  },
  PodSpec: {
    refused: {
      resourceClaims: dra,
      schedulingGroup:
        "places a group of pods at once or not at all, which is a feature in development of later releases: there is one node, so use schedulingGates",
    },
    remarks: {
      automountServiceAccountToken: token,
      imagePullSecrets: pull,
    },
  },
  ResourceRequirements: {
    refused: {
      claims: dra,
    },
  },
  ServiceSpec: {
    warned: {
      healthCheckNodePort: "has no effect: there is one node, which has every endpoint",
      loadBalancerClass:
        "has no effect: nspod gives every Service of type LoadBalancer the address of the node",
      loadBalancerIP: "has no effect: the address is that of the node",
      loadBalancerSourceRanges:
        "has no effect: whoever reaches the node reaches the Service: use a firewall of the host",
    },
    refusedValues: { ipFamilyPolicy: ["RequireDualStack"] },
  },
  SecurityContext: {
    refused: {
      seLinuxOptions: selinux,
      windowsOptions: windows,
    },
  },
  StorageClass: {
    refused: {
      mountOptions: onlyFolders,
    },
    warned: {
      allowedTopologies: "has no effect: there is one node",
      parameters: "have no effect: the provisioner of nspod makes plain folders",
    },
  },
  VolumeProjection: {
    refused: {
      clusterTrustBundle:
        "needs the signers of a cluster, which a single machine does not have: put the certificates into a ConfigMap",
      podCertificate:
        "needs the signers of a cluster, which a single machine does not have: put the certificate into a Secret",
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
      csi: csi,
      gitRepo:
        "lets the author of a repository run commands on the node: clone it in an init container into an emptyDir",
      nfs: nfs,
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
