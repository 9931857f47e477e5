/**
 * Rules for volumes and for the mounts of a container.
 *
 * /proc and /sys are the kernel's windows that the sandbox masks and guards: no volume may cover them
 * (CVE-2019-16884, CVE-2019-19921, CVE-2023-27561). Source: Kubernetes API reference, core/v1 Volume, VolumeMount.
 */

import { posix } from "node:path";
import { childPath, itemPath, type Report } from "./field-issue.ts";
import type { Volume, VolumeMount } from "./pod.ts";
import { quote } from "./quote.ts";
import { suggestion } from "./suggest.ts";
import { checkAbsolutePath, checkDnsLabel, checkRelativePath } from "./validate-names.ts";
import { validateByteSize } from "./validate-resources.ts";

const SOURCES = ["emptyDir", "hostPath"] as const;

/** Checks `spec.volumes`. */
export function validateVolumes(volumes: readonly Volume[], report: Report): void {
  const names = new Set<string>();
  for (const [index, volume] of volumes.entries()) {
    const path = itemPath("spec.volumes", index);
    const complaint = checkDnsLabel(volume.name);
    if (complaint !== undefined) {
      report(childPath(path, "name"), complaint);
    } else if (names.has(volume.name)) {
      report(childPath(path, "name"), `must be unique in the pod: got ${quote(volume.name)} again`);
    }
    names.add(volume.name);
    validateSource(volume, path, report);
  }
}

function validateSource(volume: Volume, path: string, report: Report): void {
  const sources = SOURCES.filter((source) => volume[source] !== undefined);
  if (sources.length > 1) {
    report(path, `must have one source: got ${sources.join(" and ")}`);
  }
  if (volume.emptyDir?.sizeLimit !== undefined) {
    validateByteSize(volume.emptyDir.sizeLimit, `${path}.emptyDir.sizeLimit`, report);
  }
  if (volume.hostPath !== undefined) {
    const complaint = checkAbsolutePath(volume.hostPath.path);
    if (complaint !== undefined) {
      report(`${path}.hostPath.path`, complaint);
    }
  }
}

/** Checks `volumeMounts` at `path`; `volumes` are the names that the pod has. */
export function validateVolumeMounts(
  mounts: readonly VolumeMount[],
  volumes: ReadonlySet<string>,
  path: string,
  report: Report,
): void {
  const targets = new Set<string>();
  for (const [index, mount] of mounts.entries()) {
    const at = itemPath(path, index);
    if (!volumes.has(mount.name)) {
      report(
        childPath(at, "name"),
        () =>
          `must be the name of a volume of this pod: got ${quote(mount.name)}${suggestion(mount.name, volumes)}`,
      );
    }
    const target = normalPath(mount.mountPath);
    const complaint = checkMountPath(mount.mountPath, target);
    if (complaint !== undefined) {
      report(childPath(at, "mountPath"), complaint);
    } else if (targets.has(target)) {
      report(
        childPath(at, "mountPath"),
        `must be unique in the container: got ${quote(mount.mountPath)} again`,
      );
    }
    targets.add(target);
    const subPathComplaint = checkRelativePath(mount.subPath ?? "");
    if (subPathComplaint !== undefined) {
      report(childPath(at, "subPath"), subPathComplaint);
    }
  }
}

/** The path that a text means: single slashes, no "." and no trailing slash. */
function normalPath(path: string): string {
  const normal = posix.normalize(path);
  return normal.length > 1 && normal.endsWith("/") ? normal.slice(0, -1) : normal;
}

function checkMountPath(mountPath: string, target: string): string | undefined {
  const complaint = checkAbsolutePath(mountPath);
  if (complaint !== undefined) {
    return complaint;
  }
  if (mountPath.includes(":")) {
    return `must not contain ":": got ${quote(mountPath)}`;
  }
  // POSIX keeps two leading slashes apart; Linux does not.
  const root = target.replace(/^\/+/, "/");
  return root === "/" ? "must not be the root of the container" : checkKernelPath(root, mountPath);
}

/** Complains about a path at or below /proc or /sys. */
export function checkKernelPath(target: string, written: string): string | undefined {
  return /^\/+(?:proc|sys)(?:\/|$)/.test(posix.normalize(target))
    ? `must not be at or below /proc or /sys, which the sandbox guards: got ${quote(written)}`
    : undefined;
}
