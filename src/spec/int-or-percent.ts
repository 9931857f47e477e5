/**
 * Numbers that may be written as a share of a whole, `2` or `25%`.
 * Source: Kubernetes, util/intstr; apps/v1 "maxSurge is rounded up, maxUnavailable down".
 */
import type { Report } from "./field-issue.ts";
import { quote } from "./quote.ts";

export type IntOrPercent = number | string;

const percentage = /^(\d{1,9})%$/;

/** @param total - what 100 % are. A text that is no percentage counts as 0. */
export function resolveIntOrPercent(
  value: IntOrPercent,
  total: number,
  rounding: "up" | "down",
): number {
  if (typeof value === "number") return value;
  const share = (Number(percentage.exec(value)?.[1] ?? "0") * total) / 100;
  return rounding === "up" ? Math.ceil(share) : Math.floor(share);
}

/** Whether it is nothing of any whole. */
export function isZero(value: IntOrPercent): boolean {
  return resolveIntOrPercent(value, 100, "up") === 0;
}

/** Checks a number from 0 or a percentage; `mostPercent` is for shares that cannot be more than the whole. */
export function validateIntOrPercent(
  value: IntOrPercent,
  path: string,
  report: Report,
  mostPercent: number = Number.POSITIVE_INFINITY,
): void {
  if (typeof value === "number") {
    if (value < 0) report(path, `must be greater than or equal to 0: got ${value}`);
    return;
  }
  const percent = percentage.exec(value)?.[1];
  if (percent === undefined) {
    report(path, `must be a number or a percentage like "25%": got ${quote(value)}`);
  } else if (Number(percent) > mostPercent) {
    report(path, `must not be greater than ${mostPercent}%: got ${quote(value)}`);
  }
}
