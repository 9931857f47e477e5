/** Services as `create service` and `expose` make them. Pure. Source: kubectl. */
import { PodError } from "../base/errors.ts";
import type { PodTemplateSpec, Service, ServicePort } from "../spec/kubernetes.gen.ts";
import { equalities, type NewObject, wholeNumber } from "./new-object.ts";

export type ServiceType = NonNullable<Service["spec"]["type"]>;

export interface ServiceOptions {
  readonly type: ServiceType;
  /** `PORT[:TARGET]`. */
  readonly tcp?: readonly string[];
  /** An address, or None for a headless Service. */
  readonly clusterip?: string;
  readonly nodePort?: string;
  readonly externalName?: string;
}

/** A Service of the pods that have the label `app=NAME`. @throws PodError InvalidArgument. */
export function newService(name: string, options: ServiceOptions): NewObject {
  const { type, tcp = [], clusterip, nodePort, externalName } = options;
  const isHeadless = clusterip === "None";
  if (tcp.length === 0 && type !== "ExternalName" && !isHeadless) {
    throw new PodError("InvalidArgument", "at least one --tcp port specifier must be provided");
  }
  if (type === "ExternalName" && externalName === undefined) {
    throw new PodError("InvalidArgument", "--external-name is required");
  }
  const ports = tcp.map((pair) => portOf(pair, nodePort));
  const labels = { app: name };
  return serviceOf(name, labels, {
    type,
    selector: labels,
    ...(clusterip !== undefined && { clusterIP: clusterip }),
    ...(externalName !== undefined && { externalName }),
    ...(ports.length > 0 && { ports }),
  });
}

function portOf(pair: string, nodePort: string | undefined): ServicePort {
  const [, port = "", target = port] = /^(\d{1,5})(?::([\w-]+))?$/.exec(pair) ?? [];
  if (port === "") {
    throw new PodError("InvalidArgument", `--tcp: must be PORT[:TARGETPORT]: got "${pair}"`);
  }
  return {
    name: pair.replace(":", "-"),
    port: Number(port),
    protocol: "TCP",
    targetPort: portValue(target),
    ...(nodePort !== undefined && { nodePort: wholeNumber(nodePort, "--node-port") }),
  };
}

/** A number, or the name of a container's port. */
function portValue(text: string): number | string {
  return /^\d+$/.test(text) ? Number(text) : text;
}

function serviceOf(
  name: string,
  labels: Readonly<Record<string, string>>,
  spec: Service["spec"],
): NewObject {
  const hasLabels = Object.keys(labels).length > 0;
  const metadata = { name, ...(hasLabels && { labels }) };
  return { apiVersion: "v1", kind: "Service", metadata, spec };
}

export interface ExposeOptions {
  readonly name?: string;
  readonly port?: string;
  readonly targetPort?: string;
  readonly protocol?: "TCP" | "UDP" | "SCTP";
  readonly type?: ServiceType;
  readonly clusterIp?: string;
  readonly externalIp?: string;
  readonly sessionAffinity?: "None" | "ClientIP";
  readonly selector?: string;
  readonly labels?: string;
}

/** What `expose` looks at: the fields of the kinds that lead to pods. */
export interface Exposed {
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly labels?: Readonly<Record<string, string>>;
  };
  readonly spec: {
    readonly selector?: unknown;
    readonly template?: PodTemplateSpec;
    readonly containers?: PodTemplateSpec["spec"]["containers"];
    readonly ports?: readonly ServicePort[];
  };
}

/** A Service in front of what exists. @throws PodError InvalidArgument when selector or port cannot be found. */
export function exposeObject(object: Exposed, options: ExposeOptions): NewObject {
  const { name = object.metadata.name, type, clusterIp, externalIp, sessionAffinity } = options;
  const selector =
    options.selector === undefined
      ? selectorOf(object)
      : equalities(options.selector, "--selector");
  const ports = exposedPorts(object, options);
  if (ports.length === 0 && clusterIp !== "None") {
    throw new PodError(
      "InvalidArgument",
      "couldn't find port via --port flag or introspection: write --port",
    );
  }
  const labels =
    options.labels === undefined
      ? (object.metadata.labels ?? {})
      : equalities(options.labels, "--labels");
  return serviceOf(name, labels, {
    ...(type !== undefined && { type }),
    selector,
    ...(ports.length > 0 && { ports }),
    ...(clusterIp !== undefined && { clusterIP: clusterIp }),
    ...(externalIp !== undefined && { externalIPs: [externalIp] }),
    ...(sessionAffinity !== undefined && { sessionAffinity }),
  });
}

function selectorOf({ kind, metadata, spec }: Exposed): Readonly<Record<string, string>> {
  const selector =
    kind === "Pod"
      ? metadata.labels
      : kind === "Service"
        ? (spec.selector as Readonly<Record<string, string>> | undefined)
        : matchLabels(spec.selector);
  if (selector !== undefined && Object.keys(selector).length > 0) return selector;
  throw new PodError(
    "InvalidArgument",
    kind === "Pod"
      ? "the pod has no labels and cannot be exposed"
      : `couldn't retrieve selectors of ${kind} "${metadata.name}": write --selector`,
  );
}

/** undefined when a Service, which knows equalities only, cannot say the same. */
function matchLabels(selector: unknown): Readonly<Record<string, string>> | undefined {
  const { matchLabels: labels, matchExpressions = [] } = (selector ?? {}) as {
    readonly matchLabels?: Readonly<Record<string, string>>;
    readonly matchExpressions?: readonly unknown[];
  };
  return matchExpressions.length === 0 ? labels : undefined;
}

interface Found {
  readonly port: number;
  readonly protocol: "TCP" | "UDP" | "SCTP";
}

function exposedPorts(object: Exposed, options: ExposeOptions): readonly ServicePort[] {
  const { port, targetPort, protocol } = options;
  const found =
    port === undefined
      ? portsOf(object)
      : port.split(",").map((text): Found => {
          const number = wholeNumber(text, "--port");
          const known = portsOf(object).find((each) => each.port === number)?.protocol;
          return { port: number, protocol: known ?? "TCP" };
        });
  return found.map((each, index) => ({
    ...(found.length > 1 && { name: `port-${index + 1}` }),
    port: each.port,
    protocol: protocol ?? each.protocol,
    targetPort: targetPort === undefined ? each.port : portValue(targetPort),
  }));
}

function portsOf({ kind, spec }: Exposed): readonly Found[] {
  if (kind === "Service") {
    return (spec.ports ?? []).map(({ port, protocol = "TCP" }) => ({ port, protocol }));
  }
  const containers = spec.template?.spec.containers ?? spec.containers ?? [];
  return containers.flatMap(({ ports = [] }) =>
    ports.map(({ containerPort, protocol = "TCP" }) => ({ port: containerPort, protocol })),
  );
}
