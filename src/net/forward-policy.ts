/**
 * Rules of others that stop pods: a base chain of the forward hook whose policy is drop (Docker,
 * ufw, firewalld) drops what our own tables accepted, and only its owner may change that. Doctor
 * and warnings name it. Source: nft(8), "all base chains of a hook are asked".
 */
import { Nftables, type RulesetObject } from "../sys/nftables.ts";

/** Names such as `ip filter FORWARD`; pure. @param objects - of `list chains` in JSON. */
export function forwardDrops(objects: readonly RulesetObject[]): string[] {
  return objects.flatMap(({ chain }) => {
    const { family, table, name, hook, policy } = (chain ?? {}) as Readonly<
      Record<string, unknown>
    >;
    const concerns = ["ip", "inet", "bridge"].includes(String(family));
    return hook === "forward" && policy === "drop" && concerns
      ? [`${family} ${table} ${name}`]
      : [];
  });
}

/** The chains of this machine that drop what is forwarded, unless their own rules accept it. */
export function findForwardDrops(): string[] {
  using nft = new Nftables();
  return forwardDrops(nft.list("Cannot list the chains of packet rules", "list chains"));
}
