/**
 * Rules for the probes and hooks of one container.
 * Source: Kubernetes API reference, core/v1 Probe, Lifecycle, LifecycleHandler.
 */

import { childPath, itemPath, type Report } from "./field-issue.ts";
import type {
  Container,
  ExecAction,
  HTTPGetAction,
  LifecycleHandler,
  PodSpec,
  Probe,
  TCPSocketAction,
} from "./pod.ts";
import { quote } from "./quote.ts";
import { type Complaint, checkNoNul, checkPort, hasControlBytes } from "./validate-names.ts";

const probeFields = ["startupProbe", "livenessProbe", "readinessProbe"] as const;
const hookFields = ["postStart", "preStop"] as const;
const probeHandlers = ["exec", "httpGet", "tcpSocket", "grpc"] as const;
const hookHandlers = ["exec", "httpGet", "sleep", "tcpSocket"] as const;
const counts = [
  "initialDelaySeconds",
  "timeoutSeconds",
  "periodSeconds",
  "successThreshold",
  "failureThreshold",
] as const;

/** Checks probes and lifecycle of a container at `path` that went through defaults. */
export function validateProbes(
  container: Container,
  path: string,
  { spec, report }: { readonly spec: PodSpec; readonly report: Report },
): void {
  const isInit = spec.initContainers?.includes(container) ?? false;
  const isRunToCompletion = isInit && container.restartPolicy !== "Always";
  for (const field of [...probeFields, "lifecycle"] as const) {
    if (isRunToCompletion && container[field] !== undefined) {
      const rule = "must not be set on an init container without restartPolicy Always";
      report(childPath(path, field), rule, "key");
    }
  }
  if (isRunToCompletion) return;
  for (const field of probeFields) {
    const probe = container[field];
    if (probe) validateProbe(probe, childPath(path, field), { container, field, report });
  }
  for (const field of hookFields) {
    const handler = container.lifecycle?.[field];
    const at = childPath(childPath(path, "lifecycle"), field);
    if (handler) validateHook(handler, at, { container, spec, report });
  }
  if (container.lifecycle !== undefined && Object.keys(container.lifecycle).length === 0) {
    report(childPath(path, "lifecycle"), "must have postStart, preStop or stopSignal");
  }
}

interface ProbeContext {
  readonly container: Container;
  readonly field: (typeof probeFields)[number];
  readonly report: Report;
}

function validateProbe(probe: Probe, path: string, context: ProbeContext): void {
  const { container, field, report } = context;
  oneHandler(probe, path, probeHandlers, report);
  for (const count of counts) {
    const value = probe[count];
    if (value !== undefined && value < 0) {
      report(childPath(path, count), `must not be negative: got ${value}`);
    }
  }
  const { successThreshold = 1, terminationGracePeriodSeconds: grace } = probe;
  if (field !== "readinessProbe" && successThreshold > 1) {
    report(childPath(path, "successThreshold"), `must be 1 here: got ${successThreshold}`);
  }
  if (grace !== undefined) {
    const at = childPath(path, "terminationGracePeriodSeconds");
    if (field === "readinessProbe") report(at, "must not be set: this probe ends nothing", "key");
    else if (grace < 1) report(at, `must be at least 1: got ${grace}`);
  }
  const { grpc } = probe;
  if (grpc) say(report, childPath(childPath(path, "grpc"), "port"), checkPort(grpc.port));
  validateActions(probe, path, container, report);
}

function validateHook(
  handler: LifecycleHandler,
  path: string,
  context: { readonly container: Container; readonly spec: PodSpec; readonly report: Report },
): void {
  const { container, spec, report } = context;
  oneHandler(handler, path, hookHandlers, report);
  validateActions(handler, path, container, report);
  const { sleep } = handler;
  if (!sleep) return;
  const graceSeconds = spec.terminationGracePeriodSeconds ?? 30;
  if (sleep.seconds < 0 || sleep.seconds > graceSeconds) {
    const rule = `must be between 0 and terminationGracePeriodSeconds (${graceSeconds})`;
    report(childPath(childPath(path, "sleep"), "seconds"), `${rule}: got ${sleep.seconds}`);
  }
}

function oneHandler<T extends object>(
  handlers: T,
  path: string,
  known: readonly (string & keyof T)[],
  report: Report,
): void {
  const [first, ...others] = known.filter((name) => handlers[name] !== undefined);
  if (first === undefined) {
    report(path, `must have one of ${known.join(", ")}`);
  }
  for (const other of others) {
    report(childPath(path, other), `must not be set beside ${first}`, "key");
  }
}

interface Actions {
  readonly exec?: ExecAction;
  readonly httpGet?: HTTPGetAction;
  readonly tcpSocket?: TCPSocketAction;
}

function validateActions(
  { exec, httpGet, tcpSocket }: Actions,
  path: string,
  container: Container,
  report: Report,
): void {
  if (exec) validateCommand(exec, childPath(path, "exec"), report);
  if (httpGet) {
    const at = childPath(path, "httpGet");
    say(report, childPath(at, "port"), checkPortReference(httpGet.port, container));
    say(report, childPath(at, "host"), checkHost(httpGet.host));
    validateHeaders(httpGet, childPath(at, "httpHeaders"), report);
  }
  if (tcpSocket) {
    const at = childPath(path, "tcpSocket");
    say(report, childPath(at, "port"), checkPortReference(tcpSocket.port, container));
    say(report, childPath(at, "host"), checkHost(tcpSocket.host));
  }
}

function validateCommand({ command = [] }: ExecAction, path: string, report: Report): void {
  const at = childPath(path, "command");
  if (command.length === 0) report(at, "must have at least the program");
  for (const [index, text] of command.entries()) say(report, itemPath(at, index), checkNoNul(text));
}

/** Field names of RFC 9110; a value must not begin another line. */
function validateHeaders({ httpHeaders = [] }: HTTPGetAction, path: string, report: Report): void {
  for (const [index, { name, value }] of httpHeaders.entries()) {
    const at = itemPath(path, index);
    if (!/^[-!#$%&'*+.^_`|~0-9A-Za-z]+$/.test(name)) {
      report(childPath(at, "name"), `must be the name of an HTTP header: got ${quote(name)}`);
    }
    if (hasControlBytes(value.replaceAll("\t", " ")) || /[^\x00-\xff]/.test(value)) {
      const rule = "must be one line of Latin-1 text";
      report(childPath(at, "value"), `${rule}: got ${quote(value)}`);
    }
  }
}

function checkHost(host: string | undefined): Complaint {
  if (host === undefined || /^[A-Za-z0-9._:-]*$/.test(host)) return undefined;
  return `must be a host name or an IP address: got ${quote(host)}`;
}

/** A number, or the name of one of the container's ports. */
function checkPortReference(port: number | string, { ports = [] }: Container): Complaint {
  if (typeof port === "number") return checkPort(port);
  if (ports.some(({ name }) => name === port)) return undefined;
  if (/^\d+$/.test(port)) return checkPort(Number(port));
  const names = ports.flatMap(({ name }) => (name ? [quote(name)] : []));
  const known = names.length === 0 ? "it has no named ports" : `it has ${names.join(", ")}`;
  return `must be a port number or the name of a port of this container (${known}): got ${quote(port)}`;
}

function say(report: Report, path: string, complaint: Complaint): void {
  if (complaint !== undefined) report(path, complaint);
}
