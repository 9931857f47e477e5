/**
 * What `nspod wait --for` takes, and whether an object is there. Pure. Source: `kubectl wait`.
 *
 *   delete · create · condition=Ready · condition=Ready=false · jsonpath='{.status.phase}'=Running · jsonpath='{.x}'
 */
import { PodError } from "../base/errors.ts";
import type { KubernetesObject } from "../spec/resources.ts";
import { findByPath, type JsonPath, parseJsonPath } from "./json-path.ts";
import { shownValue } from "./json-path-template.ts";

export type WaitGoal =
  | { readonly goal: "delete" | "create" }
  | { readonly goal: "condition"; readonly type: string; readonly status: string }
  /** Without a value any value will do. */
  | { readonly goal: "jsonpath"; readonly path: JsonPath; readonly value: string | undefined };

/** @throws PodError InvalidArgument. */
export function parseWaitGoal(text: string): WaitGoal {
  const word = text.toLowerCase();
  if (word === "delete" || word === "create") return { goal: word };
  const condition = /^condition=([^=]+)(?:=(.+))?$/i.exec(text);
  if (condition !== null) {
    const [, type = "", status = "True"] = condition;
    return { goal: "condition", type, status };
  }
  const path = /^jsonpath=(['"]?)(\{.*\}|[^{}]*?)\1(?:=(.*))?$/is.exec(text);
  if (path !== null && path[2] !== "") {
    const [, , expression = "", value] = path;
    return { goal: "jsonpath", path: parseJsonPath(expression), value: unquoted(value) };
  }
  throw new PodError(
    "InvalidArgument",
    `--for: must be delete, create, condition=NAME[=STATUS] or jsonpath='{PATH}'[=VALUE]: got "${text}"`,
  );
}

function unquoted(value: string | undefined): string | undefined {
  return value === undefined ? undefined : (/^(["'])(.*)\1$/s.exec(value)?.[2] ?? value);
}

/** Whether an object that exists has what is waited for. */
export function isReached(goal: WaitGoal, object: KubernetesObject): boolean {
  switch (goal.goal) {
    case "delete":
      return false;
    case "create":
      return true;
    case "condition":
      return conditionOf(object, goal.type)?.toLowerCase() === goal.status.toLowerCase();
    case "jsonpath": {
      const found = findByPath(goal.path, object, object);
      if (goal.value === undefined) return found.length > 0;
      return found.some((value) => shownValue(value) === goal.value);
    }
  }
}

/** The names of conditions are compared without regard to case. */
function conditionOf(object: KubernetesObject, wanted: string): string | undefined {
  const { status } = object as { readonly status?: { readonly conditions?: unknown } };
  const conditions = Array.isArray(status?.conditions) ? status.conditions : [];
  const found = conditions.find(
    (each: { readonly type?: string }) => each.type?.toLowerCase() === wanted.toLowerCase(),
  ) as { readonly status?: string } | undefined;
  return found?.status;
}
