/** IPv4 prefixes as numbers: the arithmetic behind address pools. Pure. */
import { isIPv4 } from "node:net";
import { PodError } from "../base/errors.ts";

export interface Subnet {
  /** First address as a number, 0..2^32-1. */
  readonly base: number;
  /** 0..32. */
  readonly prefixLength: number;
  /** Number of addresses, network and broadcast address included. */
  readonly size: number;
}

/** "10.85.0.1" → number. @throws PodError InvalidArgument. */
export function parseAddress(text: string): number {
  if (!isIPv4(text)) {
    throw new PodError("InvalidArgument", `${JSON.stringify(text)} is not an IPv4 address`);
  }
  return text.split(".").reduce((sum, part) => sum * 256 + Number(part), 0);
}

export function formatAddress(address: number): string {
  return [24, 16, 8, 0].map((shift) => (address >>> shift) & 255).join(".");
}

/**
 * "10.85.0.0/16" → its numbers.
 * @throws PodError InvalidArgument when it is no prefix or has bits right of it.
 */
export function parseSubnet(text: string): Subnet {
  const [address = "", length = "", ...rest] = text.split("/");
  const prefixLength = Number(length);
  if (!/^\d{1,2}$/.test(length) || prefixLength > 32 || rest.length > 0 || !isIPv4(address)) {
    throw new PodError(
      "InvalidArgument",
      `${JSON.stringify(text)} is not an IPv4 subnet: write it like "10.85.0.0/16"`,
    );
  }
  const base = parseAddress(address);
  const size = 2 ** (32 - prefixLength);
  if (base % size !== 0) {
    const start = formatAddress(base - (base % size));
    throw new PodError(
      "InvalidArgument",
      `Subnet "${text}" does not start at its first address: did you mean "${start}/${prefixLength}"`,
    );
  }
  return { base, prefixLength, size };
}

export function contains(subnet: Subnet, address: number): boolean {
  return address >= subnet.base && address < subnet.base + subnet.size;
}
