/**
 * What a container executes and with which environment.
 *
 * Kubernetes: `command` replaces the image's Entrypoint and drops its Cmd, `args` replaces Cmd. `$(VAR)` knows the
 * container's own variables only. They win over the image's.
 */
import { PodError } from "../base/errors.ts";
import { expandVariables } from "../spec/expand.ts";
import type { Container } from "../spec/pod.ts";
import type { ImageDefaults } from "./image-defaults.ts";

/** Docker's and containerd's default. */
const defaultPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/** The variables by name. @param container - its `env` has plain values (`pod/environment.ts`). */
export function containerVariables(container: Container): ReadonlyMap<string, string> {
  return new Map((container.env ?? []).map(({ name, value = "" }) => [name, value]));
}

/**
 * The argument vector.
 * @throws PodError FailedPrecondition when neither the pod nor the image names a command
 */
export function containerArguments(
  container: Container,
  image: ImageDefaults,
  variables: ReadonlyMap<string, string>,
): string[] {
  const expand = (texts: readonly string[]): string[] =>
    texts.map((text) => expandVariables(text, (name) => variables.get(name)));
  const { command = [], args = [] } = container;
  const list =
    command.length > 0
      ? [...expand(command), ...expand(args)]
      : [...image.entrypoint, ...(args.length > 0 ? expand(args) : image.cmd)];
  if (list.length === 0) {
    throw new PodError(
      "FailedPrecondition",
      `Container "${container.name}" has no command, and its image "${container.image}" names none`,
      { data: { reason: "CreateContainerError" } },
    );
  }
  return list;
}

export interface EnvironmentInput {
  readonly image: ImageDefaults;
  readonly variables: ReadonlyMap<string, string>;
  readonly hostname: string;
  readonly home: string;
  readonly tty: boolean;
}

/** `NAME=value` of the process: defaults, then the image's, then the container's. */
export function containerEnvironment(input: EnvironmentInput): string[] {
  const all = new Map<string, string>([["PATH", defaultPath]]);
  all.set("HOSTNAME", input.hostname);
  if (input.tty) all.set("TERM", "xterm");
  for (const line of input.image.env) {
    const equals = line.indexOf("=");
    // Content without a name or "=" would be no variable.
    if (equals > 0) all.set(line.slice(0, equals), line.slice(equals + 1));
  }
  for (const [name, value] of input.variables) all.set(name, value);
  if (!all.get("HOME")) all.set("HOME", input.home);
  return [...all].map(([name, value]) => `${name}=${value}`);
}

/** The value of a variable in `NAME=value` form, "" when it is not set. */
export function environmentValue(environment: readonly string[], name: string): string {
  return environment.find((line) => line.startsWith(`${name}=`))?.slice(name.length + 1) ?? "";
}
