/** Which stored objects a pod refers to, so that it is looked at again when one of them changes. */
import type { Pod } from "./pod.ts";

/** `ConfigMap/settings`; in the namespace of the pod. */
export type Reference = string;

export function reference(kind: string, name: string | undefined): Reference {
  return `${kind}/${name ?? ""}`;
}

/** Without what every pod refers to (its node, its namespace); no duplicates. */
export function podReferences(pod: Pod): ReadonlySet<Reference> {
  const found = new Set<Reference>();
  const add = (kind: string, name: string | undefined): void => {
    if (name !== undefined && name !== "") found.add(reference(kind, name));
  };
  const { spec, metadata } = pod;
  const lists = [spec.initContainers, spec.containers, spec.ephemeralContainers];
  for (const container of lists.flatMap((list) => list ?? [])) {
    for (const { configMapRef, secretRef } of container.envFrom ?? []) {
      add("ConfigMap", configMapRef?.name);
      add("Secret", secretRef?.name);
    }
    for (const { valueFrom } of container.env ?? []) {
      add("ConfigMap", valueFrom?.configMapKeyRef?.name);
      add("Secret", valueFrom?.secretKeyRef?.name);
    }
  }
  for (const volume of spec.volumes ?? []) {
    add("ConfigMap", volume.configMap?.name);
    add("Secret", volume.secret?.secretName);
    add("PersistentVolumeClaim", volume.persistentVolumeClaim?.claimName);
    if (volume.ephemeral) add("PersistentVolumeClaim", `${metadata.name}-${volume.name}`);
    for (const source of volume.projected?.sources ?? []) {
      add("ConfigMap", source.configMap?.name);
      add("Secret", source.secret?.name);
      if (source.serviceAccountToken) add("ServiceAccount", spec.serviceAccountName ?? "default");
    }
  }
  return found;
}
