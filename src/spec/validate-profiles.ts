/**
 * Rules for seccompProfile, appArmorProfile and procMount.
 * Source: Kubernetes API reference, SeccompProfile, AppArmorProfile, SecurityContext.
 */
import { childPath, type Report } from "./field-issue.ts";
import type { AppArmorProfile, PodSpec, SeccompProfile, SecurityContext } from "./pod.ts";
import { quote } from "./quote.ts";
import { checkRelativePath, hasControlBytes } from "./validate-names.ts";

/** Profiles that a security context of a pod or a container names. */
interface Profiles {
  readonly seccompProfile?: SeccompProfile;
  readonly appArmorProfile?: AppArmorProfile;
}

/** Checks the profiles of a security context at `path`. */
export function validateProfiles(context: Profiles, path: string, report: Report): void {
  const { seccompProfile, appArmorProfile } = context;
  if (seccompProfile !== undefined) {
    validateProfile(seccompProfile, childPath(path, "seccompProfile"), report, checkRelativePath);
  }
  if (appArmorProfile !== undefined) {
    validateProfile(appArmorProfile, childPath(path, "appArmorProfile"), report, checkProfileName);
  }
}

function validateProfile(
  { type, localhostProfile }: SeccompProfile | AppArmorProfile,
  path: string,
  report: Report,
  check: (text: string) => string | undefined,
): void {
  const at = childPath(path, "localhostProfile");
  if (type !== "Localhost") {
    if (localhostProfile !== undefined) {
      report(at, `must only be set while type is "Localhost": got ${quote(localhostProfile)}`);
    }
    return;
  }
  if (localhostProfile === undefined || localhostProfile === "") {
    report(at, 'must be set while type is "Localhost"');
    return;
  }
  const complaint = check(localhostProfile);
  if (complaint !== undefined) report(at, complaint);
}

/** Limit of Kubernetes. */
const MAX_PROFILE_NAME = 4095;

function checkProfileName(text: string): string | undefined {
  if (text !== text.trim()) return `must not begin or end with a space: got ${quote(text)}`;
  if (hasControlBytes(text)) return `must not contain control characters: got ${quote(text)}`;
  return Buffer.byteLength(text) > MAX_PROFILE_NAME
    ? `must be at most ${MAX_PROFILE_NAME} bytes`
    : undefined;
}

/** An unmasked /proc is for pods whose root is not the host's. */
export function validateProcMount(
  { procMount }: SecurityContext,
  spec: PodSpec,
  path: string,
  report: Report,
): void {
  if (procMount === "Unmasked" && spec.hostUsers !== false) {
    report(
      childPath(path, "procMount"),
      'must be "Default" unless hostUsers is false: got "Unmasked"',
    );
  }
}
