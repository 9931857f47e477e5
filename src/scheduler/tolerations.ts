/**
 * Which taints a pod tolerates. Pure. Source: Kubernetes, "Taints and Tolerations"; API reference, core/v1 Toleration:
 * without a key "Exists" tolerates everything, without an effect every effect of the key.
 */
import type { Taint, Toleration } from "../spec/kubernetes.gen.ts";

/** Taints that keep new pods away, as opposed to those that say where pods should rather not go. */
export function isForbidding({ effect }: Pick<Taint, "effect">): boolean {
  return effect === "NoSchedule" || effect === "NoExecute";
}

export function tolerates(toleration: Toleration, taint: Taint): boolean {
  const { key = "", effect = "", value = "", operator = "Equal" } = toleration;
  if (effect !== "" && effect !== taint.effect) return false;
  if (key !== "" && key !== taint.key) return false;
  if (operator === "Exists") return true;
  if (operator === "Equal") return key !== "" && value === (taint.value ?? "");
  return compares(operator, taint.value ?? "", value);
}

/** The first taint that nothing tolerates. */
export function untolerated(
  tolerations: readonly Toleration[],
  taints: readonly Taint[],
): Taint | undefined {
  return taints.find((taint) => !tolerations.some((toleration) => tolerates(toleration, taint)));
}

/** "Gt" and "Lt": the taint's number is above or below that of the toleration. */
function compares(operator: string, ofTaint: string, ofToleration: string): boolean {
  const isNumber = (text: string): boolean => /^(?:0|-?[1-9]\d{0,17})$/.test(text);
  if (!isNumber(ofTaint) || !isNumber(ofToleration)) return false;
  const [taint, toleration] = [BigInt(ofTaint), BigInt(ofToleration)];
  if (operator === "Gt") return taint > toleration;
  return operator === "Lt" && taint < toleration;
}
