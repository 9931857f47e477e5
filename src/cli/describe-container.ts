/** A container of a pod in the words of kubectl describe. Pure. */
import type { EnvFromSource } from "../spec/kubernetes.gen.ts";
import type { Container, ContainerState, ContainerStatus, EnvVar } from "../spec/pod.ts";
import { amounts, type Field, none, optional, time } from "./describe-layout.ts";
import { describeProbe } from "./describe-probe.ts";

export function containerFields(
  container: Container,
  status: ContainerStatus | undefined,
): readonly Field[] {
  const { resources = {}, ports = [], securityContext } = container;
  return [
    ["Container ID", status?.containerID ?? ""],
    ["Image", container.image],
    ["Image ID", status?.imageID ?? ""],
    ["Port", portList(ports.map((port) => `${port.containerPort}/${port.protocol ?? "TCP"}`))],
    ["Host Port", portList(ports.map((port) => `${port.hostPort ?? 0}/${port.protocol ?? "TCP"}`))],
    ...optional("SeccompProfile", securityContext?.seccompProfile?.type),
    ...listField("Command", container.command),
    ...listField("Args", container.args),
    ...optional("Restart Policy", container.restartPolicy),
    ...(status === undefined ? [] : stateFields("State", status.state ?? { waiting: {} })),
    ...(hasState(status?.lastState) ? stateFields("Last State", status?.lastState ?? {}) : []),
    ["Ready", status?.ready ? "True" : "False"],
    ["Restart Count", String(status?.restartCount ?? 0)],
    ...amounts("Limits", resources.limits),
    ...amounts("Requests", resources.requests),
    ...probeFields(container),
    ...(container.envFrom?.length
      ? ([["Environment Variables from", container.envFrom.map(envFromText)]] satisfies Field[])
      : []),
    [
      "Environment",
      (container.env ?? []).length === 0
        ? none
        : (container.env ?? []).map((variable) => [variable.name, envText(variable)] as const),
    ],
    ["Mounts", mountList(container)],
  ];
}

function probeFields(container: Container): readonly Field[] {
  const { livenessProbe, readinessProbe, startupProbe } = container;
  return [
    ...optional("Liveness", livenessProbe && describeProbe(livenessProbe)),
    ...optional("Readiness", readinessProbe && describeProbe(readinessProbe)),
    ...optional("Startup", startupProbe && describeProbe(startupProbe)),
  ];
}

function portList(ports: readonly string[]): string {
  return ports.length === 0 ? none : ports.join(", ");
}

function envFromText({ prefix, configMapRef, secretRef }: EnvFromSource): string {
  const { name = "", optional: isOptional = false } = configMapRef ?? secretRef ?? {};
  const kind = configMapRef === undefined ? "Secret" : "ConfigMap";
  const with_ = prefix ? ` with prefix '${prefix}'` : "";
  return `${name}  ${kind}${with_}  Optional: ${isOptional}`;
}

function envText({ value = "", valueFrom }: EnvVar): string {
  const { configMapKeyRef, secretKeyRef, fieldRef, resourceFieldRef, fileKeyRef } = valueFrom ?? {};
  if (configMapKeyRef) {
    const { name = "", key, optional: isOptional = false } = configMapKeyRef;
    return `<set to the key '${key}' of config map '${name}'>  Optional: ${isOptional}`;
  }
  if (secretKeyRef) {
    const { name = "", key, optional: isOptional = false } = secretKeyRef;
    return `<set to the key '${key}' in secret '${name}'>  Optional: ${isOptional}`;
  }
  if (fieldRef) return ` (${fieldRef.apiVersion ?? "v1"}:${fieldRef.fieldPath})`;
  if (resourceFieldRef) return ` (${resourceFieldRef.resource})`;
  if (fileKeyRef) {
    const { key, path, volumeName } = fileKeyRef;
    return `<set to the key '${key}' of file '${path}' in volume '${volumeName}'>`;
  }
  return value;
}

function mountList({
  volumeMounts = [],
  volumeDevices = [],
}: Container): string | readonly string[] {
  const mounts = volumeMounts.map((mount) => {
    const path = mount.subPath ?? mount.subPathExpr;
    const notes = [
      mount.readOnly ? "ro" : "rw",
      ...(path ? [`path="${path}"`] : []),
      ...(mount.recursiveReadOnly ? [`recursive=${mount.recursiveReadOnly}`] : []),
      ...(mount.mountPropagation && mount.mountPropagation !== "None"
        ? [`propagation=${mount.mountPropagation}`]
        : []),
    ];
    return `${mount.mountPath} from ${mount.name} (${notes.join(",")})`;
  });
  const devices = volumeDevices.map(
    ({ devicePath, name }) => `${devicePath} from ${name} (device)`,
  );
  return mounts.length + devices.length === 0 ? none : [...mounts, ...devices];
}

function hasState(state: ContainerState | undefined): boolean {
  return state !== undefined && Object.keys(state).length > 0;
}

function stateFields(label: string, state: ContainerState): readonly Field[] {
  const { waiting, running, terminated } = state;
  if (running !== undefined) {
    return [
      [label, "Running"],
      ["  Started", time(running.startedAt)],
    ];
  }
  if (terminated !== undefined) {
    return [
      [label, "Terminated"],
      ...optional("  Reason", terminated.reason),
      ...optional("  Message", terminated.message?.trimEnd()),
      ["  Exit Code", String(terminated.exitCode)],
      ...optional("  Signal", terminated.signal ? String(terminated.signal) : undefined),
      ["  Started", time(terminated.startedAt)],
      ["  Finished", time(terminated.finishedAt)],
    ];
  }
  return [
    [label, "Waiting"],
    ...optional("  Reason", waiting?.reason),
    ...optional("  Message", waiting?.message),
  ];
}

function listField(label: string, list: readonly string[] | undefined): readonly Field[] {
  return list === undefined || list.length === 0 ? [] : [[label, list]];
}
