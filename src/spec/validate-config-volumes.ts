/**
 * Rules for volumes whose content the node writes: configMap, secret, downwardAPI, projected.
 * Source: Kubernetes API reference, core/v1 ConfigMapVolumeSource, SecretVolumeSource, DownwardAPIVolumeSource,
 * ProjectedVolumeSource.
 */

import { childPath, itemPath, type Report } from "./field-issue.ts";
import type {
  DownwardAPIVolumeFile,
  KeyToPath,
  ServiceAccountTokenProjection,
  VolumeProjection,
} from "./kubernetes.gen.ts";
import type { PodSpec, Volume } from "./pod.ts";
import { quote } from "./quote.ts";
import { checkDataKey } from "./validate-data-keys.ts";
import {
  checkOne,
  checkVolumePath,
  validateFieldRef,
  validateResourceFieldRef,
} from "./validate-environment.ts";
import { type Complaint, checkDnsSubdomain } from "./validate-names.ts";

type Check = (path: string, complaint: Complaint) => void;

const PROJECTIONS = ["secret", "downwardAPI", "configMap", "serviceAccountToken"] as const;
/** Ten minutes, and Kubernetes' upper end. */
const MIN_EXPIRATION = 600;
const MAX_EXPIRATION = 2 ** 32;

/** Checks those of `spec.volumes` that are one of these. */
export function validateConfigVolumes(spec: PodSpec, report: Report): void {
  const check: Check = (at, complaint) => {
    if (complaint !== undefined) report(at, complaint);
  };
  for (const [index, volume] of (spec.volumes ?? []).entries()) {
    validateVolume(volume, itemPath("spec.volumes", index), spec, check);
  }
}

function validateVolume(volume: Volume, path: string, spec: PodSpec, check: Check): void {
  const { configMap, secret, downwardAPI, projected } = volume;
  if (configMap) {
    const at = childPath(path, "configMap");
    check(childPath(at, "name"), checkDnsSubdomain(configMap.name ?? ""));
    validateItems(configMap.items, at, check);
  }
  if (secret) {
    const at = childPath(path, "secret");
    check(childPath(at, "secretName"), checkDnsSubdomain(secret.secretName ?? ""));
    validateItems(secret.items, at, check);
  }
  if (downwardAPI) validateFiles(downwardAPI.items, childPath(path, "downwardAPI"), spec, check);
  for (const field of ["configMap", "secret", "downwardAPI", "projected"] as const) {
    check(`${path}.${field}.defaultMode`, checkMode(volume[field]?.defaultMode));
  }
  const taken = new Map<string, string>();
  for (const [index, source] of (projected?.sources ?? []).entries()) {
    const at = itemPath(`${path}.projected.sources`, index);
    validateProjection(source, at, spec, check);
    for (const [field, file] of pathsOf(source)) {
      const other = taken.get(file);
      const message = `must be unique in the volume: ${quote(file)} is already the path of ${other}`;
      check(`${at}.${field}`, other === undefined ? undefined : message);
      taken.set(file, `${at}.${field}`);
    }
  }
}

function validateProjection(
  source: VolumeProjection,
  path: string,
  spec: PodSpec,
  check: Check,
): void {
  const { configMap, secret, downwardAPI, serviceAccountToken } = source;
  check(
    path,
    checkOne(
      PROJECTIONS.map((name) => source[name]),
      PROJECTIONS,
    ),
  );
  if (configMap) {
    check(`${path}.configMap.name`, checkDnsSubdomain(configMap.name ?? ""));
    validateItems(configMap.items, childPath(path, "configMap"), check);
  }
  if (secret) {
    check(`${path}.secret.name`, checkDnsSubdomain(secret.name ?? ""));
    validateItems(secret.items, childPath(path, "secret"), check);
  }
  if (downwardAPI) validateFiles(downwardAPI.items, childPath(path, "downwardAPI"), spec, check);
  if (serviceAccountToken) {
    const at = childPath(path, "serviceAccountToken");
    check(childPath(at, "path"), checkVolumePath(serviceAccountToken.path));
    check(childPath(at, "expirationSeconds"), checkExpiration(serviceAccountToken));
  }
}

/** The paths that are written out in a source, by field. */
function pathsOf({
  configMap,
  secret,
  downwardAPI,
  serviceAccountToken,
}: VolumeProjection): [string, string][] {
  const lists = { configMap, secret, downwardAPI };
  const files = Object.entries(lists).flatMap(([field, source]) =>
    (source?.items ?? []).map(({ path }, index): [string, string] => [
      `${field}.items[${index}].path`,
      path,
    ]),
  );
  const token = serviceAccountToken?.path;
  return token === undefined ? files : [...files, ["serviceAccountToken.path", token]];
}

function validateItems(items: readonly KeyToPath[] | undefined, path: string, check: Check): void {
  for (const [index, item] of (items ?? []).entries()) {
    const at = itemPath(childPath(path, "items"), index);
    check(childPath(at, "key"), checkDataKey(item.key));
    check(childPath(at, "path"), checkVolumePath(item.path));
    check(childPath(at, "mode"), checkMode(item.mode));
  }
}

function validateFiles(
  items: readonly DownwardAPIVolumeFile[] | undefined,
  path: string,
  spec: PodSpec,
  check: Check,
): void {
  for (const [index, item] of (items ?? []).entries()) {
    const at = itemPath(childPath(path, "items"), index);
    const { fieldRef, resourceFieldRef } = item;
    check(childPath(at, "path"), checkVolumePath(item.path));
    check(childPath(at, "mode"), checkMode(item.mode));
    check(at, checkOne([fieldRef, resourceFieldRef], ["fieldRef", "resourceFieldRef"]));
    if (fieldRef) validateFieldRef(fieldRef, childPath(at, "fieldRef"), "volume", check);
    if (resourceFieldRef) {
      const where = { spec, needsContainer: true };
      validateResourceFieldRef(resourceFieldRef, childPath(at, "resourceFieldRef"), where, check);
    }
  }
}

function checkMode(mode: number | undefined): Complaint {
  if (mode === undefined || (mode >= 0 && mode <= 0o777)) return undefined;
  return `must be between 0 and 0777 (511): got ${mode}`;
}

function checkExpiration({ expirationSeconds = 3600 }: ServiceAccountTokenProjection): Complaint {
  if (expirationSeconds >= MIN_EXPIRATION && expirationSeconds <= MAX_EXPIRATION) return undefined;
  return `must be between ${MIN_EXPIRATION} and ${MAX_EXPIRATION}: got ${expirationSeconds}`;
}
