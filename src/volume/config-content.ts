/** What a configMap, secret, downwardAPI or projected volume holds now, whichever of them it is. */
import type { Pod, Volume } from "../spec/pod.ts";
import { configMapFiles } from "./config-map.ts";
import { downwardFiles } from "./downward-api.ts";
import { projectedContent, type VolumeContent } from "./projected.ts";
import { secretFiles } from "./secret.ts";
import type { VolumeHost } from "./volume-kind.ts";

/** Kubernetes' default of `defaultMode`. */
const modeByDefault = 0o644;

/** Whether the node writes the content of this volume. */
export function isConfigVolume(volume: Volume): boolean {
  return (
    (volume.configMap ?? volume.secret ?? volume.downwardAPI ?? volume.projected) !== undefined
  );
}

/** @throws PodError, in the words of the kubelet, while something that is not optional is missing */
export function configContent(host: VolumeHost, pod: Pod, volume: Volume): VolumeContent {
  const { configMap, secret, downwardAPI, projected } = volume;
  const { namespace } = pod.metadata;
  if (configMap) {
    const { name = "", items, optional, defaultMode = modeByDefault } = configMap;
    const selection = { items, defaultMode, optional };
    return { files: configMapFiles(host.objects, namespace, name, selection) };
  }
  if (secret) {
    const { secretName = "", items, optional, defaultMode = modeByDefault } = secret;
    const selection = { items, defaultMode, optional };
    return { files: secretFiles(host.objects, namespace, secretName, selection) };
  }
  if (downwardAPI) {
    const { items = [], defaultMode = modeByDefault } = downwardAPI;
    return { files: downwardFiles(host, pod, items, defaultMode) };
  }
  return projectedContent(host, pod, projected ?? {});
}
