/** What a debug container may do, by name. Source: Kubernetes KEP-1441, "Debugging profiles". */
export const debugProfiles = [
  "general",
  "baseline",
  "restricted",
  "netadmin",
  "sysadmin",
  "legacy",
] as const;

export type DebugProfile = (typeof debugProfiles)[number];
