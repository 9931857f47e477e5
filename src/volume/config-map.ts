/** configMap: the keys of a ConfigMap as files. Texts as the kubelet's (pkg/volume/configmap). */
import { PodError } from "../base/errors.ts";
import type { ConfigMap } from "../spec/kubernetes.gen.ts";
import type { ObjectReader } from "../spec/object-reader.ts";
import { type Selection, selectFiles, type VolumeFile } from "./volume-file.ts";

/** @throws PodError NotFound when the object or a key is missing and not optional */
export function configMapFiles(
  objects: ObjectReader,
  namespace: string,
  name: string,
  selection: Selection,
): VolumeFile[] {
  const object = objects.get<ConfigMap>("ConfigMap", namespace, name);
  if (object === undefined && !selection.optional) {
    throw new PodError("NotFound", `configmap "${name}" not found`);
  }
  const data = new Map<string, Buffer>();
  for (const [key, text] of Object.entries(object?.data ?? {})) data.set(key, Buffer.from(text));
  for (const [key, base64] of Object.entries(object?.binaryData ?? {})) {
    data.set(key, Buffer.from(base64, "base64"));
  }
  return selectFiles(data, selection, "configmap references non-existent config key");
}
