/**
 * All rules that a defaulted Pod must keep, beyond the shape that the schema checks.
 *
 * Pure and complete: every complaint is returned, in the order of the fields. Source: Kubernetes' API
 * reference and documentation; where a runtime would fail later with less to say, the rule is checked here.
 */

import { childPath, type FieldIssue, IssueList, itemPath, type Report } from "./field-issue.ts";
import type { Container, Pod, PodSpec } from "./pod.ts";
import { quote } from "./quote.ts";
import { validateServiceAccount } from "./service-account.ts";
import { validateConfigVolumes } from "./validate-config-volumes.ts";
import { validateContainer } from "./validate-container.ts";
import { validateDns } from "./validate-dns.ts";
import { validateHostUsers } from "./validate-host-users.ts";
import { validateEphemeralContainers, validatePodLifecycle } from "./validate-lifecycle.ts";
import { validateMetadata } from "./validate-metadata.ts";
import { validateOs } from "./validate-os.ts";
import { validatePodResources } from "./validate-pod-resources.ts";
import { validateOverhead } from "./validate-resources.ts";
import { validateScheduling } from "./validate-scheduling.ts";
import { validatePodSecurity } from "./validate-security.ts";
import { validateVolumes } from "./validate-volumes.ts";

/** Checks a pod that went through `defaultPod`; an empty list means that it is valid. */
export function validatePod(pod: Pod): FieldIssue[] {
  const { issues, report } = new IssueList();
  validateMetadata(pod.metadata, report);
  validatePodSpec(pod, report);
  return issues;
}

/** The rules below `metadata`. */
export function validatePodSpec({ spec }: Pod, report: Report): void {
  validateVolumes(spec.volumes ?? [], report);
  validateConfigVolumes(spec, report);
  validateContainers(spec, report);
  const grace = spec.terminationGracePeriodSeconds ?? 0;
  if (grace < 0) {
    report("spec.terminationGracePeriodSeconds", `must not be negative: got ${grace}`);
  }
  if (spec.shareProcessNamespace === true && spec.hostPID === true) {
    report("spec.shareProcessNamespace", "must not be true while hostPID is true");
  }
  validatePodLifecycle(spec, report);
  validateEphemeralContainers(spec, report);
  validatePodResources(spec, report);
  validateOverhead(spec, report);
  validateHostUsers(spec, report);
  validateOs(spec, report);
  validateServiceAccount(spec, report);
  validateDns(spec, report);
  validatePodSecurity(spec, report);
  validateScheduling(spec, report);
}

function validateContainers(spec: PodSpec, report: Report): void {
  if (spec.containers.length === 0) {
    report("spec.containers", "must have at least one container");
  }
  const names = new Set<string>();
  const volumes = new Set((spec.volumes ?? []).map((volume) => volume.name));
  for (const list of ["initContainers", "containers", "ephemeralContainers"] as const) {
    const containers: readonly Container[] = spec[list] ?? [];
    for (const [index, container] of containers.entries()) {
      const path = itemPath(`spec.${list}`, index);
      if (container.name !== "" && names.has(container.name)) {
        report(
          childPath(path, "name"),
          `must be unique in the pod: got ${quote(container.name)} again`,
        );
      }
      names.add(container.name);
      validateContainer(container, path, { spec, volumes, report });
    }
  }
  validateHostPorts(spec.containers, report);
}

/** Two containers of a pod run at once: they cannot publish the same port. Init containers run before. */
function validateHostPorts(containers: readonly Container[], report: Report): void {
  // Port and protocol → host address ("" is all of them) → who publishes there.
  const taken = new Map<string, Map<string, string>>();
  for (const [index, container] of containers.entries()) {
    for (const [portIndex, port] of (container.ports ?? []).entries()) {
      if (port.hostPort === undefined || port.hostPort === 0) {
        continue;
      }
      const path = `${itemPath(`${itemPath("spec.containers", index)}.ports`, portIndex)}.hostPort`;
      const key = `${port.hostPort}/${port.protocol ?? "TCP"}`;
      const publishers = taken.get(key) ?? new Map<string, string>();
      const address = anyAddress(port.hostIP);
      const [anyone] = publishers.values();
      const other = address === "" ? anyone : (publishers.get("") ?? publishers.get(address));
      if (other === undefined) {
        taken.set(key, publishers.set(address, path));
      } else {
        report(path, `must be unique in the pod: ${key} is already published by ${other}`);
      }
    }
  }
}

/** "" for every spelling of "all addresses". */
function anyAddress(hostIP: string | undefined): string {
  return hostIP === undefined || hostIP === "0.0.0.0" || hostIP === "::" ? "" : hostIP;
}
