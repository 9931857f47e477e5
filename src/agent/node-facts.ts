/** What this machine is and has, for its Node object. Read once or every few seconds; nothing here waits for long. */
import { readdirSync, readFileSync, statfsSync } from "node:fs";
import { arch, availableParallelism, hostname, release, totalmem } from "node:os";
import { join } from "node:path";
import { hasCode } from "../base/errors.ts";

/** What does not change while the machine runs. */
export interface MachineFacts {
  readonly hostname: string;
  /** As Go calls it: amd64, arm64. */
  readonly architecture: string;
  readonly kernel: string;
  readonly bootId: string;
  readonly machineId: string;
  readonly systemUuid: string;
  /** PRETTY_NAME of os-release. */
  readonly osImage: string;
  readonly processors: number;
  readonly memoryBytes: number;
}

/** What is left of what runs out. */
export interface Levels {
  readonly diskBytes: number;
  readonly freeDiskBytes: number;
  readonly files: number;
  readonly freeFiles: number;
  /** MemAvailable. */
  readonly freeMemoryBytes: number;
  /** Threads that run, and the most that the kernel allows. */
  readonly threads: number;
  readonly maxThreads: number;
  /** Bytes set aside for huge pages, by size in bytes. */
  readonly hugePages: ReadonlyMap<number, number>;
}

export function readMachine(): MachineFacts {
  const machineId = textOf("/etc/machine-id");
  const uuid = machineId.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
  return {
    hostname: hostname(),
    architecture: goArchitecture(arch()),
    kernel: release(),
    bootId: textOf("/proc/sys/kernel/random/boot_id"),
    machineId,
    systemUuid: textOf("/sys/class/dmi/id/product_uuid").toLowerCase() || uuid,
    osImage: /^PRETTY_NAME="?(.*?)"?$/m.exec(textOf("/etc/os-release"))?.[1] ?? "Linux",
    processors: availableParallelism(),
    memoryBytes: totalmem(),
  };
}

/** @param folder - on the file system that pods fill. */
export function readLevels(folder: string): Levels {
  const { bsize, blocks, bavail, files, ffree } = statfsSync(folder);
  const meminfo = textOf("/proc/meminfo");
  const [, threads = "0"] = (textOf("/proc/loadavg").split(" ")[3] ?? "").split("/");
  const limits = ["pid_max", "threads-max"].map((name) =>
    Number(textOf(`/proc/sys/kernel/${name}`)),
  );
  return {
    diskBytes: bsize * blocks,
    freeDiskBytes: bsize * bavail,
    files,
    freeFiles: ffree,
    freeMemoryBytes: 1024 * Number(/^MemAvailable:\s+(\d+)/m.exec(meminfo)?.[1] ?? 0),
    threads: Number(threads),
    maxThreads: Math.min(...limits.filter((limit) => limit > 0)),
    hugePages: readHugePages(),
  };
}

/** The name that Kubernetes gives a node: the host's, in lower case, without what a DNS name may not have. */
export function nodeNameOf(host: string): string {
  const name = host
    .trim()
    .toLowerCase()
    .replace(/[^a-z0-9.-]+/g, "-")
    .replace(/[.-]*\.[.-]*/g, ".")
    .replace(/^[.-]+|[.-]+$/g, "")
    .slice(0, 63)
    .replace(/[.-]+$/, "");
  return name === "" ? "node" : name;
}

function readHugePages(): ReadonlyMap<number, number> {
  const folder = "/sys/kernel/mm/hugepages";
  const sizes = namesIn(folder).flatMap((name) => {
    const kilobytes = /^hugepages-(\d+)kB$/.exec(name)?.[1];
    if (kilobytes === undefined) return [];
    const bytes = 1024 * Number(kilobytes);
    return [[bytes, bytes * Number(textOf(join(folder, name, "nr_hugepages")))] as const];
  });
  return new Map(sizes);
}

function goArchitecture(name: string): string {
  return name === "x64" ? "amd64" : name;
}

/** Trimmed; "" for what this machine does not have or show. */
function textOf(path: string): string {
  try {
    return readFileSync(path, "utf8").trim();
  } catch (error) {
    if (hasCode(error, "ENOENT", "EACCES", "EPERM", "ENXIO")) return "";
    throw error;
  }
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch (error) {
    if (hasCode(error, "ENOENT")) return [];
    throw error;
  }
}
