/** ConfigMap. Source: Kubernetes API reference, core/v1 ConfigMap; "ConfigMaps", "Immutable ConfigMaps". */

import { childPath } from "./field-issue.ts";
import type { KindRules } from "./kind-rules.ts";
import type { ConfigMap } from "./kubernetes.gen.ts";
import {
  decodedBytes,
  MAX_DATA_BYTES,
  validateDataKeys,
  validateSeal,
} from "./validate-data-keys.ts";

export const configMapRules: KindRules<ConfigMap> = {
  validate({ data = {}, binaryData = {} }, report) {
    validateDataKeys(Object.keys(data), "data", report);
    validateDataKeys(Object.keys(binaryData), "binaryData", report);
    let bytes = 0;
    for (const [key, value] of Object.entries(data)) {
      if (Object.hasOwn(binaryData, key)) {
        report(childPath("data", key), "duplicate of key present in binaryData", "key");
      }
      bytes += Buffer.byteLength(value);
    }
    for (const value of Object.values(binaryData)) bytes += decodedBytes(value);
    if (bytes > MAX_DATA_BYTES) {
      report("", `must hold at most ${MAX_DATA_BYTES} bytes of data: got ${bytes}`);
    }
  },
  validateUpdate(next, current, report) {
    validateSeal(next, current, ["data", "binaryData"], report);
  },
};
