/**
 * Rules for the variables of a container and where their values come from.
 * Source: Kubernetes API reference, core/v1 EnvVar, EnvVarSource, EnvFromSource.
 */

import { childPath, itemPath, type Report } from "./field-issue.ts";
import { checkFieldPath } from "./field-path.ts";
import type { EnvVarSource, ObjectFieldSelector, ResourceFieldSelector } from "./kubernetes.gen.ts";
import type { Container, EnvVar, PodSpec } from "./pod.ts";
import { quote } from "./quote.ts";
import { checkDivisor, checkResourceField } from "./resource-field.ts";
import { suggestion } from "./suggest.ts";
import { checkDataKey } from "./validate-data-keys.ts";
import {
  type Complaint,
  checkDnsSubdomain,
  checkEnvName,
  checkNoNul,
  checkRelativePath,
  hasControlBytes,
} from "./validate-names.ts";

type Check = (path: string, complaint: Complaint) => void;

const SOURCES = [
  "fieldRef",
  "resourceFieldRef",
  "configMapKeyRef",
  "secretKeyRef",
  "fileKeyRef",
] as const;

/** Checks `env` and `envFrom` of the container at `path`. */
export function validateEnvironment(
  container: Pick<Container, "env" | "envFrom">,
  path: string,
  { spec, report }: { readonly spec: PodSpec; readonly report: Report },
): void {
  const check: Check = (at, complaint) => {
    if (complaint !== undefined) report(at, complaint);
  };
  for (const [index, variable] of (container.env ?? []).entries()) {
    const at = itemPath(childPath(path, "env"), index);
    check(childPath(at, "name"), checkEnvName(variable.name));
    check(childPath(at, "value"), checkEnvValue(variable));
    if (variable.valueFrom === undefined) continue;
    if (variable.value) {
      report(childPath(at, "valueFrom"), "must not be set while value is not empty");
    }
    validateSource(variable.valueFrom, childPath(at, "valueFrom"), spec, check);
  }
  for (const [index, { prefix = "", configMapRef, secretRef }] of (
    container.envFrom ?? []
  ).entries()) {
    const at = itemPath(childPath(path, "envFrom"), index);
    if (prefix !== "") check(childPath(at, "prefix"), checkEnvName(prefix));
    check(at, checkOne([configMapRef, secretRef], ["configMapRef", "secretRef"]));
    if (configMapRef) check(`${at}.configMapRef.name`, checkDnsSubdomain(configMapRef.name ?? ""));
    if (secretRef) check(`${at}.secretRef.name`, checkDnsSubdomain(secretRef.name ?? ""));
  }
}

/** What is wrong with a choice of sources. */
export function checkOne(given: readonly unknown[], names: readonly string[]): Complaint {
  const set = names.filter((_name, index) => given[index] !== undefined);
  if (set.length === 1) return undefined;
  return set.length === 0
    ? `must have one of ${names.join(", ")}`
    : `must have one source: got ${set.join(" and ")}`;
}

/** Checks a `fieldRef` at `path`. */
export function validateFieldRef(
  { apiVersion = "v1", fieldPath }: ObjectFieldSelector,
  path: string,
  use: Parameters<typeof checkFieldPath>[1],
  check: Check,
): void {
  const complaint = apiVersion === "v1" ? undefined : `must be "v1": got ${quote(apiVersion)}`;
  check(childPath(path, "apiVersion"), complaint);
  check(childPath(path, "fieldPath"), checkFieldPath(fieldPath, use));
}

/** Checks a `resourceFieldRef` at `path`. @param needsContainer - a file is nobody's, so it names a container */
export function validateResourceFieldRef(
  { containerName = "", resource, divisor = "0" }: ResourceFieldSelector,
  path: string,
  { spec, needsContainer }: { readonly spec: PodSpec; readonly needsContainer: boolean },
  check: Check,
): void {
  const lists = [spec.initContainers, spec.containers, spec.ephemeralContainers];
  const names = lists.flatMap((list) => (list ?? []).map(({ name }) => name));
  if (containerName === "" && needsContainer)
    check(childPath(path, "containerName"), "is required");
  if (containerName !== "" && !names.includes(containerName)) {
    const hint = suggestion(containerName, names);
    const message = `must be the name of a container of this pod: got ${quote(containerName)}${hint}`;
    check(childPath(path, "containerName"), message);
  }
  const complaint = checkResourceField(resource);
  check(childPath(path, "resource"), complaint);
  if (complaint === undefined) check(childPath(path, "divisor"), checkDivisor(resource, divisor));
}

function validateSource(source: EnvVarSource, path: string, spec: PodSpec, check: Check): void {
  const { fieldRef, resourceFieldRef, fileKeyRef } = source;
  check(
    path,
    checkOne(
      SOURCES.map((name) => source[name]),
      SOURCES,
    ),
  );
  if (fieldRef) validateFieldRef(fieldRef, `${path}.fieldRef`, "environment", check);
  if (resourceFieldRef) {
    const where = { spec, needsContainer: false };
    validateResourceFieldRef(resourceFieldRef, `${path}.resourceFieldRef`, where, check);
  }
  for (const field of ["configMapKeyRef", "secretKeyRef"] as const) {
    const selector = source[field];
    if (selector === undefined) continue;
    check(`${path}.${field}.name`, checkDnsSubdomain(selector.name ?? ""));
    check(`${path}.${field}.key`, checkDataKey(selector.key));
  }
  if (fileKeyRef) {
    const { volumeName, key } = fileKeyRef;
    check(`${path}.fileKeyRef.volumeName`, checkFileVolume(volumeName, spec));
    check(`${path}.fileKeyRef.path`, checkVolumePath(fileKeyRef.path));
    check(`${path}.fileKeyRef.key`, checkEnvName(key));
  }
}

/** A path of a file below a volume. */
export function checkVolumePath(path: string): Complaint {
  if (path === "") return "must not be empty";
  if (path.startsWith("..")) return `must not begin with "..": got ${quote(path)}`;
  const parts = path.split("/");
  if (!path.startsWith("/") && parts.some((part) => part === "" || part === ".")) {
    return `must not have empty parts or ".": got ${quote(path)}`;
  }
  return checkRelativePath(path);
}

function checkFileVolume(name: string, { volumes = [] }: PodSpec): Complaint {
  const volume = volumes.find((each) => each.name === name);
  if (volume === undefined) {
    const hint = suggestion(
      name,
      volumes.map((each) => each.name),
    );
    return `must be the name of a volume of this pod: got ${quote(name)}${hint}`;
  }
  return volume.emptyDir === undefined ? `must name an emptyDir: got ${quote(name)}` : undefined;
}

function checkEnvValue({ name, value = "" }: EnvVar): Complaint {
  // HOME reaches generated passwd lines in other runtimes (CVE-2022-4318): a line break is an attack or a mistake.
  if (name === "HOME" && hasControlBytes(value)) {
    return `must not contain control characters: got ${quote(value)}`;
  }
  return checkNoNul(value);
}
