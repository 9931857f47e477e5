/** projected: files of several sources in one folder (pkg/volume/projected); of two with one path the later counts. */
import { PodError } from "../base/errors.ts";
import type {
  ProjectedVolumeSource,
  ServiceAccount,
  ServiceAccountTokenProjection,
  VolumeProjection,
} from "../spec/kubernetes.gen.ts";
import type { Pod } from "../spec/pod.ts";
import { configMapFiles } from "./config-map.ts";
import { downwardFiles } from "./downward-api.ts";
import { secretFiles } from "./secret.ts";
import { tokenIssuer } from "./service-account-tokens.ts";
import { checkedPath, type VolumeFile } from "./volume-file.ts";
import type { VolumeHost } from "./volume-kind.ts";

export interface VolumeContent {
  readonly files: readonly VolumeFile[];
  /** Wall clock at which the content changes by itself. */
  readonly refreshAtMs?: number;
}

/** @throws PodError with what every source that cannot be had says */
export function projectedContent(
  host: VolumeHost,
  pod: Pod,
  { sources = [], defaultMode = 0o644 }: ProjectedVolumeSource,
): VolumeContent {
  const files = new Map<string, VolumeFile>();
  const times: number[] = [];
  const failures: PodError[] = [];
  for (const source of sources) {
    try {
      const content = sourceContent(host, pod, source, defaultMode);
      for (const file of content.files) files.set(file.path, file);
      if (content.refreshAtMs !== undefined) times.push(content.refreshAtMs);
    } catch (error) {
      if (!(error instanceof PodError)) throw error;
      failures.push(error);
    }
  }
  const [first, ...more] = failures;
  if (more.length > 0) {
    const all = failures.map(({ message }) => message).join(", ");
    throw new PodError("NotFound", `[${all}]`, { cause: first });
  }
  if (first !== undefined) throw first;
  return {
    files: [...files.values()],
    ...(times.length === 0 ? {} : { refreshAtMs: Math.min(...times) }),
  };
}

function sourceContent(
  host: VolumeHost,
  pod: Pod,
  { configMap, secret, downwardAPI, serviceAccountToken }: VolumeProjection,
  defaultMode: number,
): VolumeContent {
  const { namespace } = pod.metadata;
  if (configMap) {
    const { name = "", items, optional } = configMap;
    const selection = { items, defaultMode, optional };
    return { files: configMapFiles(host.objects, namespace, name, selection) };
  }
  if (secret) {
    const { name = "", items, optional } = secret;
    return {
      files: secretFiles(host.objects, namespace, name, { items, defaultMode, optional }),
    };
  }
  if (serviceAccountToken) return tokenContent(host, pod, serviceAccountToken, defaultMode);
  return { files: downwardFiles(host, pod, downwardAPI?.items ?? [], defaultMode) };
}

function tokenContent(
  host: VolumeHost,
  pod: Pod,
  { path, audience, expirationSeconds = 3600 }: ServiceAccountTokenProjection,
  defaultMode: number,
): VolumeContent {
  const { namespace, name, uid } = pod.metadata;
  const account = pod.spec.serviceAccountName ?? "default";
  const found = host.objects.get<ServiceAccount>("ServiceAccount", namespace, account);
  if (found === undefined) {
    throw new PodError("NotFound", `failed to fetch token: serviceaccounts "${account}" not found`);
  }
  const token = host.tokens.get(
    {
      namespace,
      serviceAccount: { name: account, uid: found.metadata.uid },
      pod: { name, uid },
      nodeName: host.nodeName,
      audience: audience || tokenIssuer,
      expirationSeconds,
    },
    host.clock.now(),
  );
  const owner = onlyUser(pod);
  const fsGroup = pod.spec.securityContext?.fsGroup;
  const file: VolumeFile = {
    path: checkedPath(path),
    content: Buffer.from(token.text),
    // For its one user or group alone, where there is one.
    mode: owner === undefined && fsGroup === undefined ? defaultMode : 0o600,
    ...(owner === undefined ? {} : { uid: owner }),
  };
  return { files: [file], refreshAtMs: token.refreshAtMs };
}

/** The user of all containers of the pod, when the spec names one and the same. */
function onlyUser(pod: Pod): number | undefined {
  const { initContainers = [], containers, securityContext } = pod.spec;
  const users = new Set(
    [...initContainers, ...containers].map(
      (container) => container.securityContext?.runAsUser ?? securityContext?.runAsUser,
    ),
  );
  const [user] = users;
  return users.size === 1 ? user : undefined;
}
