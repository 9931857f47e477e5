/**
 * The ephemeral container of `debug`, as kubectl makes it, with its profiles of rights.
 * Source: kubectl pkg/cmd/debug; Kubernetes KEP-1441, "Debugging profiles". Pure.
 */
import { PodError } from "../base/errors.ts";
import type { EphemeralContainer } from "../spec/kubernetes.gen.ts";
import type { Pod, SecurityContext } from "../spec/pod.ts";
import type { DebugProfile } from "./debug-profiles.ts";
import { requireContainer } from "./default-container.ts";
import { environmentVariable } from "./environment-variable.ts";
import { containerNames } from "./log-prefix.ts";

const profiles: Readonly<Record<DebugProfile, SecurityContext | undefined>> = {
  general: { capabilities: { add: ["SYS_PTRACE"] } },
  baseline: undefined,
  restricted: {
    runAsNonRoot: true,
    allowPrivilegeEscalation: false,
    capabilities: { drop: ["ALL"] },
    seccompProfile: { type: "RuntimeDefault" },
  },
  netadmin: { capabilities: { add: ["NET_ADMIN", "NET_RAW"] } },
  sysadmin: { privileged: true },
  legacy: undefined,
};

export interface DebugOptions {
  readonly image?: string;
  readonly imagePullPolicy?: NonNullable<EphemeralContainer["imagePullPolicy"]>;
  readonly container?: string;
  readonly target?: string;
  readonly env?: readonly string[];
  readonly stdin?: boolean;
  readonly tty?: boolean;
  readonly profile: DebugProfile;
}

/**
 * @param suffix - what a name of its own ends with.
 * @throws PodError InvalidArgument, NotFound for a target that the pod does not have.
 */
export function debugContainer(
  pod: Pod,
  command: readonly string[],
  options: DebugOptions,
  suffix: string,
): EphemeralContainer {
  const { image, imagePullPolicy, target, stdin = false, tty = false } = options;
  if (image === undefined || image === "") {
    throw new PodError("InvalidArgument", "you must specify --image");
  }
  const name = options.container ?? `debugger-${suffix}`;
  if (containerNames(pod).includes(name)) {
    throw new PodError(
      "AlreadyExists",
      `Pod "${pod.metadata.name}" has a container "${name}" already: choose another name with -c`,
    );
  }
  const securityContext = profiles[options.profile];
  return {
    name,
    image,
    ...(imagePullPolicy === undefined ? {} : { imagePullPolicy }),
    ...(target === undefined ? {} : { targetContainerName: requireContainer(pod, target) }),
    ...(command.length === 0 ? {} : { command: [...command] }),
    ...(options.env === undefined ? {} : { env: options.env.map(environmentVariable) }),
    ...(securityContext === undefined ? {} : { securityContext }),
    stdin,
    tty,
    // A pipe ends, and so shall the program that reads it; who sits at a terminal may come back.
    ...(stdin && !tty ? { stdinOnce: true } : {}),
    terminationMessagePolicy: "File",
  };
}

/** Letters of the names that Kubernetes makes: no vowels, so that they spell nothing. */
const letters = "bcdfghjklmnpqrstvwxz2456789";

/** Five of them. @param random - as Math.random. */
export function nameSuffix(random: () => number): string {
  return Array.from({ length: 5 }, () => letters[Math.floor(random() * letters.length)]).join("");
}
