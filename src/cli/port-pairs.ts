/**
 * The ports of `port-forward`, as kubectl reads them:
 *
 *   8080       the same here and in the pod        8080:80    here and in the pod
 *   :80        any free one here                   8080:http  a port by its name, of the manifest or the Service
 */
import { PodError } from "../base/errors.ts";
import type { Service, ServicePort } from "../spec/kubernetes.gen.ts";
import type { Pod } from "../spec/pod.ts";

export interface PortPair {
  /** 0 is any free one. */
  readonly local: number;
  readonly remote: number;
}

/**
 * @param service - when one was named: the remote port is one of its own, and leads where that leads.
 * @throws PodError InvalidArgument.
 */
export function parsePortPair(text: string, pod: Pod, service?: Service): PortPair {
  const [first = "", second, ...more] = text.split(":");
  if (more.length > 0 || (second ?? first) === "") {
    throw new PodError("InvalidArgument", `invalid port format "${text}": write [LOCAL:]REMOTE`);
  }
  const word = second ?? first;
  const port = service && servicePort(word, service);
  const remote = remotePort(port === undefined ? word : String(port.targetPort ?? port.port), pod);
  if (second === undefined) return { local: port?.port ?? remote, remote };
  return { local: first === "" ? 0 : portNumber(first, "local", 0), remote };
}

function servicePort(text: string, { metadata, spec }: Service): ServicePort {
  const { ports = [] } = spec ?? {};
  const port = ports.find(({ name, port }) =>
    /^\d+$/.test(text) ? port === Number(text) : name === text,
  );
  if (port !== undefined) return port;
  const known = ports.map(({ name, port }) => (name === undefined ? port : `${port} (${name})`));
  throw new PodError(
    "InvalidArgument",
    `Service "${metadata.name}" does not have a port "${text}": it has ${known.join(", ") || "none"}`,
  );
}

function remotePort(text: string, pod: Pod): number {
  if (/^\d+$/.test(text)) return portNumber(text, "remote", 1);
  const { initContainers = [], containers } = pod.spec;
  const port = [...containers, ...initContainers]
    .flatMap(({ ports = [] }) => ports)
    .find(({ name }) => name === text);
  if (port !== undefined) return port.containerPort;
  throw new PodError(
    "InvalidArgument",
    `Pod "${pod.metadata.name}" does not have a named port "${text}"`,
  );
}

function portNumber(text: string, which: "local" | "remote", least: 0 | 1): number {
  const number = Number(text);
  if (/^\d{1,5}$/.test(text) && number >= least && number <= 65_535) return number;
  throw new PodError(
    "InvalidArgument",
    `${which} port: must be a number from ${least} to 65535: got "${text}"`,
  );
}

/** `localhost` is both of its addresses. @throws PodError InvalidArgument when there is none. */
export function parseAddresses(texts: readonly string[]): readonly string[] {
  const addresses = texts
    .flatMap((text) => text.split(","))
    .map((text) => text.trim())
    .filter((text) => text !== "")
    .flatMap((text) => (text === "localhost" ? ["127.0.0.1", "::1"] : [text]));
  if (addresses.length > 0) return [...new Set(addresses)];
  throw new PodError("InvalidArgument", "--address: name at least one address to listen on");
}
