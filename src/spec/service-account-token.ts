/**
 * How a pod gets the token of its service account: a volume with what a client of the API needs, mounted where such
 * clients look for it.
 *
 *   /var/run/secrets/kubernetes.io/serviceaccount/   token · ca.crt · namespace
 *
 * Pure. Source: Kubernetes, "Configure Service Accounts for Pods"; "Managing Service Accounts" (the volume that the
 * admission controller adds).
 */
import type { Container, Pod, PodSpec, Volume, VolumeMount } from "./pod.ts";

/** The ConfigMap of every namespace that holds the certificate of who signs for the API server. */
export const rootCaName = "kube-root-ca.crt";

/** The key in it. */
export const rootCaKey = "ca.crt";

const tokenFolder = "/var/run/secrets/kubernetes.io/serviceaccount";

const volumePrefix = "kube-api-access-";

/** An hour, and seven seconds by which Kubernetes tells tokens that nobody asked for from others. */
const expirationSeconds = 3607;

/**
 * The spec with the token in every container and init container that mounts nothing there. Debug containers have none,
 * as in Kubernetes. A volume of this name that is there already is taken.
 * @param suffix - five letters.
 */
export function mountToken(spec: PodSpec, suffix: string): PodSpec {
  const { volumes = [], initContainers, containers } = spec;
  const known = volumes.find(isTokenVolume);
  const name = known?.name ?? `${volumePrefix}${suffix}`;
  const mount: VolumeMount = { name, mountPath: tokenFolder, readOnly: true };
  if (![...(initContainers ?? []), ...containers].some(lacksToken)) return spec;
  const mounted = (container: Container): Container =>
    lacksToken(container) ? withMount(container, mount) : container;
  return {
    ...spec,
    ...(initContainers !== undefined && { initContainers: initContainers.map(mounted) }),
    containers: containers.map(mounted),
    ...(known === undefined && { volumes: [...volumes, tokenVolume(name)] }),
  };
}

/**
 * The token of a pod that is replaced by its manifest, which does not have it.
 * @param known - the pod as it is stored.
 */
export function keepToken({ spec, ...next }: Pod, { spec: known }: Pod): Pod {
  const volume = known.volumes?.find(isTokenVolume);
  if (volume === undefined || spec.volumes?.some(isTokenVolume)) return { ...next, spec };
  const kept = (list: readonly Container[], before: readonly Container[] = []): Container[] =>
    list.map((container) => {
      const mounts = before.find(({ name }) => name === container.name)?.volumeMounts ?? [];
      const mount = mounts.find(({ name }) => name === volume.name);
      return mount && lacksToken(container) ? withMount(container, mount) : container;
    });
  return {
    ...next,
    spec: {
      ...spec,
      ...(spec.initContainers && {
        initContainers: kept(spec.initContainers, known.initContainers),
      }),
      containers: kept(spec.containers, known.containers),
      volumes: [...(spec.volumes ?? []), volume],
    },
  };
}

function isTokenVolume({ name }: Volume): boolean {
  return name.startsWith(volumePrefix);
}

function lacksToken({ volumeMounts = [] }: Container): boolean {
  return !volumeMounts.some(({ mountPath }) => mountPath === tokenFolder);
}

function withMount(container: Container, mount: VolumeMount): Container {
  return { ...container, volumeMounts: [...(container.volumeMounts ?? []), mount] };
}

function tokenVolume(name: string): Volume {
  return {
    name,
    projected: {
      sources: [
        { serviceAccountToken: { expirationSeconds, path: "token" } },
        { configMap: { name: rootCaName, items: [{ key: rootCaKey, path: rootCaKey }] } },
        {
          downwardAPI: {
            items: [
              {
                path: "namespace",
                fieldRef: { apiVersion: "v1", fieldPath: "metadata.namespace" },
              },
            ],
          },
        },
      ],
    },
  };
}
