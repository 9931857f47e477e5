/**
 * Rules for the volume mounts of a container.
 *
 * /proc and /sys are the kernel's windows that the sandbox masks and guards: no volume may cover them
 * (CVE-2019-16884, CVE-2019-19921, CVE-2023-27561). Source: Kubernetes API reference, core/v1 VolumeMount.
 */

import { posix } from "node:path";
import { childPath, itemPath, type Report } from "./field-issue.ts";
import type { Container, VolumeMount } from "./pod.ts";
import { quote } from "./quote.ts";
import { suggestion } from "./suggest.ts";
import { checkAbsolutePath, checkRelativePath } from "./validate-names.ts";

const RECURSIVE_READ_ONLY = ["Disabled", "IfPossible", "Enabled"];

type MountReport = (field: string, complaint: Parameters<Report>[1]) => void;

/** Checks `volumeMounts` of the container at `path`; `volumes` are the names that the pod has. */
export function validateVolumeMounts(
  container: Pick<Container, "volumeMounts" | "securityContext">,
  volumes: ReadonlySet<string>,
  path: string,
  report: Report,
): void {
  const isPrivileged = container.securityContext?.privileged === true;
  const targets = new Set<string>();
  for (const [index, mount] of (container.volumeMounts ?? []).entries()) {
    const at = itemPath(childPath(path, "volumeMounts"), index);
    const complain: MountReport = (field, complaint) => report(childPath(at, field), complaint);
    if (!volumes.has(mount.name)) {
      complain(
        "name",
        () =>
          `must be the name of a volume of this pod: got ${quote(mount.name)}${suggestion(mount.name, volumes)}`,
      );
    }
    const target = normalPath(mount.mountPath);
    const complaint = checkMountPath(mount.mountPath, target);
    if (complaint !== undefined) {
      complain("mountPath", complaint);
    } else if (targets.has(target)) {
      complain("mountPath", `must be unique in the container: got ${quote(mount.mountPath)} again`);
    }
    targets.add(target);
    validateSubPaths(mount, complain);
    validatePropagation(mount, isPrivileged, complain);
  }
}

function validateSubPaths(
  { subPath = "", subPathExpr = "" }: VolumeMount,
  complain: MountReport,
): void {
  for (const [field, text] of [
    ["subPath", subPath],
    ["subPathExpr", subPathExpr],
  ] as const) {
    const complaint = checkRelativePath(text);
    if (complaint !== undefined) complain(field, complaint);
  }
  if (subPath !== "" && subPathExpr !== "") {
    complain("subPathExpr", "must not be given beside subPath: they exclude each other");
  }
}

function validatePropagation(
  mount: VolumeMount,
  isPrivileged: boolean,
  complain: MountReport,
): void {
  const { mountPropagation = "None", recursiveReadOnly = "Disabled", readOnly } = mount;
  if (mountPropagation === "Bidirectional" && !isPrivileged) {
    complain("mountPropagation", "Bidirectional is available only to privileged containers");
  }
  if (!RECURSIVE_READ_ONLY.includes(recursiveReadOnly)) {
    const choices = RECURSIVE_READ_ONLY.map((choice) => `"${choice}"`).join(", ");
    complain("recursiveReadOnly", `must be one of ${choices}: got ${quote(recursiveReadOnly)}`);
  } else if (recursiveReadOnly !== "Disabled") {
    if (readOnly !== true) {
      complain("recursiveReadOnly", "may only be given when readOnly is true");
    }
    if (mountPropagation !== "None") {
      complain("recursiveReadOnly", "may only be given when mountPropagation is None");
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
