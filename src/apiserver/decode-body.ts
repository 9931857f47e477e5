/**
 * The object in a body, read as strictly as `fieldValidation` asks: Strict (the default) refuses fields that
 * Kubernetes does not have, Warn warns of them, Ignore leaves them out. What Kubernetes has and nspod has not is
 * refused always: dropping it would do something else than asked.
 * Source: Kubernetes API concepts, "Field validation".
 */
import { isPodError } from "../base/errors.ts";
import { decodeObject } from "../spec/decode-json.ts";
import type { KubernetesObject, Resource } from "../spec/resources.ts";
import { isObject } from "../spec/schema.ts";
import { RequestProblem } from "./problem.ts";
import type { Exchange } from "./router.ts";
import { storedVersion } from "./served-resources.ts";

export interface DecodedBody {
  readonly object: KubernetesObject;
  readonly warnings: readonly string[];
}

/**
 * @param value - parsed JSON; kind and apiVersion may be missing, the path says them.
 * @throws RequestProblem 400 with every complaint in `data.issues`.
 */
export function decodeBody(
  { query }: Pick<Exchange, "query">,
  resource: Resource,
  value: unknown,
): DecodedBody {
  const { kind, apiVersion } = resource;
  const mode = query.oneOf("fieldValidation", ["Strict", "Warn", "Ignore"]) ?? "Strict";
  const warnings: string[] = [];
  const whole = isObject(value) ? inStoredVersion({ kind, ...value }, resource) : value;
  try {
    const object = decodeObject(whole, {
      resource,
      ...(mode !== "Strict" && {
        onUnknownField: (path: string) => warnings.push(`unknown field "${path}"`),
      }),
    });
    return { object, warnings: mode === "Warn" ? warnings : [] };
  } catch (error) {
    if (!isPodError(error, "InvalidArgument")) throw error;
    const version = apiVersion.split("/").at(-1);
    const complaints = error.message.replaceAll("\n", ", ");
    throw new RequestProblem(
      [400, "BadRequest", "InvalidArgument"],
      `${kind} in version "${version}" cannot be handled as a ${kind}: strict decoding error: ${complaints}`,
      {},
      error.data,
    );
  }
}

/** An object that names no version, or the one that the path serves. */
function inStoredVersion(value: Readonly<Record<string, unknown>>, resource: Resource): object {
  const { apiVersion = resource.apiVersion } = value;
  return {
    ...value,
    apiVersion: apiVersion === resource.apiVersion ? storedVersion(resource) : apiVersion,
  };
}
