/**
 * What the daemon is told: flags win over NSPOD_* variables, these over defaults. Everything is
 * checked before anything is touched, and one sentence per mistake says what would be right.
 */
import { isIP } from "node:net";
import { parseArgs } from "node:util";
import { messageOf, PodError } from "../base/errors.ts";
import { defaultInstance, type Instance, instanceVariable } from "../base/instance.ts";
import { bridgeName } from "../net/bridge.ts";
import { contains, parseSubnet } from "../net/ipv4.ts";
import { isSysctlName, normalSysctlName, sysctlNamespace } from "../spec/validate-sysctls.ts";

export const logLevels = ["trace", "debug", "info", "warn", "error", "fatal", "silent"] as const;

export type LogLevel = (typeof logLevels)[number];

export interface Configuration {
  readonly instance: Instance;
  /** Refuse pods whose limits this machine cannot enforce, instead of warning. */
  readonly enforceLimits: boolean;
  /** Sysctls, or patterns like "net.core.*", that pods may set besides the safe ones. */
  readonly allowedUnsafeSysctls: readonly string[];
  readonly logLevel: LogLevel;
  /** Started by a command: says on fd 3 when it listens, and ends itself when idle and empty. */
  readonly onDemand: boolean;
  /** Prefix out of which other nodes get those of their pods; absent: they get none. */
  readonly clusterCidr?: string;
  /** IPv4 address of the node for others; absent: that of its default route. */
  readonly nodeIp?: string;
  /** How long a node may be silent before its pods are replaced. */
  readonly nodeGraceMs: number;
  /** Also serve the API on TCP with TLS; absent: nothing but the unix socket. */
  readonly listen?: ListenAddress;
}

export interface ListenAddress {
  /** An address of this machine, IPv4 or IPv6 without brackets. */
  readonly host: string;
  /** 0: any free port. */
  readonly port: number;
}

const flags = {
  root: { type: "string" },
  run: { type: "string" },
  bridge: { type: "string" },
  subnet: { type: "string" },
  "service-subnet": { type: "string" },
  cgroup: { type: "string" },
  "enforce-limits": { type: "boolean" },
  "allowed-unsafe-sysctls": { type: "string" },
  "log-level": { type: "string" },
  listen: { type: "string" },
  "cluster-cidr": { type: "string" },
  "node-ip": { type: "string" },
  "node-monitor-grace-period": { type: "string" },
  "on-demand": { type: "boolean" },
} as const;

/** Used unless one of the instance's own prefixes has a part of it. */
const defaultClusterCidr = "10.87.0.0/16";

/** That of Kubernetes. */
const defaultGracePeriod = "40s";

/** Longest run folder: sun_path has 107 bytes, and room is left for what is put below. */
const maxRunBytes = 60;

/**
 * @param args - without the program's name.
 * @throws PodError InvalidArgument; data.issues has every mistake.
 */
export function readConfiguration(
  args: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
): Configuration {
  const given = parseFlags(args);
  const issues: { path: string; message: string }[] = [];
  const check = <T>(flag: string, read: () => T, fallback: T): T => {
    try {
      return read();
    } catch (error) {
      issues.push({ path: `--${flag}`, message: messageOf(error) });
      return fallback;
    }
  };
  const text = (name: keyof Instance, read: (value: string) => string): string => {
    const flag = name === "serviceSubnet" ? "service-subnet" : name;
    const value = given[flag] ?? (env[instanceVariable(name)] || defaultInstance[name]);
    return check(flag, () => read(value), value);
  };
  const instance: Instance = {
    root: text("root", readFolder),
    run: text("run", readRunFolder),
    bridge: text("bridge", bridgeName),
    subnet: text("subnet", readSubnet),
    serviceSubnet: text("serviceSubnet", readSubnet),
    cgroup: text("cgroup", readCgroup),
  };
  if (instance.root === instance.run) {
    issues.push({
      path: "--run",
      message: `must be another folder than --root: got both "${instance.run}"`,
    });
  }
  if (issues.length === 0 && overlap(instance.subnet, instance.serviceSubnet)) {
    issues.push({
      path: "--service-subnet",
      message: `must not overlap --subnet: got "${instance.serviceSubnet}" and "${instance.subnet}"`,
    });
  }
  const wantedCidr = given["cluster-cidr"] || env["NSPOD_CLUSTER_CIDR"];
  const clusterCidr = check("cluster-cidr", () => readSubnet(wantedCidr || defaultClusterCidr), "");
  const isApart =
    issues.length === 0 &&
    ![instance.subnet, instance.serviceSubnet].some((own) => overlap(own, clusterCidr));
  if (issues.length === 0 && wantedCidr && !isApart) {
    issues.push({
      path: "--cluster-cidr",
      message: `must not overlap --subnet and --service-subnet: got "${clusterCidr}"`,
    });
  }
  const nodeIp = check(
    "node-ip",
    () => readNodeIp(given["node-ip"] || env["NSPOD_NODE_IP"] || undefined),
    undefined,
  );
  const listen = check(
    "listen",
    () => readListenAddress(given.listen ?? env["NSPOD_LISTEN"] ?? ""),
    undefined,
  );
  const configuration: Configuration = {
    instance,
    enforceLimits: check(
      "enforce-limits",
      () => given["enforce-limits"] ?? readFlag(env["NSPOD_ENFORCE_LIMITS"]),
      false,
    ),
    allowedUnsafeSysctls: check(
      "allowed-unsafe-sysctls",
      () =>
        readSysctlPatterns(
          given["allowed-unsafe-sysctls"] ?? env["NSPOD_ALLOWED_UNSAFE_SYSCTLS"] ?? "",
        ),
      [],
    ),
    logLevel: check(
      "log-level",
      () => readLevel(given["log-level"] ?? (env["NSPOD_LOG_LEVEL"] || "info")),
      "info",
    ),
    onDemand: given["on-demand"] ?? false,
    nodeGraceMs: check(
      "node-monitor-grace-period",
      () =>
        readGracePeriod(
          given["node-monitor-grace-period"] ??
            (env["NSPOD_NODE_MONITOR_GRACE_PERIOD"] || defaultGracePeriod),
        ),
      0,
    ),
    ...(isApart && { clusterCidr }),
    ...(listen !== undefined && { listen }),
    ...(nodeIp !== undefined && { nodeIp }),
  };
  if (issues.length === 0) return configuration;
  const lines = issues.map(({ path, message }) => `${path}: ${message}`);
  throw new PodError("InvalidArgument", lines.join("\n"), { data: { issues } });
}

function parseFlags(args: readonly string[]) {
  try {
    return parseArgs({ args: [...args], options: flags, strict: true }).values;
  } catch (cause) {
    throw new PodError("InvalidArgument", messageOf(cause), { cause });
  }
}

/** A folder that can stand in mount options, socket paths and listings as it is. */
function readFolder(value: string): string {
  const isPlain = value.startsWith("/") && !/[\s:,\\"\x00-\x1f\x7f]/.test(value);
  if (!isPlain) {
    throw invalid(`must be an absolute path without spaces, ":", ",", "\\" and quotes`, value);
  }
  const parts = value.split("/").filter((part) => part !== "" && part !== ".");
  if (parts.length === 0 || parts.includes("..")) {
    throw invalid('must be a folder below "/" and not contain ".."', value);
  }
  return `/${parts.join("/")}`;
}

function readNodeIp(value: string | undefined): string | undefined {
  if (value === undefined || isIP(value) === 4) return value;
  throw invalid("must be an IPv4 address", value);
}

function readRunFolder(value: string): string {
  const folder = readFolder(value);
  const bytes = Buffer.byteLength(folder);
  if (bytes <= maxRunBytes) return folder;
  throw new PodError(
    "InvalidArgument",
    `must have at most ${maxRunBytes} bytes, because socket paths below it are limited to 107: got ${bytes}`,
  );
}

// RFC 1918 and RFC 6598: addresses that nobody reaches through the internet.
const privateSubnets = ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10"];

function readSubnet(value: string): string {
  const { base, prefixLength } = parseSubnet(value);
  if (prefixLength < 8 || prefixLength > 28) {
    throw invalid("must have a prefix length of 8 to 28", value);
  }
  const isPrivate = privateSubnets.some((text) => {
    const known = parseSubnet(text);
    return prefixLength >= known.prefixLength && contains(known, base);
  });
  if (!isPrivate) throw invalid(`must lie in one of ${privateSubnets.join(", ")}`, value);
  return value;
}

function overlap(one: string, other: string): boolean {
  const [a, b] = [parseSubnet(one), parseSubnet(other)];
  return contains(a, b.base) || contains(b, a.base);
}

function readCgroup(value: string): string {
  if (/^(?:\/(?!\.{1,2}(?:\/|$))[A-Za-z0-9_.@:-]{1,255})+$/.test(value)) return value;
  throw invalid('must begin with "/" and name a cgroup below the root, like "/nspod"', value);
}

/** As the kubelet's option: names and beginnings with "*", of sysctls that a pod has for itself. */
function readSysctlPatterns(value: string): readonly string[] {
  const patterns = value.split(",").flatMap((word) => word.trim() || []);
  const wrong = patterns.find(
    (pattern) =>
      !isSysctlName(pattern.replace(/(?:[./]\*|\*)$/, "")) ||
      sysctlNamespace(normalSysctlName(pattern)) === undefined,
  );
  if (wrong === undefined) return patterns;
  throw invalid(
    'must be names or patterns of namespaced sysctls, like "kernel.msg*,net.core.somaxconn"',
    wrong,
  );
}

/** `127.0.0.1:6443`, `[::1]:6443`. */
function readListenAddress(value: string): ListenAddress | undefined {
  if (value === "") return undefined;
  const [, bracketed, plain, digits] = /^(?:\[([^\]]+)\]|([^:]+)):(\d{1,5})$/.exec(value) ?? [];
  const host = bracketed ?? plain ?? "";
  const port = Number(digits);
  if (isIP(host) !== 0 && port <= 65_535) return { host, port };
  throw invalid('must be an address of this machine and a port, like "127.0.0.1:6443"', value);
}

/** `40s`, `500ms`, `2m`. @returns milliseconds. */
function readGracePeriod(value: string): number {
  const [, amount, unit] = /^([1-9]\d{0,8})(ms|s|m)$/.exec(value) ?? [];
  if (amount !== undefined)
    return Number(amount) * (unit === "m" ? 60_000 : unit === "s" ? 1000 : 1);
  throw invalid('must be a time like "40s", "500ms" or "2m"', value);
}

function readLevel(value: string): LogLevel {
  const level = logLevels.find((known) => known === value);
  if (level === undefined) throw invalid(`must be one of ${logLevels.join(", ")}`, value);
  return level;
}

function readFlag(value: string | undefined): boolean {
  if (value === undefined || value === "" || value === "0" || value === "false") return false;
  if (value === "1" || value === "true") return true;
  throw invalid("NSPOD_ENFORCE_LIMITS must be true or false", value);
}

function invalid(rule: string, value: string): PodError {
  return new PodError("InvalidArgument", `${rule}: got "${value}"`);
}
