/** secret: the keys of a Secret as files. Texts as the kubelet's (pkg/volume/secret). */
import { PodError } from "../base/errors.ts";
import type { Secret } from "../spec/kubernetes.gen.ts";
import type { ObjectReader } from "../spec/object-reader.ts";
import { type Selection, selectFiles, type VolumeFile } from "./volume-file.ts";

/** @throws PodError NotFound when the object or a key is missing and not optional */
export function secretFiles(
  objects: ObjectReader,
  namespace: string,
  name: string,
  selection: Selection,
): VolumeFile[] {
  const object = objects.get<Secret>("Secret", namespace, name);
  if (object === undefined && !selection.optional) {
    throw new PodError("NotFound", `secret "${name}" not found`);
  }
  const data = new Map(
    Object.entries(object?.data ?? {}).map(([key, base64]) => [key, Buffer.from(base64, "base64")]),
  );
  return selectFiles(data, selection, "references non-existent secret key");
}
