/**
 * Rules for limits and requests of a container, and for overhead.
 * Source: Kubernetes, "Resource Management for Pods and Containers", "Manage HugePages", "Extended resources".
 */

import { childPath, type Report } from "./field-issue.ts";
import type { PodSpec, ResourceList, ResourceRequirements } from "./pod.ts";
import { compareQuantities, parseQuantity } from "./quantity.ts";
import { quote } from "./quote.ts";
import { suggestion } from "./suggest.ts";
import { checkQualifiedName } from "./validate-names.ts";

const SUPPORTED = ["cpu", "memory", "ephemeral-storage"] as const;
/** A process cannot start in less; Kubernetes warns, runtimes fail at start. */
const MIN_MEMORY = "512Ki";
/** More CPUs than Linux can count; keeps every derived number exact. */
const MAX_CPU = "1M";
/** The largest byte count that a double holds exactly is just above. */
const MAX_BYTES = "7Pi";

/** Checks `resources` at `path`. */
export function validateResources(
  resources: ResourceRequirements,
  path: string,
  report: Report,
): void {
  const { limits = {}, requests = {} } = resources;
  validateResourceList(limits, childPath(path, "limits"), report);
  // Defaulting copies limits to requests: what is wrong with them was said.
  const own = Object.entries(requests).filter(([name, amount]) => limits[name] !== amount);
  validateResourceList(Object.fromEntries(own), childPath(path, "requests"), report);
  validateSmallMemory(limits, childPath(path, "limits"), report);
  validateRequests(resources, path, report);
  const all = [...Object.keys(limits), ...Object.keys(requests)];
  const pages = all.find(isHugePages);
  if (pages !== undefined && !all.includes("cpu") && !all.includes("memory")) {
    const at = pages in limits ? "limits" : "requests";
    report(childPath(childPath(path, at), pages), "needs a limit or request of cpu or memory too");
  }
}

function validateSmallMemory(limits: ResourceList, path: string, report: Report): void {
  const memory = limits["memory"];
  // 0 means "no limit" in Kubernetes.
  if (memory === undefined || isNegative(memory) || parseQuantity(memory).nano === 0n) {
    return;
  }
  if (compareQuantities(parseQuantity(memory), parseQuantity(MIN_MEMORY)) < 0) {
    report(childPath(path, "memory"), `must be at least ${MIN_MEMORY}: got ${quote(memory)}`);
  }
}

/** Requests are at most the limits; what cannot be shared out is set aside in full. */
function validateRequests(
  { limits = {}, requests = {} }: ResourceRequirements,
  path: string,
  report: Report,
): void {
  for (const [name, request] of Object.entries(requests)) {
    const limit = limits[name];
    const at = childPath(childPath(path, "requests"), name);
    if (limit === undefined) {
      if (isIndivisible(name)) report(at, "must have a limit of the same amount");
      continue;
    }
    const order = compareQuantities(parseQuantity(request), parseQuantity(limit));
    if (isIndivisible(name) && order !== 0) {
      report(at, `must be equal to the limit ${quote(limit)}: got ${quote(request)}`);
    } else if (order > 0) {
      report(at, `must be at most the limit ${quote(limit)}: got ${quote(request)}`);
    }
  }
}

function isHugePages(name: string): boolean {
  return name.startsWith("hugepages-");
}

/** A resource of devices, with the domain of whoever provides it. */
function isExtended(name: string): boolean {
  return name.includes("/") && !name.split("/")[0]?.endsWith("kubernetes.io");
}

function isIndivisible(name: string): boolean {
  return isHugePages(name) || isExtended(name);
}

/** Checks names and amounts of limits, requests or overhead. */
export function validateResourceList(list: ResourceList, path: string, report: Report): void {
  for (const [name, amount] of Object.entries(list)) {
    const at = childPath(path, name);
    const complaint = isIndivisible(name) ? checkIndivisible(name, amount) : undefined;
    if (!isIndivisible(name) && !SUPPORTED.some((supported) => supported === name)) {
      report(at, () => unsupportedResource(name), "key");
    } else if (complaint !== undefined) {
      report(at, complaint);
    } else if (name === "cpu") {
      validateAmount(amount, MAX_CPU, at, report);
    } else {
      validateByteSize(amount, at, report);
    }
  }
}

function checkIndivisible(name: string, amount: string): string | undefined {
  if (isNegative(amount)) {
    return `must not be negative: got ${quote(amount)}`;
  }
  if (isExtended(name)) {
    const isWhole = parseQuantity(amount).nano % 1_000_000_000n === 0n;
    return (
      checkQualifiedName(name) ?? (isWhole ? undefined : `must be whole: got ${quote(amount)}`)
    );
  }
  const page = name.slice("hugepages-".length);
  const bytes = isPositiveQuantity(page) ? parseQuantity(page).nano : 0n;
  if (bytes === 0n) {
    return `must name a page size like hugepages-2Mi: got ${quote(name)}`;
  }
  return parseQuantity(amount).nano % bytes === 0n
    ? undefined
    : `must be a multiple of the page size ${page}: got ${quote(amount)}`;
}

function isPositiveQuantity(text: string): boolean {
  return /^[1-9]\d{0,8}(?:[KMG]i)$/.test(text);
}

function unsupportedResource(name: string): string {
  return `unknown resource ${quote(name)}${suggestion(name, SUPPORTED)}`;
}

function isNegative(amount: string): boolean {
  return parseQuantity(amount).nano < 0n;
}

/** Checks a size in bytes at `path`. */
export function validateByteSize(amount: string, path: string, report: Report): void {
  validateAmount(amount, MAX_BYTES, path, report);
}

function validateAmount(amount: string, most: string, path: string, report: Report): void {
  if (isNegative(amount)) {
    report(path, `must not be negative: got ${quote(amount)}`);
  } else if (compareQuantities(parseQuantity(amount), parseQuantity(most)) > 0) {
    report(path, `must be at most ${most}: got ${quote(amount)}`);
  }
}

/** Overhead is what the runtime class adds: without one there is nothing to add. */
export function validateOverhead(spec: PodSpec, report: Report): void {
  if (spec.overhead === undefined) {
    return;
  }
  validateResourceList(spec.overhead, "spec.overhead", report);
  if (!spec.runtimeClassName) {
    report("spec.overhead", "must not be set without runtimeClassName");
  }
}
