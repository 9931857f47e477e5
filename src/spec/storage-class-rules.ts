/** StorageClass. Source: Kubernetes API reference, storage.k8s.io/v1 StorageClass; "Storage Classes". */

import { childPath } from "./field-issue.ts";
import { checkImmutable } from "./first-difference.ts";
import type { KindRules } from "./kind-rules.ts";
import type { StorageClass } from "./kubernetes.gen.ts";
import { checkQualifiedName } from "./validate-names.ts";

const MAX_PARAMETERS = 512;
const MAX_PARAMETER_BYTES = 256 * 1024;

export const storageClassRules: KindRules<StorageClass> = {
  fill: (storageClass) => ({
    ...storageClass,
    reclaimPolicy: storageClass.reclaimPolicy ?? "Delete",
    volumeBindingMode: storageClass.volumeBindingMode ?? "Immediate",
  }),
  validate({ provisioner, parameters = {}, reclaimPolicy }, report) {
    const complaint = checkQualifiedName(provisioner.toLowerCase());
    if (provisioner === "") report("provisioner", "is required");
    else if (complaint !== undefined) report("provisioner", complaint);
    if (reclaimPolicy === "Recycle") {
      report("reclaimPolicy", 'must be one of "Delete", "Retain": got "Recycle"');
    }
    const entries = Object.entries(parameters);
    if (entries.length > MAX_PARAMETERS) {
      report("parameters", `must be at most ${MAX_PARAMETERS}: got ${entries.length}`);
    }
    let bytes = 0;
    for (const [key, value] of entries) {
      if (key === "") report(childPath("parameters", key), "key must not be empty", "key");
      bytes += Buffer.byteLength(key) + Buffer.byteLength(value);
    }
    if (bytes > MAX_PARAMETER_BYTES) {
      report("parameters", `must be at most ${MAX_PARAMETER_BYTES} bytes in total: got ${bytes}`);
    }
  },
  validateUpdate(next, current, report) {
    const fields = ["parameters", "provisioner", "reclaimPolicy", "volumeBindingMode"] as const;
    for (const field of fields) {
      const message = `updates to ${field} are forbidden`;
      checkImmutable(next[field], current[field], field, report, message);
    }
  },
};
