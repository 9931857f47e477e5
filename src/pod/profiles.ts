/** The seccomp and AppArmor profiles of a pod's containers, from the files and the kernel of this node. */
import { join } from "node:path";
import { appArmorTransition, loadedProfiles } from "../container/app-armor.ts";
import type { PlanInput } from "../container/plan.ts";
import { defaultSeccomp, localhostSeccomp } from "../container/seccomp.ts";
import type { EngineContext } from "./context.ts";

/** Compiled seccomp filters are kept here by content. */
export function seccompFolder({ instance }: Pick<EngineContext, "instance">): string {
  return join(instance.root, "seccomp");
}

/** Where the node's own seccomp profiles are: the root of localhostProfile. */
export function seccompProfilesFolder({ instance }: Pick<EngineContext, "instance">): string {
  return join(instance.root, "seccomp-profiles");
}

/** How a plan finds its profiles. */
export function profileFinders(context: EngineContext): Pick<PlanInput, "seccomp" | "appArmor"> {
  const folder = seccompFolder(context);
  return {
    seccomp: (capabilities, { type, localhostProfile }) =>
      type === "Localhost"
        ? localhostSeccomp(join(seccompProfilesFolder(context), localhostProfile), folder)
        : { program: defaultSeccomp(capabilities, folder), logs: false },
    ...(context.security.hasAppArmor
      ? { appArmor: (choice) => appArmorTransition(choice, loadedProfiles()) }
      : {}),
  };
}
