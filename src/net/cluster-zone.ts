/**
 * What the names of the cluster mean. Pure.
 *
 *   <service>.<namespace>.svc.cluster.local               A, or CNAME of an ExternalName
 *   <endpoint>.<service>.<namespace>.svc.cluster.local    A of one endpoint: its host name, or 10-85-0-7
 *   _<port>._<protocol>.<service>.<namespace>.svc.…       SRV
 *   10-85-0-7.<namespace>.pod.cluster.local               A
 *   7.0.85.10.in-addr.arpa                                PTR, in the prefixes of pods and Services
 *
 * Source: Kubernetes "DNS-Based Service Discovery" specification, version 1.1.0.
 */
import { codes, type DnsRecord, type Name, type RecordData, types } from "./dns-message.ts";
import { contains, parseAddress, type Subnet } from "./ipv4.ts";

export interface ZoneEndpoint {
  readonly address: string;
  /** Host name of the pod when it has a subdomain of this Service's name. */
  readonly hostname?: string;
}

export interface ZonePort {
  /** "" for the only one. */
  readonly name: string;
  readonly protocol: string;
  /** On the virtual address; of a headless Service: on its endpoints. */
  readonly port: number;
}

export interface ZoneService {
  readonly name: string;
  readonly namespace: string;
  /** The virtual address; absent: headless or an alias. */
  readonly clusterAddress?: string;
  /** The name that this one stands for. */
  readonly externalName?: string;
  readonly ports: readonly ZonePort[];
  /** Those that names may lead to. */
  readonly endpoints: readonly ZoneEndpoint[];
}

export interface Zone {
  /** Prefixes whose reverse names are answered here. */
  readonly subnets: readonly Subnet[];
  service(namespace: string, name: string): ZoneService | undefined;
  hasNamespace(name: string): boolean;
  /** Services with this virtual address or, when they are headless, this endpoint. */
  servicesOf(address: string): readonly ZoneService[];
}

export interface ZoneAnswer {
  readonly code: number;
  readonly answers: readonly DnsRecord[];
  readonly additional: readonly DnsRecord[];
  /** An alias of a name outside: who answers looks that up, too. */
  readonly alias?: Name;
}

/** Seconds: what CoreDNS gives in a cluster made by kubeadm is 30; endpoints here change at once, so less. */
const ttl = 5;

/** Longest row of aliases that is followed. */
const mostAliases = 8;

const domain: Name = ["cluster", "local"];

const missing: ZoneAnswer = { code: codes.noSuchName, answers: [], additional: [] };
const noData: ZoneAnswer = { code: codes.ok, answers: [], additional: [] };

/** The answer to a question about a name of the cluster; undefined when the name is somebody else's. */
export function answerInZone(zone: Zone, name: Name, type: number): ZoneAnswer | undefined {
  const inside = below(name, domain);
  if (inside !== undefined) return answerInDomain(zone, name, inside, type);
  const reverse = below(name, ["in-addr", "arpa"]);
  return reverse === undefined ? undefined : answerReverse(zone, name, reverse, type);
}

/** The record that comes with every "no". */
export function zoneAuthority(): DnsRecord {
  return {
    name: domain,
    ttl,
    type: "SOA",
    server: ["ns", "dns", ...domain],
    mailbox: ["hostmaster", ...domain],
    serial: 1,
  };
}

/** The labels before an ending; undefined when the name ends otherwise. */
function below(name: Name, ending: Name): Name | undefined {
  const count = name.length - ending.length;
  return count >= 0 && ending.every((label, index) => name[count + index] === label)
    ? name.slice(0, count)
    : undefined;
}

function answerInDomain(zone: Zone, name: Name, inside: Name, type: number): ZoneAnswer {
  const kind = inside.at(-1);
  const namespace = inside.at(-2);
  const rest = inside.slice(0, -2);
  if (kind === undefined) return type === types.SOA ? found([zoneAuthority()]) : noData;
  if (kind === "dns-version" && namespace === undefined) {
    return only(name, type, [{ type: "TXT", text: "1.1.0" }]);
  }
  if (kind !== "svc" && kind !== "pod") return missing;
  if (namespace === undefined) return noData;
  if (!zone.hasNamespace(namespace)) return missing;
  if (rest.length === 0) return noData;
  if (kind === "pod") return rest.length === 1 ? answerPod(name, rest[0] ?? "", type) : missing;
  const service = zone.service(namespace, rest.at(-1) ?? "");
  return service === undefined
    ? missing
    : answerService(zone, service, name, rest.slice(0, -1), type);
}

function answerPod(name: Name, label: string, type: number): ZoneAnswer {
  const address = dashedAddress(label);
  return address === undefined ? missing : only(name, type, [{ type: "A", address }]);
}

function dashedAddress(label: string): string | undefined {
  const parts = label.split("-");
  const isAddress =
    parts.length === 4 &&
    parts.every((part) => /^(?:0|[1-9]\d{0,2})$/.test(part) && Number(part) < 256);
  return isAddress ? parts.join(".") : undefined;
}

function answerService(
  zone: Zone,
  service: ZoneService,
  name: Name,
  before: Name,
  type: number,
): ZoneAnswer {
  const { clusterAddress, externalName, endpoints } = service;
  if (externalName !== undefined) {
    if (before.length > 0) return missing;
    return answerAlias(zone, name, externalName, type);
  }
  const isHeadless = clusterAddress === undefined;
  if (before.length === 0) {
    const addresses = isHeadless ? endpoints.map(({ address }) => address) : [clusterAddress];
    if (addresses.length === 0) return missing;
    if (type === types.SRV) return answerPorts(service, name, () => true);
    return only(
      name,
      type,
      [...new Set(addresses)].map((address) => ({ type: "A", address })),
    );
  }
  if (before.length === 2 && before[0]?.startsWith("_") && before[1]?.startsWith("_")) {
    const [port, protocol] = before.map((label) => label.slice(1));
    const answer = answerPorts(
      service,
      name,
      (each) => each.name === port && each.protocol.toLowerCase() === protocol,
    );
    if (answer.answers.length === 0) return missing;
    return type === types.SRV || type === types.ANY ? answer : noData;
  }
  if (before.length !== 1 || !isHeadless) return missing;
  const same = endpoints.filter((endpoint) => labelOf(endpoint) === before[0]);
  if (same.length === 0) return missing;
  return only(
    name,
    type,
    same.map(({ address }) => ({ type: "A", address })),
  );
}

/** Where an ExternalName leads: inside it is followed at once, outside the server asks. */
function answerAlias(zone: Zone, name: Name, externalName: string, type: number): ZoneAnswer {
  const answers: DnsRecord[] = [];
  let owner = name;
  let next: string | undefined = externalName;
  // Aliases may lead to each other and round.
  for (let step = 0; next !== undefined && step < mostAliases; step++) {
    const target: Name = next.toLowerCase().replace(/\.$/, "").split(".");
    answers.push({ name: owner, ttl, type: "CNAME", target });
    if (type === types.CNAME) break;
    next = aliasIn(zone, target);
    if (next === undefined) {
      const end = answerInZone(zone, target, type);
      if (end === undefined) return { ...found(answers), alias: target };
      answers.push(...end.answers);
    }
    owner = target;
  }
  return found(answers);
}

/** The name that a name of the cluster stands for. */
function aliasIn(zone: Zone, name: Name): string | undefined {
  const inside = below(name, ["svc", ...domain]);
  const [service = "", namespace = ""] = inside ?? [];
  return inside?.length === 2 ? zone.service(namespace, service)?.externalName : undefined;
}

function answerPorts(
  { name: service, namespace, clusterAddress, ports, endpoints }: ZoneService,
  name: Name,
  isWanted: (port: ZonePort) => boolean,
): ZoneAnswer {
  const base: Name = [service, namespace, "svc", ...domain];
  const targets =
    clusterAddress === undefined
      ? endpoints.map((endpoint) => ({
          target: [labelOf(endpoint), ...base],
          address: endpoint.address,
        }))
      : [{ target: base, address: clusterAddress }];
  const wanted = ports.filter(isWanted);
  const weight = Math.max(1, Math.floor(100 / Math.max(1, targets.length)));
  const answers = wanted.flatMap(({ port }) =>
    targets.map(({ target }): DnsRecord => {
      return { name, ttl, type: "SRV", priority: 0, weight, port, target };
    }),
  );
  const additional =
    wanted.length === 0
      ? []
      : targets.map(({ target, address }): DnsRecord => {
          return { name: target, ttl, type: "A", address };
        });
  return { code: codes.ok, answers, additional };
}

function labelOf({ hostname, address }: ZoneEndpoint): string {
  return hostname ?? address.replaceAll(".", "-");
}

function answerReverse(
  zone: Zone,
  name: Name,
  reverse: Name,
  type: number,
): ZoneAnswer | undefined {
  const address = dashedAddress([...reverse].reverse().join("-"));
  if (address === undefined) return undefined;
  const number = parseAddress(address);
  if (!zone.subnets.some((subnet) => contains(subnet, number))) return undefined;
  const targets = zone.servicesOf(address).map((service): Name => {
    const base = [service.name, service.namespace, "svc", ...domain];
    if (service.clusterAddress === address) return base;
    const endpoint = service.endpoints.find((each) => each.address === address);
    return endpoint === undefined ? base : [labelOf(endpoint), ...base];
  });
  if (targets.length === 0) return missing;
  return only(
    name,
    type,
    targets.map((target) => ({ type: "PTR", target })),
  );
}

/** A name that has these records: others asked for are "no data". */
function only(name: Name, type: number, data: readonly RecordData[]): ZoneAnswer {
  const isAsked = (record: RecordData): boolean =>
    type === types.ANY || types[record.type] === type;
  return found(data.filter(isAsked).map((record) => ({ name, ttl, ...record })));
}

function found(answers: readonly DnsRecord[]): ZoneAnswer {
  return { code: codes.ok, answers, additional: [] };
}
