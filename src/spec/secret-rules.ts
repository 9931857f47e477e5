/**
 * Secret: `stringData` becomes `data`; the types of Kubernetes need certain keys.
 * Source: Kubernetes API reference, core/v1 Secret; "Types of Secret".
 */

import { childPath, type Report } from "./field-issue.ts";
import { checkImmutable } from "./first-difference.ts";
import type { KindRules } from "./kind-rules.ts";
import type { Secret } from "./kubernetes.gen.ts";
import {
  decodedBytes,
  MAX_DATA_BYTES,
  validateDataKeys,
  validateSeal,
} from "./validate-data-keys.ts";

const ACCOUNT_ANNOTATION = "kubernetes.io/service-account.name";

export const secretRules: KindRules<Secret> = {
  fill({ stringData, ...secret }) {
    const type = secret.type || "Opaque";
    if (stringData === undefined) return { ...secret, type };
    const encoded = Object.entries(stringData).map(
      ([key, text]) => [key, Buffer.from(text).toString("base64")] as const,
    );
    return { ...secret, type, data: { ...secret.data, ...Object.fromEntries(encoded) } };
  },
  validate(secret, report) {
    const { data = {} } = secret;
    validateDataKeys(Object.keys(data), "data", report);
    const bytes = Object.values(data).reduce((sum, value) => sum + decodedBytes(value), 0);
    if (bytes > MAX_DATA_BYTES) {
      report("data", `must be at most ${MAX_DATA_BYTES} bytes in total: got ${bytes}`);
    }
    validateType(secret, report);
  },
  validateUpdate(next, current, report) {
    checkImmutable(next.type, current.type, "type", report);
    validateSeal(next, current, ["data"], report);
  },
};

function validateType({ type = "", data = {}, metadata }: Secret, report: Report): void {
  const need = (key: string): void => {
    if (!Object.hasOwn(data, key)) {
      report(childPath("data", key), `is required in a Secret of type ${type}`);
    }
  };
  switch (type) {
    case "kubernetes.io/service-account-token":
      if (!metadata.annotations?.[ACCOUNT_ANNOTATION]) {
        report(
          childPath("metadata.annotations", ACCOUNT_ANNOTATION),
          `is required in a Secret of type ${type}`,
        );
      }
      break;
    case "kubernetes.io/dockercfg":
      need(".dockercfg");
      checkJson(data, ".dockercfg", report);
      break;
    case "kubernetes.io/dockerconfigjson":
      need(".dockerconfigjson");
      checkJson(data, ".dockerconfigjson", report);
      break;
    case "kubernetes.io/basic-auth":
      if (!Object.hasOwn(data, "username") && !Object.hasOwn(data, "password")) {
        need("username");
        need("password");
      }
      break;
    case "kubernetes.io/ssh-auth":
      if (!data["ssh-privatekey"]) {
        report('data["ssh-privatekey"]', `is required in a Secret of type ${type}`);
      }
      break;
    case "kubernetes.io/tls":
      need("tls.crt");
      need("tls.key");
      break;
    default:
    // Opaque and the types of others: any keys.
  }
}

/** What stands there is a secret: the complaint must not show it. */
function checkJson(data: Readonly<Record<string, string>>, key: string, report: Report): void {
  const text = data[key];
  if (text === undefined) return;
  try {
    JSON.parse(Buffer.from(text, "base64").toString());
  } catch {
    // SyntaxError: the only thing that JSON.parse throws.
    report(childPath("data", key), "must be JSON in base64");
  }
}
