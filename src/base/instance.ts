/**
 * One nspod instance: where its state lives and which kernel objects are its own. A second
 * instance with other values shares nothing with the first; tests use that.
 *
 *   root/  0700  nspod.db, images/, layers/, pods/<uid>/     survives a reboot
 *   run/   0711  nspod.sock, daemon.lock, pods/<uid>/ 0700   a tmpfs: empty after a reboot
 */
import { join } from "node:path";

export interface Instance {
  /** Absolute folder of durable state, default /var/lib/nspod. */
  readonly root: string;
  /** Absolute folder of runtime state, default /run/nspod. */
  readonly run: string;
  /** Name of the bridge, 1..15 bytes, default nspod0. */
  readonly bridge: string;
  /** IPv4 prefix of the pods, default 10.85.0.0/16. The first address is the bridge's. */
  readonly subnet: string;
  /** IPv4 prefix of the virtual addresses of Services, default 10.96.0.0/16; no part of the other one. */
  readonly serviceSubnet: string;
  /** Cgroup below the cgroup v2 mount, begins with "/", default /nspod. */
  readonly cgroup: string;
}

export const defaultInstance: Instance = {
  root: "/var/lib/nspod",
  run: "/run/nspod",
  bridge: "nspod0",
  subnet: "10.85.0.0/16",
  serviceSubnet: "10.96.0.0/16",
  cgroup: "/nspod",
};

/** The environment variable of a setting: `serviceSubnet` → `NSPOD_SERVICE_SUBNET`. */
export function instanceVariable(name: keyof Instance): string {
  return `NSPOD_${name.replace(/[A-Z]/g, "_$&").toUpperCase()}`;
}

/** The path of the API socket. */
export function apiSocketPath(instance: Instance): string {
  return join(instance.run, "nspod.sock");
}
