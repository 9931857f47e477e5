/**
 * The host's main IPv4 address (`status.hostIP`) and the link that has it: that of the default
 * route with the lowest metric; without one the first address that is not loopback.
 */
import { readFileSync } from "node:fs";
import { type NetworkInterfaceInfo, networkInterfaces } from "node:os";

export interface NodeAddress {
  readonly address: string;
  /** Name of the link; absent when only loopback is there. */
  readonly link?: string;
}

/** The link of the best default route in the text of /proc/net/route. Pure. */
export function defaultRouteLink(table: string): string | undefined {
  const rows = table
    .split("\n")
    .slice(1)
    .map((row) => row.trim().split(/\s+/))
    // Iface Destination Gateway Flags RefCnt Use Metric Mask; flag 1 is RTF_UP.
    .filter(([, destination, , flags = "0", , , , mask]) => {
      return destination === "00000000" && mask === "00000000" && Number(`0x${flags}`) & 1;
    });
  rows.sort((left, right) => Number(left[6]) - Number(right[6]));
  return rows[0]?.[0];
}

/** Chooses among links; pure. @param preferred - the default route's link. */
export function chooseAddress(
  links: Readonly<
    Record<
      string,
      readonly Pick<NetworkInterfaceInfo, "address" | "family" | "internal">[] | undefined
    >
  >,
  preferred: string | undefined,
): NodeAddress {
  const names = Object.keys(links);
  const order = preferred === undefined ? names : [preferred, ...names];
  for (const link of order) {
    const found = links[link]?.find((each) => each.family === "IPv4" && !each.internal);
    if (found !== undefined) return { address: found.address, link };
  }
  return { address: "127.0.0.1" };
}

/** The address of this machine as it is now. @param ignore - our own bridge: no way in. */
export function nodeAddress(ignore?: string): NodeAddress {
  const links = { ...networkInterfaces() };
  if (ignore !== undefined) delete links[ignore];
  return chooseAddress(links, defaultRouteLink(readFileSync("/proc/net/route", "utf8")));
}
