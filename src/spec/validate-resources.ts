/**
 * Rules for limits and requests of a container.
 * Source: Kubernetes, "Resource Management for Pods and Containers".
 */

import { childPath, type Report } from "./field-issue.ts";
import type { ResourceList, ResourceRequirements } from "./pod.ts";
import { compareQuantities, parseQuantity } from "./quantity.ts";
import { quote } from "./quote.ts";
import { suggestion } from "./suggest.ts";

const SUPPORTED = ["cpu", "memory"] as const;
/** A process cannot start in less; Kubernetes warns, runtimes fail at start. */
const MIN_MEMORY = "512Ki";
/** More CPUs than Linux can count; keeps every derived number exact. */
const MAX_CPU = "1M";
/** The largest byte count that a double holds exactly is just above. */
const MAX_MEMORY = "7Pi";

/** Checks `resources` at `path`. */
export function validateResources(
  resources: ResourceRequirements,
  path: string,
  report: Report,
): void {
  const { limits = {}, requests = {} } = resources;
  validateList(limits, childPath(path, "limits"), report);
  // Defaulting copies limits to requests: what is wrong with them was said.
  const own = Object.entries(requests).filter(([name, amount]) => limits[name] !== amount);
  validateList(Object.fromEntries(own), childPath(path, "requests"), report);

  const memory = limits["memory"];
  // 0 means "no limit" in Kubernetes.
  if (memory !== undefined && !isNegative(memory) && parseQuantity(memory).nano !== 0n) {
    if (compareQuantities(parseQuantity(memory), parseQuantity(MIN_MEMORY)) < 0) {
      const at = childPath(childPath(path, "limits"), "memory");
      report(at, `must be at least ${MIN_MEMORY}: got ${quote(memory)}`);
    }
  }
  for (const name of SUPPORTED) {
    const [limit, request] = [limits[name], requests[name]];
    if (limit !== undefined && request !== undefined) {
      const wanted = parseQuantity(request);
      if (compareQuantities(wanted, parseQuantity(limit)) > 0) {
        const at = childPath(childPath(path, "requests"), name);
        report(at, `must be at most the limit ${quote(limit)}: got ${quote(request)}`);
      }
    }
  }
}

function validateList(list: ResourceList, path: string, report: Report): void {
  for (const [name, amount] of Object.entries(list)) {
    const at = childPath(path, name);
    if (!SUPPORTED.some((supported) => supported === name)) {
      report(at, () => unsupportedResource(name), "key");
      continue;
    }
    const max = name === "cpu" ? MAX_CPU : MAX_MEMORY;
    if (isNegative(amount)) {
      report(at, `must not be negative: got ${quote(amount)}`);
    } else if (compareQuantities(parseQuantity(amount), parseQuantity(max)) > 0) {
      report(at, `must be at most ${max}: got ${quote(amount)}`);
    }
  }
}

function unsupportedResource(name: string): string {
  const isKnown =
    name === "ephemeral-storage" || name.startsWith("hugepages-") || name.includes("/");
  return isKnown
    ? "is a Kubernetes resource that nspod does not support yet"
    : `unknown resource ${quote(name)}${suggestion(name, SUPPORTED)}`;
}

function isNegative(amount: string): boolean {
  return parseQuantity(amount).nano < 0n;
}

/** Checks a size in bytes (emptyDir's `sizeLimit`) at `path`. */
export function validateByteSize(amount: string, path: string, report: Report): void {
  if (isNegative(amount)) {
    report(path, `must not be negative: got ${quote(amount)}`);
  } else if (compareQuantities(parseQuantity(amount), parseQuantity(MAX_MEMORY)) > 0) {
    report(path, `must be at most ${MAX_MEMORY}: got ${quote(amount)}`);
  }
}
