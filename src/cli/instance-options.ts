/** The instance that a command works on: flags win over NSPOD_* variables, these over defaults. */
import { resolve } from "node:path";
import { PodError } from "../base/errors.ts";
import { defaultInstance, type Instance, instanceVariable } from "../base/instance.ts";

export type InstanceFlags = Partial<Record<keyof Instance, string>>;

const names = ["root", "run", "bridge", "subnet", "serviceSubnet", "cgroup"] as const;

/** @throws PodError InvalidArgument */
export function selectInstance(
  flags: InstanceFlags,
  env: Readonly<Record<string, string | undefined>>,
): Instance {
  const chosen = { ...defaultInstance };
  const mutable: Record<keyof Instance, string> = chosen;
  for (const name of names) {
    const value = flags[name] ?? env[instanceVariable(name)];
    if (value === undefined || value === "") continue;
    mutable[name] = name === "root" || name === "run" ? resolve(value) : value;
  }
  if (!/^[^\s/:]{1,15}$/.test(chosen.bridge)) {
    throw new PodError(
      "InvalidArgument",
      `--bridge: must be a link name of 1 to 15 bytes without "/", ":" and spaces: got "${chosen.bridge}"`,
    );
  }
  if (!chosen.cgroup.startsWith("/") || chosen.cgroup.split("/").includes("..")) {
    throw new PodError(
      "InvalidArgument",
      `--cgroup: must begin with "/" and not contain "..": got "${chosen.cgroup}"`,
    );
  }
  return chosen;
}
