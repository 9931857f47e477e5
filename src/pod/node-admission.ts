/**
 * What this node refuses of a pod that the API has taken, as a kubelet does: the pod becomes Failed with a reason.
 * Pure. Source: kubelet pkg/kubelet/sysctl, pkg/security/apparmor; Kubernetes "Using sysctls", "AppArmor".
 */
import type { Pod } from "../spec/pod.ts";
import { normalSysctlName, SAFE_SYSCTLS, sysctlNamespace } from "../spec/validate-sysctls.ts";
import type { NodeSecurity, Refusal } from "./context.ts";

/** Why the node does not run the pod; undefined when it does. */
export function refusePod(pod: Pod, node: NodeSecurity): Refusal | undefined {
  return refuseSysctls(pod, node) ?? refuseAppArmor(pod, node);
}

function refuseSysctls(
  { spec }: Pod,
  { allowedUnsafeSysctls }: Pick<NodeSecurity, "allowedUnsafeSysctls">,
): Refusal | undefined {
  const refuse = (why: string): Refusal => ({
    reason: "SysctlForbidden",
    message: `forbidden sysctl: ${why}`,
  });
  for (const { name } of spec.securityContext?.sysctls ?? []) {
    const normal = normalSysctlName(name);
    const isAllowed =
      SAFE_SYSCTLS.includes(normal) ||
      allowedUnsafeSysctls.some((pattern) => matches(normal, normalSysctlName(pattern)));
    if (!isAllowed || sysctlNamespace(normal) === undefined) {
      return refuse(`"${normal}" not allowlisted`);
    }
  }
  return undefined;
}

function matches(name: string, pattern: string): boolean {
  return pattern.endsWith("*") ? name.startsWith(pattern.slice(0, -1)) : name === pattern;
}

function refuseAppArmor({ spec }: Pod, { hasAppArmor }: NodeSecurity): Refusal | undefined {
  const types = [spec, ...(spec.initContainers ?? []), ...spec.containers].flatMap(
    ({ securityContext }) => securityContext?.appArmorProfile?.type ?? [],
  );
  const refuse = (why: string): Refusal => ({
    reason: "AppArmor",
    message: `Cannot enforce AppArmor: ${why}`,
  });
  if (!hasAppArmor && types.some((type) => type !== "Unconfined")) {
    return refuse("AppArmor is not enabled on the host");
  }
  // Without the field nothing is promised; with it, to run without a profile would be a lie.
  if (types.includes("RuntimeDefault")) {
    return refuse(
      'nspod has no default profile of its own: load one and name it with type "Localhost"',
    );
  }
  return undefined;
}
