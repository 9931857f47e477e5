/**
 * Variables that tell a container of the Services in its namespace, in the two forms that Kubernetes took from Docker:
 *
 *   WEB_SERVICE_HOST=10.96.3.7   WEB_SERVICE_PORT=80   WEB_SERVICE_PORT_HTTP=80
 *   WEB_PORT=tcp://10.96.3.7:80  WEB_PORT_80_TCP=…     _PROTO, _PORT, _ADDR
 *
 * Services that have a virtual address when the container starts; without enableServiceLinks only `kubernetes` in
 * `default`. Pure. Source: Kubernetes, "Service" (Environment variables); kubelet, envvars.go.
 */
import type { Service } from "../spec/kubernetes.gen.ts";
import type { EnvVar, Pod } from "../spec/pod.ts";
import { isHeadless } from "../spec/service-rules.ts";

/** @param services - all that there are, in any order. */
export function serviceLinks(services: Iterable<Service>, pod: Pod): readonly EnvVar[] {
  const { enableServiceLinks = true } = pod.spec;
  const links: EnvVar[] = [];
  for (const service of services) {
    const { name, namespace } = service.metadata;
    const isMaster = name === "kubernetes" && namespace === "default";
    const isOwn = enableServiceLinks && namespace === pod.metadata.namespace;
    if (isMaster || isOwn) links.push(...linksOf(service));
  }
  return links;
}

/** The variables of one Service. */
export function linksOf({ metadata, spec }: Service): readonly EnvVar[] {
  const [first] = spec.ports ?? [];
  if (!spec.clusterIP || isHeadless(spec) || first === undefined) return [];
  const host = spec.clusterIP;
  const prefix = word(metadata.name);
  const urlOf = (protocol: string, port: number): string =>
    `${protocol.toLowerCase()}://${host}:${port}`;
  const named = (spec.ports ?? []).flatMap(({ name = "", port }) =>
    name === "" ? [] : [{ name: `${prefix}_SERVICE_PORT_${word(name)}`, value: String(port) }],
  );
  const links = (spec.ports ?? []).flatMap(({ port, protocol = "TCP" }) => {
    const base = `${prefix}_PORT_${port}_${protocol}`;
    return [
      { name: base, value: urlOf(protocol, port) },
      { name: `${base}_PROTO`, value: protocol.toLowerCase() },
      { name: `${base}_PORT`, value: String(port) },
      { name: `${base}_ADDR`, value: host },
    ];
  });
  return [
    { name: `${prefix}_SERVICE_HOST`, value: host },
    { name: `${prefix}_SERVICE_PORT`, value: String(first.port) },
    ...named,
    { name: `${prefix}_PORT`, value: urlOf(first.protocol ?? "TCP", first.port) },
    ...links,
  ];
}

function word(name: string): string {
  return name.toUpperCase().replaceAll("-", "_");
}
