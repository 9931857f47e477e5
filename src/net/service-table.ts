/**
 * The packet rules of Services as data, and the nft commands that lead from one state to the next. Pure.
 *
 *   from a pod, from the host ─▶ @cluster_ips    10.96.3.7 . tcp . 80 ─▶ svc_…  one of its endpoints, by chance
 *   from anywhere             ─▶ @external_ips   203.0.113.9 . tcp . 80 ─▶ svc_…
 *   to an address of the host ─▶ @node_ports     tcp . 30080 ─▶ svc_…
 *   not translated            ─▶ refused at once: a Service without endpoints, an address without a Service
 *
 * With ClientIP affinity each endpoint has a chain (ep_…) and a set (aff_…) of the clients that it serves; the sets
 * live through every rewriting of the rules. Names are hashes: nothing that a user wrote is in a command (NET-07).
 * Source: nft(8), "NAT STATEMENTS", "VERDICT MAP"; Kubernetes, "Virtual IPs and Service Proxies".
 */
import { createHash } from "node:crypto";
import { contains, formatAddress, parseAddress, parseSubnet, type Subnet } from "./ipv4.ts";

export type Protocol = "TCP" | "UDP" | "SCTP";

export interface ServiceEndpoint {
  readonly address: string;
  /** 1..65535. */
  readonly port: number;
}

/** One port of one Service. */
export interface ServiceRoute {
  /** Unique among all; only its hash gets into rules. */
  readonly id: string;
  readonly protocol: Protocol;
  /** The virtual address; absent: none. */
  readonly clusterAddress?: string;
  /** 1..65535, on the virtual and the external addresses. */
  readonly port: number;
  /** Addresses that are taken from wherever packets for them come. */
  readonly externalAddresses: readonly string[];
  /** Ports on every address of the host. */
  readonly nodePorts: readonly number[];
  /** Seconds that a client stays with an endpoint; absent: each connection goes anywhere. */
  readonly affinitySeconds?: number;
  readonly endpoints: readonly ServiceEndpoint[];
}

export interface ServiceNetwork {
  readonly bridge: string;
  /** Prefix of the pods. */
  readonly subnet: string;
  /** Prefix of the virtual addresses. */
  readonly serviceSubnet: string;
}

const mapTypes = {
  cluster_ips: "ipv4_addr . inet_proto . inet_service : verdict",
  external_ips: "ipv4_addr . inet_proto . inet_service : verdict",
  node_ports: "inet_proto . inet_service : verdict",
  refused: "ipv4_addr . inet_proto . inet_service",
  outside: "ipv4_addr . inet_service",
} as const;

type MapName = keyof typeof mapTypes;

const mapNames = Object.keys(mapTypes) as MapName[];

export interface ServiceTable {
  /** Rules by chain. */
  readonly chains: ReadonlyMap<string, readonly string[]>;
  /** Seconds by set of clients. */
  readonly clients: ReadonlyMap<string, number>;
  /** Key → verdict; "" in the sets. */
  readonly maps: Readonly<Record<MapName, ReadonlyMap<string, string>>>;
}

/** The rules for these routes; of two that want the same address and port the first one has it. */
export function serviceTable(
  routes: readonly ServiceRoute[],
  { subnet }: Pick<ServiceNetwork, "subnet">,
): ServiceTable {
  const chains = new Map<string, readonly string[]>();
  const clients = new Map<string, number>();
  const maps: Record<MapName, Map<string, string>> = {
    cluster_ips: new Map(),
    external_ips: new Map(),
    node_ports: new Map(),
    refused: new Map(),
    outside: new Map(),
  };
  const pods = parseSubnet(subnet);
  for (const route of routes) {
    const suffix = `${route.protocol.toLowerCase()} . ${route.port}`;
    if (route.endpoints.length === 0) {
      // Virtual addresses without a rule are refused by their prefix.
      for (const address of route.externalAddresses)
        maps.refused.set(`${plain(address)} . ${suffix}`, "");
      continue;
    }
    const chain = `svc_${hash(route.id)}`;
    addChains(route, chain, chains, clients);
    const verdict = `goto ${chain}`;
    const claim = (map: Map<string, string>, key: string): void => {
      if (!map.has(key)) map.set(key, verdict);
    };
    if (route.clusterAddress !== undefined) {
      claim(maps.cluster_ips, `${plain(route.clusterAddress)} . ${suffix}`);
    }
    for (const address of route.externalAddresses) {
      claim(maps.external_ips, `${plain(address)} . ${suffix}`);
    }
    for (const port of route.nodePorts) {
      claim(maps.node_ports, `${route.protocol.toLowerCase()} . ${port}`);
    }
    for (const { address, port } of route.endpoints) {
      if (isOutside(address, pods)) maps.outside.set(`${plain(address)} . ${port}`, "");
    }
  }
  return { chains, clients, maps };
}

function isOutside(address: string, pods: Subnet): boolean {
  return !address.startsWith("127.") && !contains(pods, parseAddress(address));
}

function addChains(
  { id, protocol, endpoints, affinitySeconds }: ServiceRoute,
  chain: string,
  chains: Map<string, readonly string[]>,
  clients: Map<string, number>,
): void {
  const match = `meta l4proto ${protocol.toLowerCase()}`;
  const count = endpoints.length;
  if (affinitySeconds === undefined) {
    const targets = endpoints.map(({ address, port }) => `${plain(address)} . ${port}`);
    const [only = ""] = targets;
    const choice = targets.map((target, index) => `${index} : ${target}`).join(", ");
    const to =
      count === 1
        ? `dnat to ${only.replace(" . ", ":")}`
        : `dnat ip to numgen random mod ${count} map { ${choice} }`;
    chains.set(chain, [`${match} ${to}`]);
    return;
  }
  const names = endpoints.map(({ address, port }) => hash(`${id} ${address}:${port}`));
  const choice = names.map((name, index) => `${index} : goto ep_${name}`).join(", ");
  endpoints.forEach(({ address, port }, index) => {
    const name = names[index] ?? "";
    clients.set(`aff_${name}`, affinitySeconds);
    chains.set(`ep_${name}`, [
      `update @aff_${name} { ip saddr }`,
      `${match} dnat to ${plain(address)}:${port}`,
    ]);
  });
  chains.set(chain, [
    ...names.map((name) => `ip saddr @aff_${name} goto ep_${name}`),
    count === 1 ? `goto ep_${names[0] ?? ""}` : `numgen random mod ${count} vmap { ${choice} }`,
  ]);
}

/** An address as we print it ourselves. */
function plain(address: string): string {
  return formatAddress(parseAddress(address));
}

function hash(text: string): string {
  return createHash("sha256").update(text).digest("hex").slice(0, 16);
}

/** Names that an earlier daemon, or the state before, has in the table. */
export interface KnownNames {
  readonly chains: readonly string[];
  readonly clients: readonly string[];
}

/** Commands for the whole table; clients that an endpoint has already stay with it. */
export function wholeTable(
  table: string,
  next: ServiceTable,
  network: ServiceNetwork,
  known: KnownNames,
): string {
  const fixed = fixedChains(network);
  const lines = [`add table ip ${table}`, `flush table ip ${table}`];
  for (const name of mapNames) {
    const kind = mapTypes[name].includes(":") ? "map" : "set";
    lines.push(`add ${kind} ip ${table} ${name} { type ${mapTypes[name]} ; }`);
    lines.push(`flush ${kind} ip ${table} ${name}`);
  }
  const isStale = (name: string): boolean => !next.chains.has(name) && !fixed.has(name);
  for (const name of known.chains.filter(isStale)) lines.push(`delete chain ip ${table} ${name}`);
  for (const name of known.clients.filter((each) => !next.clients.has(each))) {
    lines.push(`delete set ip ${table} ${name}`);
  }
  for (const name of next.chains.keys()) lines.push(`add chain ip ${table} ${name}`);
  for (const [name, seconds] of next.clients) lines.push(addClients(table, name, seconds));
  for (const [name, rules] of next.chains) lines.push(...addRules(table, name, rules));
  for (const name of mapNames) lines.push(...addElements(table, name, next.maps[name]));
  for (const [name, { head, rules }] of fixed) {
    lines.push(`add chain ip ${table} ${name} ${head}`, ...addRules(table, name, rules));
  }
  return lines.join("\n");
}

/** Commands from one state to the next; "" when nothing differs. */
export function changedTable(table: string, before: ServiceTable, next: ServiceTable): string {
  const added: string[] = [];
  const gone: string[] = [];
  for (const name of mapNames) {
    const [old, wanted] = [before.maps[name], next.maps[name]];
    const stale = [...old].filter(([key, verdict]) => wanted.get(key) !== verdict);
    const fresh = [...wanted].filter(([key, verdict]) => old.get(key) !== verdict);
    if (stale.length > 0) {
      const keys = stale.map(([key]) => key).join(", ");
      added.push(`delete element ip ${table} ${name} { ${keys} }`);
    }
    added.push(...addElements(table, name, new Map(fresh)));
  }
  const chains: string[] = [];
  const rules: string[] = [];
  for (const [name, wanted] of next.chains) {
    const old = before.chains.get(name);
    if (old?.join("\n") === wanted.join("\n")) continue;
    chains.push(
      old === undefined ? `add chain ip ${table} ${name}` : `flush chain ip ${table} ${name}`,
    );
    rules.push(...addRules(table, name, wanted));
  }
  for (const [name, seconds] of next.clients) {
    const old = before.clients.get(name);
    if (old === seconds) continue;
    // A set keeps the time that it was made with.
    chains.push(addClients(table, name, seconds));
  }
  const staleChains = [...before.chains.keys()].filter((name) => !next.chains.has(name));
  // Emptied first: they may go to each other.
  for (const name of staleChains) gone.push(`flush chain ip ${table} ${name}`);
  for (const name of staleChains) gone.push(`delete chain ip ${table} ${name}`);
  for (const name of before.clients.keys()) {
    if (!next.clients.has(name)) gone.push(`delete set ip ${table} ${name}`);
  }
  return [...chains, ...rules, ...added, ...gone].join("\n");
}

function addClients(table: string, name: string, seconds: number): string {
  return `add set ip ${table} ${name} { type ipv4_addr ; flags dynamic, timeout ; timeout ${seconds}s ; }`;
}

function addRules(table: string, chain: string, rules: readonly string[]): string[] {
  return rules.map((rule) => `add rule ip ${table} ${chain} ${rule}`);
}

function addElements(
  table: string,
  name: MapName,
  elements: ReadonlyMap<string, string>,
): string[] {
  if (elements.size === 0) return [];
  const list = [...elements].map(([key, verdict]) =>
    verdict === "" ? key : `${key} : ${verdict}`,
  );
  return [`add element ip ${table} ${name} { ${list.join(", ")} }`];
}

interface FixedChain {
  readonly head: string;
  readonly rules: readonly string[];
}

/** Chains that are there whatever Services there are. */
function fixedChains({ bridge, serviceSubnet }: ServiceNetwork): ReadonlyMap<string, FixedChain> {
  const { base, prefixLength } = parseSubnet(serviceSubnet);
  const services = `${formatAddress(base)}/${prefixLength}`;
  const place = "ip daddr . meta l4proto . th dport";
  const hook = (type: string, name: string, priority: number): string =>
    `{ type ${type} hook ${name} priority ${priority} ; policy accept ; }`;
  const refuse = [`ip daddr ${services} goto refuse`, `${place} @refused goto refuse`];
  return new Map([
    ["refuse", { head: "", rules: ["meta l4proto tcp reject with tcp reset", "reject"] }],
    [
      "publish",
      {
        head: "",
        rules: [
          `${place} vmap @external_ips`,
          "fib daddr type local meta l4proto . th dport vmap @node_ports",
        ],
      },
    ],
    // A neighbour that routes virtual addresses through this host has no business there (NET-05).
    [
      "prerouting",
      {
        head: hook("nat", "prerouting", -100),
        rules: [
          "ip daddr 127.0.0.0/8 return",
          `iifname "${bridge}" ${place} vmap @cluster_ips`,
          "goto publish",
        ],
      },
    ],
    [
      "output",
      { head: hook("nat", "output", -100), rules: [`${place} vmap @cluster_ips`, "goto publish"] },
    ],
    // Endpoints that are no pods of this bridge answer whoever sent to them: that must be this host.
    [
      "postrouting",
      {
        head: hook("nat", "postrouting", 100),
        rules: [
          `oifname != { "${bridge}", "lo" } ct status dnat ip daddr . th dport @outside masquerade`,
        ],
      },
    ],
    ["refuse_forwarded", { head: hook("filter", "forward", 0), rules: refuse }],
    ["refuse_own", { head: hook("filter", "output", 0), rules: refuse }],
  ]);
}
