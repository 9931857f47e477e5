/**
 * Kubernetes' defaults of what refers to ConfigMaps, Secrets and fields of the pod: variables and volumes.
 * Source: Kubernetes API reference ("Defaults to …").
 */

import type {
  DownwardAPIVolumeFile,
  ObjectFieldSelector,
  ResourceFieldSelector,
  VolumeProjection,
} from "./kubernetes.gen.ts";
import type { Container, EnvVar, Volume } from "./pod.ts";
import { canonicalQuantity } from "./quantity.ts";

const defaultMode = 0o644;
const tokenExpirationSeconds = 3600;

/** The part of a container that this adds. */
export function defaultVariables({ env }: Pick<Container, "env">): Pick<Container, "env"> {
  return env === undefined ? {} : { env: env.map(defaultVariable) };
}

/** The part of a volume that this adds. */
export function defaultConfigVolume({
  configMap,
  secret,
  downwardAPI,
  projected,
}: Volume): Partial<Volume> {
  return {
    ...(configMap !== undefined && { configMap: { defaultMode, ...configMap } }),
    ...(secret !== undefined && { secret: { defaultMode, ...secret } }),
    ...(downwardAPI !== undefined && {
      downwardAPI: { defaultMode, ...downwardAPI, ...defaultItems(downwardAPI) },
    }),
    ...(projected !== undefined && {
      projected: {
        defaultMode,
        ...projected,
        ...(projected.sources !== undefined && {
          sources: projected.sources.map(defaultProjection),
        }),
      },
    }),
  };
}

function defaultVariable(variable: EnvVar): EnvVar {
  const { valueFrom } = variable;
  if (valueFrom === undefined) return variable;
  const { fileKeyRef } = valueFrom;
  return {
    ...variable,
    valueFrom: {
      ...valueFrom,
      ...defaultSelectors(valueFrom),
      ...(fileKeyRef !== undefined && { fileKeyRef: { optional: false, ...fileKeyRef } }),
    },
  };
}

function defaultProjection(source: VolumeProjection): VolumeProjection {
  const { downwardAPI, serviceAccountToken } = source;
  return {
    ...source,
    ...(downwardAPI !== undefined && {
      downwardAPI: { ...downwardAPI, ...defaultItems(downwardAPI) },
    }),
    ...(serviceAccountToken !== undefined && {
      serviceAccountToken: { expirationSeconds: tokenExpirationSeconds, ...serviceAccountToken },
    }),
  };
}

function defaultItems({ items }: { readonly items?: readonly DownwardAPIVolumeFile[] }): {
  readonly items?: readonly DownwardAPIVolumeFile[];
} {
  if (items === undefined) return {};
  return { items: items.map((item) => ({ ...item, ...defaultSelectors(item) })) };
}

interface Selectors {
  readonly fieldRef?: ObjectFieldSelector;
  readonly resourceFieldRef?: ResourceFieldSelector;
}

function defaultSelectors({ fieldRef, resourceFieldRef }: Selectors): Selectors {
  return {
    ...(fieldRef !== undefined && {
      fieldRef: { ...fieldRef, apiVersion: fieldRef.apiVersion || "v1" },
    }),
    ...(resourceFieldRef !== undefined && {
      resourceFieldRef: {
        ...resourceFieldRef,
        divisor: canonicalQuantity(resourceFieldRef.divisor ?? "0"),
      },
    }),
  };
}
