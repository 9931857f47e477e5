/**
 * What libnftables lists of our tables, split into rules (compared as text) and elements (compared
 * as a set: the kernel lists them in any order). Pure. Source: libnftables-json(5).
 */
import type { RulesetObject } from "../sys/nftables.ts";

/** Sets and maps by family: where a pod's elements can be. */
export const stores: Readonly<
  Record<"host_port" | "any_port" | "ports" | "pods", "ip" | "bridge">
> = {
  host_port: "ip",
  any_port: "ip",
  ports: "bridge",
  pods: "bridge",
};

export type StoreName = keyof typeof stores;

/** One element in nft's words: `key` alone for sets, with `value` for maps. */
export interface Element {
  readonly store: StoreName;
  readonly key: string;
  readonly value?: string;
  readonly podUid: string;
}

const protocols = ["TCP", "UDP", "SCTP"] as const;

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
