/** Volumes of a pod in the words of kubectl describe. Pure. */
import type { EphemeralVolumeSource, VolumeProjection } from "../spec/kubernetes.gen.ts";
import type { Volume } from "../spec/pod.ts";
import { accessModes } from "../spec/table-columns.ts";
import { type Field, optional } from "./describe-layout.ts";

type Describe<K extends keyof Volume> = (source: NonNullable<Volume[K]>) => readonly Field[];

/** One row per kind of volume, in the order in which they are looked for. */
const kinds: { readonly [K in keyof Volume]?: Describe<K> } = {
  hostPath: ({ path, type }) => [
    ["Type", "HostPath (bare host directory volume)"],
    ["Path", path],
    ["HostPathType", type ?? ""],
  ],
  emptyDir: ({ medium, sizeLimit }) => [
    ["Type", "EmptyDir (a temporary directory that shares a pod's lifetime)"],
    ["Medium", medium ?? ""],
    ["SizeLimit", sizeLimit ?? "<unset>"],
  ],
  configMap: ({ name, optional: isOptional }) => [
    ["Type", "ConfigMap (a volume populated by a ConfigMap)"],
    ["Name", name ?? ""],
    ["Optional", String(isOptional ?? false)],
  ],
  secret: ({ secretName, optional: isOptional }) => [
    ["Type", "Secret (a volume populated by a Secret)"],
    ["SecretName", secretName ?? ""],
    ["Optional", String(isOptional ?? false)],
  ],
  persistentVolumeClaim: ({ claimName, readOnly }) => [
    [
      "Type",
      "PersistentVolumeClaim (a reference to a PersistentVolumeClaim in the same namespace)",
    ],
    ["ClaimName", claimName],
    ["ReadOnly", String(readOnly ?? false)],
  ],
  downwardAPI: ({ items = [] }) => [
    ["Type", "DownwardAPI (a volume populated by information about the pod)"],
    ["Items", items.map((item) => itemText(item))],
  ],
  projected: ({ sources = [] }) => [
    ["Type", "Projected (a volume that contains injected data from multiple sources)"],
    ...sources.flatMap(projectionFields),
  ],
  ephemeral: (source) => [
    [
      "Type",
      "EphemeralVolume (an inline specification for a volume that gets created and deleted with the pod)",
    ],
    ...claimFields(source),
  ],
  image: ({ reference, pullPolicy }) => [
    ["Type", "Image (a container image or OCI artifact)"],
    ["Reference", reference ?? ""],
    ["PullPolicy", pullPolicy ?? ""],
  ],
};

/** A volume with its name as label. */
export function volumeField(volume: Volume): Field {
  for (const kind of Object.keys(kinds) as (keyof typeof kinds)[]) {
    const source = volume[kind];
    // The table pairs every kind with the type of its source.
    const describe = kinds[kind] as ((source: unknown) => readonly Field[]) | undefined;
    if (source !== undefined && describe !== undefined) return [volume.name, describe(source)];
  }
  const other = Object.keys(volume).find((key) => key !== "name");
  return [volume.name, [["Type", other ?? "EmptyDir"]]];
}

function projectionFields(projection: VolumeProjection): readonly Field[] {
  const { configMap, secret, downwardAPI, serviceAccountToken } = projection;
  return [
    ...(secret ? named("Secret", secret) : []),
    ...(configMap ? named("ConfigMap", configMap) : []),
    ...optional("DownwardAPI", downwardAPI && "true"),
    ...optional("TokenExpirationSeconds", tokenLife(serviceAccountToken)),
  ];
}

function tokenLife(token: VolumeProjection["serviceAccountToken"]): string | undefined {
  return token && String(token.expirationSeconds ?? 3600);
}

function named(
  kind: string,
  { name, optional: isOptional }: { readonly name?: string; readonly optional?: boolean },
): readonly Field[] {
  return [
    [`${kind}Name`, name ?? ""],
    ["Optional", String(isOptional ?? false)],
  ];
}

function itemText(item: {
  readonly path: string;
  readonly fieldRef?: { readonly fieldPath: string };
  readonly resourceFieldRef?: { readonly resource: string };
}): string {
  return `${item.fieldRef?.fieldPath ?? item.resourceFieldRef?.resource ?? ""} -> ${item.path}`;
}

function claimFields({ volumeClaimTemplate }: EphemeralVolumeSource): readonly Field[] {
  const spec = volumeClaimTemplate?.spec;
  return [
    ["StorageClass", spec?.storageClassName ?? ""],
    ["Capacity", spec?.resources?.requests?.["storage"] ?? ""],
    ["Access Modes", accessModes(spec?.accessModes)],
    ["VolumeMode", spec?.volumeMode ?? "Filesystem"],
  ];
}
