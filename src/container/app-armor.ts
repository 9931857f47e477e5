/**
 * AppArmor: whether the kernel has it, and the profile that a process changes to with its execve.
 * Source: apparmor(7), aa_change_onexec(3); Linux Documentation/admin-guide/LSM/apparmor.rst.
 */
import { PodError } from "../base/errors.ts";
import { K } from "../sys/abi.ts";
import { readProc } from "../sys/procfs.ts";
import type { Program } from "../sys/program.ts";
import type { ProfileChoice } from "./security-profiles.ts";

/** A profile by its name in the kernel, and the field that asks for it. */
export interface AppArmorTransition {
  readonly profile: string;
  readonly origin: string;
}

/** Whether the kernel enforces AppArmor profiles. */
export function hasAppArmor(): boolean {
  return readProc("/sys/module/apparmor/parameters/enabled")?.trim() === "Y";
}

/**
 * The profile of a container.
 * @param loaded - text of /sys/kernel/security/apparmor/profiles; undefined when it cannot be read: the
 * kernel then tells at the start.
 * @throws PodError in containerd's words when the profile is not loaded
 */
export function appArmorTransition(
  choice: ProfileChoice | undefined,
  loaded: string | undefined,
): AppArmorTransition | undefined {
  if (choice === undefined || choice.type === "RuntimeDefault") return undefined;
  const { type, localhostProfile, origin } = choice;
  if (type === "Unconfined") return { profile: "unconfined", origin };
  const names = loaded?.split("\n").map((line) => line.replace(/ \([a-z]+\)$/, ""));
  if (names === undefined || names.includes(localhostProfile)) {
    return { profile: localhostProfile, origin };
  }
  throw new PodError("FailedPrecondition", `apparmor profile not found ${localhostProfile}`, {
    data: { reason: "CreateContainerError" },
  });
}

/** The profiles that the kernel has loaded; undefined without securityfs. */
export function loadedProfiles(): string | undefined {
  return readProc("/sys/kernel/security/apparmor/profiles");
}

/** Announces the profile for the next execve. /proc must still be the host's (security: R3). */
export function changeProfileOnExec(program: Program, transition: AppArmorTransition): void {
  const text = `exec ${transition.profile}`;
  program.from(transition.origin);
  const path = "/proc/thread-self/attr/apparmor/exec";
  const file = program.open("openat", [K.AT_FDCWD, path, K.O_WRONLY | K.O_CLOEXEC]);
  const content = program.bytes(Buffer.from(text), JSON.stringify(text));
  program.call("write", [file, content, content.length]).close(file);
}
