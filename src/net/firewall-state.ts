/**
 * What libnftables lists of our tables, split into rules (compared as text) and elements (compared
 * as a set: the kernel lists them in any order). Pure. Source: libnftables-json(5).
 */
import { type ElementChange, keyBytes } from "../sys/nft-elements.ts";
import type { RulesetObject } from "../sys/nftables.ts";
import { ipv4Bytes, macBytes } from "../sys/rtnetlink.ts";

export type StoreName = "host_port" | "any_port" | "ports" | "pods";

/** One element in nft's words: `key` alone for sets, with `value` for maps. */
export interface Element {
  readonly store: StoreName;
  readonly key: string;
  readonly value?: string;
  readonly podUid: string;
}

/** How the kernel writes the parts of keys and values. */
type PartType = "ifname" | "ether_addr" | "ipv4_addr" | "inet_proto" | "inet_service";

/** A set, or with `value` a map. */
interface StoreType {
  readonly family: "ip" | "bridge";
  readonly key: readonly PartType[];
  readonly value?: readonly PartType[];
}

/** Where a pod's elements can be: sets and maps as in the rules of firewall.ts. */
export const stores: Readonly<Record<StoreName, StoreType>> = {
  host_port: {
    family: "ip",
    key: ["ipv4_addr", "inet_proto", "inet_service"],
    value: ["ipv4_addr", "inet_service"],
  },
  any_port: {
    family: "ip",
    key: ["inet_proto", "inet_service"],
    value: ["ipv4_addr", "inet_service"],
  },
  ports: { family: "bridge", key: ["ifname"] },
  pods: { family: "bridge", key: ["ifname", "ether_addr", "ipv4_addr"] },
};

const protocols = ["TCP", "UDP", "SCTP"] as const;
/** IPPROTO_* of linux/in.h. */
const protocolNumbers: Readonly<Record<string, number>> = { tcp: 6, udp: 17, sctp: 132 };
const linkNameSize = 16;

/** What a pod publishes; `hostIP` is absent for every address of the host. */
export interface HostPort {
  /** IPv4 address of the host to publish on; absent, "" or "0.0.0.0": every one. */
  readonly hostIP?: string;
  /** 1..65535. */
  readonly hostPort: number;
  /** 1..65535. */
  readonly containerPort: number;
  readonly protocol: "TCP" | "UDP" | "SCTP";
}

export interface RulesetState {
  /** Tables, sets without elements, chains and rules, without handles and counters. */
  readonly rules: string;
  readonly elements: readonly Element[];
}

/** @param objects - of `list table` in JSON. */
export function splitRuleset(objects: readonly RulesetObject[]): RulesetState {
  const rules: string[] = [];
  const elements: Element[] = [];
  for (const object of objects) {
    for (const [kind, body] of Object.entries(object)) {
      const { elem, ...rest } = body as { readonly elem?: unknown; readonly name?: string };
      if (kind === "set" || kind === "map") elements.push(...parseElements(rest.name ?? "", elem));
      rules.push(`${kind} ${JSON.stringify(rest, withoutNoise)}`);
    }
  }
  return { rules: rules.join("\n"), elements };
}

function withoutNoise(key: string, value: unknown): unknown {
  return key === "handle" || key === "counter" ? undefined : value;
}

/**
 * The elements of one set or map as firewall.ts writes them. An element without comment is not
 * ours and gets the uid "": it makes the tables differ.
 */
export function parseElements(store: string, list: unknown): Element[] {
  if (!Array.isArray(list)) return [];
  return list.map((item: unknown) => {
    // A map's element is the pair [key, value].
    const [left, right] = Array.isArray(item) ? (item as [unknown, unknown]) : [item, undefined];
    const { val, comment } = unwrap(left);
    return {
      store: store as StoreName,
      key: words(val, store).join(" . "),
      ...(right === undefined ? {} : { value: words(right, store).join(" . ") }),
      podUid: comment,
    };
  });
}

/** The port that an element publishes; undefined for elements of other stores. */
export function publishedPort({ store, key, value = "" }: Element): HostPort | undefined {
  if (store !== "any_port" && store !== "host_port") return undefined;
  const [number, protocol, hostIP] = key.split(" . ").reverse();
  return {
    ...(hostIP === undefined ? {} : { hostIP }),
    hostPort: Number(number),
    containerPort: Number(value.split(" . ")[1]),
    protocol: protocols.find((name) => name.toLowerCase() === protocol) ?? "TCP",
  };
}

/** The change of an element as the kernel takes it; see nft-elements.ts. */
export function elementChange(table: string, element: Element, isGone: boolean): ElementChange {
  const { store, key, value, podUid } = element;
  const types = stores[store];
  return {
    family: types.family,
    table,
    set: store,
    key: bytesOf(key, types.key),
    ...(value === undefined || types.value === undefined
      ? {}
      : { value: bytesOf(value, types.value) }),
    comment: podUid,
    isGone,
  };
}

function bytesOf(words: string, types: readonly PartType[]): Buffer {
  const parts = words.split(" . ");
  return keyBytes(types.map((type, index) => partBytes[type](parts[index] ?? "")));
}

const partBytes: Readonly<Record<PartType, (word: string) => Buffer>> = {
  ifname: (word) => {
    const bytes = Buffer.alloc(linkNameSize);
    bytes.write(word.slice(1, -1));
    return bytes;
  },
  ether_addr: macBytes,
  ipv4_addr: ipv4Bytes,
  inet_proto: (word) => Buffer.from([protocolNumbers[word] ?? Number(word)]),
  inet_service: (word) => {
    const bytes = Buffer.alloc(2);
    bytes.writeUInt16BE(Number(word));
    return bytes;
  },
};

function unwrap(item: unknown): { readonly val: unknown; readonly comment: string } {
  if (typeof item !== "object" || item === null || !("elem" in item)) {
    return { val: item, comment: "" };
  }
  const { val, comment = "" } = item.elem as { readonly val: unknown; readonly comment?: string };
  return { val, comment };
}

function words(value: unknown, store: string): string[] {
  const parts =
    typeof value === "object" && value !== null && "concat" in value
      ? (value.concat as readonly unknown[])
      : [value];
  // Link names are the first part of their keys and stand in quotes.
  const isLink = store === "ports" || store === "pods";
  return parts.map((part, index) => (isLink && index === 0 ? `"${String(part)}"` : String(part)));
}
