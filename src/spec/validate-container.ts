/**
 * Rules for one container: texts that reach exec, its environment and its ports.
 * Source: Kubernetes API reference, core/v1 Container.
 */

import { childPath, itemPath, type Report } from "./field-issue.ts";
import type { Container, PodSpec } from "./pod.ts";
import { quote } from "./quote.ts";
import { validateEnvironment } from "./validate-environment.ts";
import { validateRestart } from "./validate-lifecycle.ts";
import {
  type Complaint,
  checkAbsolutePath,
  checkDnsLabel,
  checkIpAddress,
  checkNoNul,
  checkPort,
  checkPortName,
  hasControlBytes,
} from "./validate-names.ts";
import { validateProbes } from "./validate-probe.ts";
import { validateResizePolicy } from "./validate-resize-policy.ts";
import { validateResources } from "./validate-resources.ts";
import { validateContainerSecurity } from "./validate-security.ts";
import { checkKernelPath, validateVolumeMounts } from "./validate-volume-mounts.ts";

/** What a container's rules need to know about its pod. */
export interface ContainerContext {
  readonly spec: PodSpec;
  /** Names of the pod's volumes. */
  readonly volumes: ReadonlySet<string>;
  readonly report: Report;
}

/** Checks one container at `path`; its name's uniqueness is the caller's. */
export function validateContainer(
  container: Container,
  path: string,
  context: ContainerContext,
): void {
  const { spec, volumes, report } = context;
  const check = (at: string, complaint: Complaint): void => {
    if (complaint !== undefined) {
      report(at, complaint);
    }
  };
  check(childPath(path, "name"), checkDnsLabel(container.name));
  check(childPath(path, "image"), checkImage(container.image));
  for (const field of ["command", "args"] as const) {
    for (const [index, text] of (container[field] ?? []).entries()) {
      check(itemPath(childPath(path, field), index), checkNoNul(text));
    }
  }
  if (container.workingDir) {
    check(childPath(path, "workingDir"), checkWorkingDir(container.workingDir));
  }
  validateEnvironment(container, path, { spec, report });
  validatePorts(container, spec, childPath(path, "ports"), check);
  validateProbes(container, path, { spec, report });
  validateRestart(container, path, report);
  validateResources(container.resources ?? {}, childPath(path, "resources"), report);
  validateResizePolicy(container, path, { spec, report });
  validateVolumeMounts(container, volumes, path, report);
  validateContainerSecurity(
    container.securityContext ?? {},
    spec,
    childPath(path, "securityContext"),
    report,
  );
  if (container.terminationMessagePath !== undefined) {
    const target = container.terminationMessagePath;
    check(
      childPath(path, "terminationMessagePath"),
      checkAbsolutePath(target) ?? checkKernelPath(target, target),
    );
  }
}

function checkImage(image: string): Complaint {
  if (image === "") {
    return "must not be empty";
  }
  return /\s/.test(image) || hasControlBytes(image)
    ? `must not contain spaces or control characters: got ${quote(image)}`
    : undefined;
}

function checkWorkingDir(workingDir: string): Complaint {
  return workingDir.startsWith("/")
    ? checkNoNul(workingDir)
    : `must be an absolute path: got ${quote(workingDir)}`;
}

function validatePorts(
  container: Container,
  spec: PodSpec,
  path: string,
  check: (at: string, complaint: Complaint) => void,
): void {
  const names = new Set<string>();
  for (const [index, port] of (container.ports ?? []).entries()) {
    const at = itemPath(path, index);
    if (port.name) {
      const complaint = checkPortName(port.name);
      const again = names.has(port.name)
        ? `must be unique in the container: got ${quote(port.name)} again`
        : undefined;
      check(childPath(at, "name"), complaint ?? again);
      names.add(port.name);
    }
    check(childPath(at, "containerPort"), checkPort(port.containerPort));
    // Equal ports: wrong in both places is said once, and defaulting made them equal.
    if (port.hostPort && port.hostPort !== port.containerPort) {
      const mismatch =
        spec.hostNetwork === true
          ? `must be equal to containerPort ${port.containerPort} while hostNetwork is true: got ${port.hostPort}`
          : undefined;
      check(childPath(at, "hostPort"), checkPort(port.hostPort) ?? mismatch);
    }
    if (port.hostIP) {
      check(childPath(at, "hostIP"), checkIpAddress(port.hostIP));
    }
  }
}
