/**
 * The table `ip nspod_<bridge>_svc` in the kernel: what service-table.ts wants, written as differences and put back
 * when somebody else changed it (security: NET-06). Which client sits at which endpoint is the kernel's knowledge
 * and survives both, also a new daemon.
 */
import { Nftables, type RulesetObject } from "../sys/nftables.ts";
import { bridgeName } from "./bridge.ts";
import {
  changedTable,
  type KnownNames,
  type ServiceNetwork,
  type ServiceTable,
  wholeTable,
} from "./service-table.ts";

export class ServiceFirewall implements Disposable {
  readonly #network: ServiceNetwork;
  readonly #table: string;
  readonly #nft: Nftables;
  #current: ServiceTable | undefined;
  /** The table as the kernel printed it when it was right; undefined: not looked at since the last change. */
  #seen: string | undefined;
  /** Generation of the kernel's ruleset at which everything was as it should be. */
  #verified: number | undefined;

  constructor(network: ServiceNetwork) {
    this.#network = network;
    this.#table = `nspod_${bridgeName(network.bridge)}_svc`;
    this.#nft = new Nftables();
  }

  /** Makes the kernel's table the one that is wanted. */
  apply(next: ServiceTable): void {
    const before = this.#current;
    this.#current = next;
    if (before === undefined) {
      this.#install(next);
      return;
    }
    const commands = changedTable(this.#table, before, next);
    if (commands === "") return;
    const generation = this.#nft.generation();
    this.#seen = undefined;
    try {
      this.#nft.run("Cannot change the packet rules of Services", commands);
      const isOnlyOurs = generation === this.#verified && this.#nft.generation() === generation + 1;
      this.#verified = isOnlyOurs ? generation + 1 : undefined;
    } catch {
      // Somebody flushed or changed the table: write all of it.
      this.#install(next);
    }
  }

  /** Puts back what somebody else changed; free while nobody changes any rules. */
  ensure(): void {
    const wanted = this.#current;
    if (wanted === undefined) return;
    const generation = this.#nft.generation();
    if (generation === this.#verified) return;
    if (this.#seen === undefined || this.#seen !== printed(this.#list())) this.#install(wanted);
    else this.#verified = generation;
  }

  /** Removes the table. Gone is fine. */
  remove(): void {
    this.#nft.run("Cannot remove the packet rules of Services", this.#clear());
    this.#current = undefined;
    this.#seen = undefined;
  }

  [Symbol.dispose](): void {
    this.#nft[Symbol.dispose]();
  }

  #install(wanted: ServiceTable): void {
    const action = "Cannot write the packet rules of Services";
    const write = (known: KnownNames): string =>
      wholeTable(this.#table, wanted, this.#network, known);
    try {
      this.#nft.run(action, write(knownNames(this.#list())));
    } catch {
      // Something of another type has one of our names: nothing of it is kept.
      this.#nft.run(action, `${this.#clear()}\n${write({ chains: [], clients: [] })}`);
    }
    const generation = this.#nft.generation();
    this.#seen = printed(this.#list());
    // From before the look: what changed meanwhile is looked at next time.
    this.#verified = generation;
  }

  #clear(): string {
    return `add table ip ${this.#table}\ndelete table ip ${this.#table}`;
  }

  #list(): readonly RulesetObject[] {
    const action = "Cannot read the packet rules of Services";
    return this.#nft.listTable(action, "ip", this.#table) ?? [];
  }
}

/** What an object of the listing is called. */
function nameOf(body: unknown): string {
  return String((body as { readonly name?: unknown } | undefined)?.name ?? "");
}

function knownNames(objects: readonly RulesetObject[]): KnownNames {
  return {
    chains: objects.flatMap(({ chain }) => (chain === undefined ? [] : [nameOf(chain)])),
    clients: objects
      .flatMap(({ set }) => (set === undefined ? [] : [nameOf(set)]))
      .filter((name) => name.startsWith("aff_")),
  };
}

/** The table as a text that is the same as long as the rules are: elements sorted, clients and handles left out. */
export function printed(objects: readonly RulesetObject[]): string {
  return objects
    .map((object) => {
      const [[kind, body] = ["", {}]] = Object.entries(object);
      const { elem, handle: _, ...rest } = body as { elem?: unknown; handle?: unknown };
      const isClients = nameOf(body).startsWith("aff_");
      const list =
        Array.isArray(elem) && !isClients ? elem.map((each) => JSON.stringify(each)) : [];
      return `${kind} ${JSON.stringify(rest)} ${list.sort().join(" ")}`;
    })
    .join("\n");
}
