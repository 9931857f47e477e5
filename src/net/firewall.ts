/**
 * The packet rules of one instance, in two tables of our own: `ip nspod_<bridge>` (masquerade,
 * published ports, guards) and `bridge nspod_<bridge>` (what each pod may send).
 *
 * Invariants: tables of others are never touched; rules are fixed and pods are elements of sets and
 * maps, so that publishing costs one element; the registry in this object is the truth and the
 * kernel's tables are rebuilt from it in one transaction whenever they differ (`nft flush ruleset`,
 * firewalld reload: security NET-06). Each element has its pod's uid as comment: a new daemon
 * learns the registry from the kernel. Source: nft(8), libnftables-json(5).
 */
import { PodError } from "../base/errors.ts";
import { failpointAside } from "../base/failpoint.ts";
import type { ElementChange } from "../sys/nft-elements.ts";
import { Nftables } from "../sys/nftables.ts";
import { linkName, macBytes } from "../sys/rtnetlink.ts";
import { SyscallError } from "../sys/syscall-error.ts";
import type { Attachment } from "./attach.ts";
import { bridgeName } from "./bridge.ts";
import {
  type Element,
  elementChange,
  type HostPort,
  publishedPort,
  type RulesetState,
  type StoreName,
  splitRuleset,
  stores,
} from "./firewall-state.ts";
import { contains, formatAddress, parseAddress, parseSubnet } from "./ipv4.ts";

export interface FirewallOptions {
  readonly bridge: string;
  /** IPv4 prefix of the pods. */
  readonly subnet: string;
}

export class Firewall implements Disposable {
  readonly #bridge: string;
  readonly #subnet: string;
  readonly #table: string;
  readonly #nft: Nftables;
  readonly #elements = new Map<string, Element>();
  /** Other nodes and their pods. */
  #peers: readonly string[] = [];
  /** Our rules as the kernel prints them, taken right after they were written. */
  #rules: string | undefined;
  /** Generation of the kernel's ruleset at which everything was as it should be. */
  #verified: number | undefined;
  /** Ends with the last change of elements that is under way; one comes after the other. */
  #changed: Promise<void> = Promise.resolve();
  #changing = 0;

  constructor({ bridge, subnet }: FirewallOptions) {
    const { base, prefixLength } = parseSubnet(subnet);
    this.#bridge = bridgeName(bridge);
    this.#subnet = `${formatAddress(base)}/${prefixLength}`;
    this.#table = `nspod_${this.#bridge}`;
    this.#nft = new Nftables();
  }

  /**
   * Makes the tables what they should be. The first call takes over the elements that an earlier
   * daemon left and writes the rules anew, without a gap for running pods; later calls write only
   * when something differs.
   */
  ensure(): void {
    if (this.#rules === undefined) {
      const found = this.#read()?.elements ?? [];
      this.#register(found.filter(({ podUid }) => uidPattern.test(podUid)));
    } else if (this.#changing > 0 || this.isIntact()) {
      // What is under way mends what it finds missing, and is announced: who repairs comes again.
      return;
    }
    this.#install();
  }

  /** Puts back what somebody else changed; nothing after remove(). Free while nobody changes rules. */
  repair(): void {
    if (this.#rules !== undefined) this.ensure();
  }

  /** Whether the kernel has exactly our rules and elements; free while nobody changes rules. */
  isIntact(): boolean {
    if (this.#rules === undefined) return false;
    const generation = this.#nft.generation();
    if (generation === this.#verified) return true;
    const isSame = this.#compare();
    // The generation from before the look: what changed meanwhile is looked at next time.
    this.#verified = isSame ? generation : undefined;
    return isSame;
  }

  #compare(): boolean {
    const state = this.#read();
    if (state === undefined || state.rules !== this.#rules) return false;
    const found = new Set(state.elements.map(elementText));
    const wanted = [...this.#elements.values()].map(elementText);
    return found.size === wanted.length && wanted.every((text) => found.has(text));
  }

  /**
   * Publishes ports of a pod; what the pod published before and is not in `ports` goes. Idempotent. The ports are the
   * pod's at once, and lead to it when the promise resolves.
   * @throws PodError Conflict when another pod has the port, InvalidArgument for a bad one.
   */
  async publish(podUid: string, address: string, ports: readonly HostPort[]): Promise<void> {
    checkUid(podUid);
    const elements = ports.map((port) => portElement(podUid, address, port));
    for (const { store, key } of elements) {
      const owner = this.#elements.get(`${store} ${key}`)?.podUid;
      if (owner !== undefined && owner !== podUid) {
        throw new PodError("Conflict", `Cannot publish host port ${key}: pod ${owner} has it`);
      }
    }
    await this.#replace("Cannot publish host ports", podUid, ["host_port", "any_port"], elements);
  }

  /** Lets a pod send with its own MAC and IP address; call it before anything of it runs. Idempotent. */
  async allow(
    podUid: string,
    attachment: Pick<Attachment, "hostLink" | "mac" | "address">,
  ): Promise<void> {
    checkUid(podUid);
    const link = `"${safeLink(attachment.hostLink)}"`;
    const mac = macBytes(attachment.mac)
      .toString("hex")
      .replace(/..(?!$)/g, "$&:");
    const address = formatAddress(parseAddress(attachment.address));
    await this.#replace(
      "Cannot allow a pod's address",
      podUid,
      ["ports", "pods"],
      [
        { store: "ports", key: link, podUid },
        { store: "pods", key: `${link} . ${mac} . ${address}`, podUid },
      ],
    );
  }

  /** Removes everything of a pod: its ports and its right to send. Nothing to remove is fine. */
  async unpublish(podUid: string): Promise<void> {
    const all = Object.keys(stores) as StoreName[];
    await this.#replace("Cannot remove a pod's packet rules", podUid, all, []);
  }

  /** Uids of the pods that have elements: after a restart, those that are gone get unpublish(). */
  pods(): ReadonlySet<string> {
    return new Set([...this.#elements.values()].map(({ podUid }) => podUid));
  }

  /** The ports that pods publish, by pod uid. */
  published(): ReadonlyMap<string, readonly HostPort[]> {
    const ports = new Map<string, HostPort[]>();
    for (const element of this.#elements.values()) {
      const port = publishedPort(element);
      if (port === undefined) continue;
      ports.set(element.podUid, [...(ports.get(element.podUid) ?? []), port]);
    }
    return ports;
  }

  /** Whether a pod publishes this port, on any address of the host. */
  publishes(protocol: string, port: number): boolean {
    const ports = [...this.published().values()].flat();
    return ports.some((each) => each.protocol === protocol && each.hostPort === port);
  }

  /**
   * Lets pods and nodes of the cluster in, and our pods out to them as who they are.
   * @param prefixes - of the pods of other nodes, and addresses of these nodes.
   */
  setPeers(prefixes: readonly string[]): void {
    const parsed = prefixes.map((text) => parseSubnet(text.includes("/") ? text : `${text}/32`));
    // An address in a prefix is no second element.
    const own = parsed.filter(({ base, prefixLength }) =>
      parsed.every((each) => each.prefixLength >= prefixLength || !contains(each, base)),
    );
    const texts = own.map(({ base, prefixLength }) => `${formatAddress(base)}/${prefixLength}`);
    const peers = [...new Set(texts)].sort();
    if (peers.join() === this.#peers.join()) return;
    this.#peers = peers;
    if (this.#rules !== undefined) this.#install();
  }

  /** Removes our tables. Gone is fine. */
  remove(): void {
    this.#nft.run(`Cannot remove the packet rules of bridge "${this.#bridge}"`, this.#clear());
    this.#elements.clear();
    this.#rules = undefined;
  }

  [Symbol.dispose](): void {
    this.#nft[Symbol.dispose]();
  }

  async #replace(
    action: string,
    podUid: string,
    from: readonly StoreName[],
    elements: readonly Element[],
  ): Promise<void> {
    const wanted = new Set(elements.map(elementText));
    const old = [...this.#elements.values()].filter(
      (each) => each.podUid === podUid && from.includes(each.store),
    );
    const gone = old.filter((each) => !wanted.has(elementText(each)));
    const known = new Set(old.map(elementText));
    const fresh = elements.filter((each) => !known.has(elementText(each)));
    for (const { store, key } of gone) this.#elements.delete(`${store} ${key}`);
    this.#register(fresh);
    if (this.#rules === undefined) return;
    const changes = [
      ...gone.map((each) => elementChange(this.#table, each, true)),
      ...fresh.map((each) => elementChange(this.#table, each, false)),
    ];
    if (changes.length === 0) return;
    const change = this.#changed.then(async () => await this.#change(action, changes));
    // Who asked for it is told of its failure.
    this.#changed = change.catch(() => undefined);
    await change;
  }

  /** Changes elements in the kernel; the registry has them already. */
  async #change(action: string, changes: readonly ElementChange[]): Promise<void> {
    this.#changing++;
    try {
      const slow = failpointAside("net/firewall.change");
      if (slow !== undefined) await slow;
      this.#verified = await this.#changeNext(action, changes);
    } catch {
      // Someone flushed our tables: the registry has the new state, so write all of it.
      if (this.#rules !== undefined) this.#install();
    } finally {
      this.#changing--;
    }
  }

  /** @returns the generation that the change made, when everything was as it should be before it. */
  async #changeNext(
    action: string,
    changes: readonly ElementChange[],
  ): Promise<number | undefined> {
    const verified = this.#verified;
    try {
      await this.#nft.change(action, changes, verified);
      return verified === undefined ? undefined : verified + 1;
    } catch (error) {
      if (!(error instanceof SyscallError) || error.errno !== "ERESTART") throw error;
      // Somebody else changed rules, perhaps not ours: whether they are intact is looked at later.
      await this.#nft.change(action, changes);
      return undefined;
    }
  }

  #register(elements: readonly Element[]): void {
    for (const element of elements) {
      this.#elements.set(`${element.store} ${element.key}`, element);
    }
  }

  /** Rules and elements in the kernel; undefined when a table is missing. */
  #read(): RulesetState | undefined {
    const action = `Cannot read the packet rules of bridge "${this.#bridge}"`;
    const ip = this.#nft.listTable(action, "ip", this.#table);
    const bridge = this.#nft.listTable(action, "bridge", this.#table);
    return ip && bridge && splitRuleset([...ip, ...bridge]);
  }

  /** Commands that end without our tables whether or not they are there. */
  #clear(): string {
    return ["ip", "bridge"]
      .flatMap((family) => [
        `add table ${family} ${this.#table}`,
        `delete table ${family} ${this.#table}`,
      ])
      .join("\n");
  }

  #install(): void {
    const action = `Cannot write the packet rules of bridge "${this.#bridge}"`;
    this.#nft.run(action, `${this.#clear()}\n${this.#ruleset()}`);
    this.#verified = undefined;
    this.#rules = this.#read()?.rules ?? "";
  }

  #store(name: StoreName): string {
    const { key, value } = stores[name];
    const type = [key, ...(value === undefined ? [] : [value])]
      .map((parts) => parts.join(" . "))
      .join(" : ");
    const elements = [...this.#elements.values()].filter(({ store }) => store === name);
    const list = elements.map(elementText).join(", ");
    const kind = value === undefined ? "set" : "map";
    return `${kind} ${name} {
    type ${type}
    ${list === "" ? "" : `elements = { ${list} }`}
  }`;
  }

  #ruleset(): string {
    const bridge = `"${this.#bridge}"`;
    const subnet = this.#subnet;
    const peers = this.#peers.length === 0 ? "" : `{ ${this.#peers.join(", ")} }`;
    return `
table ip ${this.#table} {
  ${this.#store("host_port")}
  ${this.#store("any_port")}
  # route_localnet is on for the bridge: nothing from a pod may reach 127.0.0.0/8 (NET-03).
  chain guard {
    type filter hook prerouting priority -300; policy accept;
    iifname ${bridge} ip saddr 127.0.0.0/8 drop
    iifname ${bridge} ip daddr 127.0.0.0/8 drop
  }
  # Only what is for this host, never what passes through (NET-04); a neighbour that sends to
  # 127.0.0.1 is left to the kernel, which drops it (NET-05).
  chain prerouting {
    type nat hook prerouting priority -100; policy accept;
    ip daddr 127.0.0.0/8 return
    fib daddr type local jump publish
  }
  chain output {
    type nat hook output priority -100; policy accept;
    fib daddr type local jump publish
  }
  chain publish {
    dnat ip to ip daddr . meta l4proto . th dport map @host_port
    dnat ip to meta l4proto . th dport map @any_port
  }
  # From 127.0.0.1 of the host, from pods to published ports of pods (else the answer would go
  # past the translation; by address, as br_netfilter knows no input link here), and what leaves.
  chain postrouting {
    type nat hook postrouting priority 100; policy accept;
    oifname ${bridge} ip saddr 127.0.0.0/8 masquerade
    oifname ${bridge} ip saddr ${subnet} ip daddr ${subnet} ct status dnat masquerade
    ${peers === "" ? "" : `oifname != ${bridge} ip saddr ${subnet} ip daddr ${peers} return`}
    oifname != ${bridge} ip saddr ${subnet} ip daddr != ${subnet} masquerade
  }
  # A neighbour that routes to pod addresses through this host reaches published ports only (NET-05).
  chain forward {
    type filter hook forward priority 0; policy accept;
    ${peers === "" ? "" : `iifname != ${bridge} oifname ${bridge} ip saddr ${peers} accept`}
    iifname != ${bridge} oifname ${bridge} ct state new ct status ! dnat drop
  }
  # A pod that uses a published port of its neighbour must not be told the short way.
  chain redirects {
    type filter hook output priority 0; policy accept;
    oifname ${bridge} icmp type redirect drop
  }
}
table bridge ${this.#table} {
  ${this.#store("ports")}
  ${this.#store("pods")}
  # A pod sends IPv4 and ARP with its own addresses, and nothing else (NET-01, NET-02).
  chain prerouting {
    type filter hook prerouting priority -300; policy accept;
    iifname != @ports accept
    ether type ip iifname . ether saddr . ip saddr @pods accept
    ether type arp iifname . ether saddr . arp saddr ip @pods iifname . arp saddr ether . arp saddr ip @pods accept
    counter drop
  }
}
`;
  }
}

function portElement(podUid: string, address: string, port: HostPort): Element {
  const { hostPort, containerPort, protocol, hostIP = "" } = port;
  for (const number of [hostPort, containerPort]) {
    if (!Number.isInteger(number) || number < 1 || number > 65_535) {
      throw new PodError("InvalidArgument", `A port is a number from 1 to 65535: got ${number}`);
    }
  }
  const suffix = `${protocol.toLowerCase()} . ${hostPort}`;
  const value = `${formatAddress(parseAddress(address))} . ${containerPort}`;
  return hostIP === "" || hostIP === "0.0.0.0"
    ? { store: "any_port", key: suffix, value, podUid }
    : {
        store: "host_port",
        key: `${formatAddress(parseAddress(hostIP))} . ${suffix}`,
        value,
        podUid,
      };
}

/** An element as nft reads it. */
function elementText({ key, value, podUid }: Element): string {
  return `${key} comment "${podUid}"${value === undefined ? "" : ` : ${value}`}`;
}

const uidPattern = /^[0-9A-Za-z-]{1,64}$/;

function checkUid(podUid: string): void {
  if (uidPattern.test(podUid)) return;
  throw new PodError("InvalidArgument", `${JSON.stringify(podUid)} is not a pod's uid`);
}

function safeLink(name: string): string {
  if (/^[0-9A-Za-z]+$/.test(name)) return linkName(name);
  throw new PodError("InvalidArgument", `${JSON.stringify(name)} is not a link of a pod`);
}
