/** The pod of `run NAME --image`, in the shape that kubectl gives it. Source: kubectl pkg/generate/versioned, "run". Pure. */
import { PodError } from "../base/errors.ts";
import type { Container } from "../spec/kubernetes.gen.ts";
import { environmentVariable } from "./environment-variable.ts";
import { equalities, type NewObject, wholeNumber } from "./new-object.ts";

export interface NewPodOptions {
  readonly image: string;
  readonly imagePullPolicy?: NonNullable<Container["imagePullPolicy"]>;
  /** The words are the command, not arguments of the image's own. */
  readonly command?: boolean;
  readonly env?: readonly string[];
  readonly port?: string;
  readonly labels?: string;
  readonly restart: "Always" | "OnFailure" | "Never";
  readonly privileged?: boolean;
  readonly stdin?: boolean;
  readonly tty?: boolean;
}

/**
 * @param words - for the container; empty: what the image says.
 * @throws PodError InvalidArgument.
 */
export function newPod(name: string, words: readonly string[], options: NewPodOptions): NewObject {
  const { command = false, stdin = false, tty = false } = options;
  if (command && words.length === 0) {
    throw new PodError("InvalidArgument", '--command: write the command after "--"');
  }
  if (tty && !stdin) throw new PodError("InvalidArgument", "-t needs -i, too");
  const labels =
    options.labels === undefined ? { run: name } : equalities(options.labels, "--labels");
  const port = options.port && wholeNumber(options.port, "--port");
  const container = {
    name,
    image: options.image,
    ...(options.imagePullPolicy && { imagePullPolicy: options.imagePullPolicy }),
    ...(words.length > 0 && { [command ? "command" : "args"]: words }),
    ...(options.env && { env: options.env.map(environmentVariable) }),
    ...(port && { ports: [{ containerPort: port }] }),
    ...(options.privileged && { securityContext: { privileged: true } }),
    // Its input ends with the session of who started it.
    ...(stdin && { stdin, stdinOnce: true }),
    ...(tty && { tty }),
  };
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name, labels },
    spec: { restartPolicy: options.restart, containers: [container] },
  };
}
