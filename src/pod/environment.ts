/**
 * The variables of a container: `envFrom`, `env`, and what their values come from.
 *
 * Order as the kubelet's: all of envFrom (later ones win), then env in its order; `$(NAME)` in a `value` knows
 * everything before it, and nothing that an object or a file holds is expanded. Source: Kubernetes, EnvVar and
 * EnvFromSource of the API reference; pkg/kubelet/kubelet_pods.go for the texts.
 */
import { PodError } from "../base/errors.ts";
import { parseEnvFile } from "../spec/env-file.ts";
import { expandVariables } from "../spec/expand.ts";
import { fieldValue, type PodFacts } from "../spec/field-path.ts";
import type {
  ConfigMap,
  EnvFromSource,
  EnvVarSource,
  FileKeySelector,
  ResourceFieldSelector,
  Secret,
} from "../spec/kubernetes.gen.ts";
import type { Container, EnvVar, Pod, ResourceList } from "../spec/pod.ts";
import { resourceValue } from "../spec/resource-field.ts";
import { checkEnvName } from "../spec/validate-names.ts";
import type { EngineContext } from "./context.ts";

/** What variables may come from besides the pod's own object. */
export interface EnvironmentFacts extends PodFacts {
  /** What the node can give to pods, for limits that a container does not have. */
  readonly allocatable: () => ResourceList;
  /** Content of a file in one of the pod's volumes; undefined when it is not there. */
  readonly readFile: (volume: string, path: string) => Buffer | undefined;
  /** Variables that come before all others: those of Services. */
  readonly links?: readonly EnvVar[];
  /** Variables that cannot be had are left out instead of being an error. */
  readonly leaveOutMissing?: boolean;
}

/** Where objects are found and events go. */
export type EnvironmentContext = Pick<EngineContext, "objects" | "report">;

/**
 * The variables with plain values; nothing of them is to be expanded again.
 * @throws PodError whose `data.reason` is CreateContainerConfigError, in the words of the kubelet
 */
export function resolveEnvironment(
  context: EnvironmentContext,
  pod: Pod,
  container: Pick<Container, "name" | "env" | "envFrom" | "resources">,
  facts: EnvironmentFacts,
): readonly EnvVar[] {
  const variables = new Map((facts.links ?? []).map(({ name, value = "" }) => [name, value]));
  const attempt = (step: () => void): void => {
    try {
      step();
    } catch (error) {
      if (!facts.leaveOutMissing) throw configError(error);
    }
  };
  for (const source of container.envFrom ?? []) {
    attempt(() => importAll(context, pod, source, variables));
  }
  for (const { name, value = "", valueFrom } of container.env ?? []) {
    attempt(() => {
      const resolved =
        value === "" && valueFrom !== undefined
          ? variableValue(context, pod, container, valueFrom, facts)
          : expandVariables(value, (wanted) => variables.get(wanted));
      if (resolved !== undefined) variables.set(name, checked(name, resolved));
    });
  }
  return [...variables].map(([name, value]) => ({ name, value }));
}

/** The variables as `--explain` shows them: values that come from elsewhere are named, not looked up. */
export function plannedEnvironment(container: Pick<Container, "env" | "envFrom">): EnvVar[] {
  const imports = (container.envFrom ?? []).map(({ configMapRef, secretRef, prefix = "" }) => ({
    name: `${prefix}*`,
    value: configMapRef ? `<ConfigMap ${configMapRef.name}>` : `<Secret ${secretRef?.name}>`,
  }));
  const known = new Map<string, string>();
  const own = (container.env ?? []).map(({ name, value = "", valueFrom }) => {
    const [kind = "valueFrom"] = Object.keys(valueFrom ?? {});
    const shown =
      value === "" && valueFrom !== undefined
        ? `<${kind}>`
        : expandVariables(value, (wanted) => known.get(wanted));
    known.set(name, shown);
    return { name, value: shown };
  });
  return [...imports, ...own];
}

function importAll(
  context: EnvironmentContext,
  pod: Pod,
  source: EnvFromSource,
  variables: Map<string, string>,
): void {
  const { configMapRef, secretRef, prefix = "" } = source;
  const kind = configMapRef ? "configMap" : "secret";
  const { name = "", optional } = configMapRef ?? secretRef ?? {};
  const data = configMapRef
    ? find<ConfigMap>(context, pod, "ConfigMap", name, optional)?.data
    : find<Secret>(context, pod, "Secret", name, optional)?.data;
  const skipped: string[] = [];
  for (const [key, content] of Object.entries(data ?? {})) {
    const variable = prefix + key;
    if (checkEnvName(variable) !== undefined) skipped.push(variable);
    else variables.set(variable, checked(variable, configMapRef ? content : decoded(content)));
  }
  if (skipped.length === 0) return;
  context.report(pod, {
    type: "Warning",
    reason: "InvalidEnvironmentVariableNames",
    message: `Keys [${skipped.sort().join(", ")}] from the EnvFrom ${kind} ${pod.metadata.namespace}/${name} were skipped since they are considered invalid environment variable names.`,
  });
}

/** The value; undefined when its source is optional and not there. */
function variableValue(
  context: Pick<EngineContext, "objects">,
  pod: Pod,
  container: Pick<Container, "name" | "resources">,
  source: EnvVarSource,
  facts: EnvironmentFacts,
): string | undefined {
  const { fieldRef, resourceFieldRef, configMapKeyRef, secretKeyRef, fileKeyRef } = source;
  if (fieldRef) return fieldValue(pod, fieldRef.fieldPath, facts);
  if (resourceFieldRef) return resourceOf(pod, container, resourceFieldRef, facts.allocatable());
  if (fileKeyRef) return fileValue(pod, fileKeyRef, facts);
  if (configMapKeyRef) {
    const { name = "", key, optional } = configMapKeyRef;
    const found = find<ConfigMap>(context, pod, "ConfigMap", name, optional);
    return found?.data?.[key] ?? missingKey(pod, "ConfigMap", name, key, optional);
  }
  const { name = "", key = "", optional } = secretKeyRef ?? {};
  const content = find<Secret>(context, pod, "Secret", name, optional)?.data?.[key];
  return content === undefined ? missingKey(pod, "Secret", name, key, optional) : decoded(content);
}

function resourceOf(
  pod: Pod,
  container: Pick<Container, "name" | "resources">,
  selector: ResourceFieldSelector,
  allocatable: ResourceList,
): string {
  const { containerName = "" } = selector;
  const all = [...(pod.spec.initContainers ?? []), ...pod.spec.containers];
  const found =
    containerName === "" || containerName === container.name
      ? container
      : all.find(({ name }) => name === containerName);
  if (found === undefined) throw new PodError("NotFound", `container ${containerName} not found`);
  return resourceValue(selector, pod, found, allocatable);
}

function fileValue(
  pod: Pod,
  { volumeName, path, key, optional }: FileKeySelector,
  facts: EnvironmentFacts,
): string | undefined {
  const content = facts.readFile(volumeName, path);
  if (content === undefined) {
    if (optional) return undefined;
    throw new PodError("NotFound", `file "${path}" not found in volume "${volumeName}"`);
  }
  let variables: ReadonlyMap<string, string>;
  try {
    variables = parseEnvFile(utf8(content));
  } catch (cause) {
    const why = cause instanceof PodError ? cause.message : "it is not UTF-8";
    const message = `couldn't parse env file "${path}" of volume "${volumeName}": ${why}`;
    throw new PodError("InvalidArgument", message, { cause });
  }
  const value = variables.get(key);
  if (value !== undefined || optional) return value;
  const where = `file "${path}" of volume "${volumeName}" in pod ${pod.metadata.namespace}/${pod.metadata.name}`;
  throw new PodError("NotFound", `couldn't find key ${key} in ${where}`);
}

function find<T>(
  { objects }: Pick<EngineContext, "objects">,
  pod: Pod,
  kind: "ConfigMap" | "Secret",
  name: string,
  optional: boolean | undefined,
): T | undefined {
  const found = objects.get<T>(kind, pod.metadata.namespace, name);
  if (found !== undefined || optional) return found;
  throw new PodError("NotFound", `${kind.toLowerCase()} "${name}" not found`);
}

function missingKey(
  pod: Pod,
  kind: string,
  name: string,
  key: string,
  optional: boolean | undefined,
): undefined {
  if (optional) return undefined;
  throw new PodError(
    "NotFound",
    `couldn't find key ${key} in ${kind} ${pod.metadata.namespace}/${name}`,
  );
}

function decoded(base64: string): string {
  return utf8(Buffer.from(base64, "base64"));
}

function utf8(content: Buffer): string {
  return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(content);
}

/** A NUL would cut the variable short. */
function checked(name: string, value: string): string {
  if (!value.includes("\0")) return value;
  throw new PodError("InvalidArgument", `the value of variable "${name}" contains a NUL byte`);
}

/** The error as the container's waiting reason. */
export function configError(error: unknown): PodError {
  const data = { reason: "CreateContainerConfigError" };
  if (error instanceof PodError) {
    return new PodError(error.kind, error.message, { cause: error, data });
  }
  // Only the decoder of secret and file bytes throws anything else.
  const message = "the value of a variable holds bytes that are not UTF-8";
  return new PodError("InvalidArgument", message, { cause: error, data });
}
