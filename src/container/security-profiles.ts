/**
 * Which seccomp and AppArmor profile a container runs under: its own field wins over the pod's. Pure.
 *
 * Without a field the seccomp profile is RuntimeDefault (security: B5), where a kubelet without seccompDefault
 * takes Unconfined; a privileged container has none at all, whatever is written (security: B7).
 * Source: Kubernetes "Restrict a Container's Syscalls with seccomp", "Restrict a Container's Access to Resources
 * with AppArmor".
 */
import type { AppArmorProfile, Container, Pod, SeccompProfile } from "../spec/pod.ts";

export interface ProfileChoice {
  readonly type: "RuntimeDefault" | "Unconfined" | "Localhost";
  /** Of Localhost: path below the profile folder, or name of the loaded profile. */
  readonly localhostProfile: string;
  /** The field that asks for it, or a phrase. */
  readonly origin: string;
}

/** @param field - of the container, e.g. `spec.containers[0]` */
export function seccompChoice(pod: Pod, container: Container, field: string): ProfileChoice {
  const name = "seccompProfile";
  if (container.securityContext?.privileged === true) {
    const origin = `${field}.securityContext.privileged`;
    return { type: "Unconfined", localhostProfile: "", origin };
  }
  return (
    choice(container.securityContext?.[name], `${field}.securityContext.${name}`) ??
    choice(pod.spec.securityContext?.[name], `spec.securityContext.${name}`) ?? {
      type: "RuntimeDefault",
      localhostProfile: "",
      origin: "default seccomp profile",
    }
  );
}

/** undefined: no field asks for anything. */
export function appArmorChoice(
  pod: Pod,
  container: Container,
  field: string,
): ProfileChoice | undefined {
  const name = "appArmorProfile";
  return (
    choice(container.securityContext?.[name], `${field}.securityContext.${name}`) ??
    choice(pod.spec.securityContext?.[name], `spec.securityContext.${name}`)
  );
}

function choice(
  profile: SeccompProfile | AppArmorProfile | undefined,
  origin: string,
): ProfileChoice | undefined {
  if (profile === undefined) return undefined;
  return { type: profile.type, localhostProfile: profile.localhostProfile ?? "", origin };
}
