/**
 * The default seccomp filter for a set of capabilities, compiled once and kept.
 *
 * Kept in memory and in `<folder>/<hash>.bpf`, because compiling takes about 20 ms. The name is a hash of the
 * profile; the file starts with the SHA-256 of what follows, so a damaged one is made again, never installed.
 */
import { createHash } from "node:crypto";
import { mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { atomicWrite } from "../base/atomic-write.ts";
import { hasCode } from "../base/errors.ts";
import type { CapabilityName } from "../spec/capabilities.ts";
import { buildFilter, type FilterProfile, type SyscallRule } from "../sys/seccomp.ts";
import {
  allowedFamilies,
  allowedPersonalities,
  allowedSyscalls,
  architectureSyscalls,
  capabilitySyscalls,
  cloneNamespaceFlags,
  newestSyscall,
  recentSyscalls,
} from "./seccomp-table.ts";

export interface SeccompOptions {
  /** Lets programs for the 32-bit ABI run; its socketcall cannot be filtered by address family. Default false. */
  readonly compat32?: boolean;
}

/** Filters by the path of their file. */
const filters = new Map<string, Buffer>();

/** Changes when this module or sys/seccomp.ts compiles the same profile differently. */
const format = 1;

/**
 * The filter of a container that has these capabilities, as bytes of `struct sock_filter`.
 * @param folder - absolute folder for compiled filters; made when it is missing
 */
export function defaultSeccomp(
  capabilities: readonly CapabilityName[],
  folder: string,
  options: SeccompOptions = {},
): Buffer {
  const profile = defaultProfile(capabilities, options);
  const key = createHash("sha256")
    .update(JSON.stringify([format, process.arch, profile]))
    .digest("hex");
  const path = join(folder, `${key}.bpf`);
  const known = filters.get(path);
  if (known) return known;
  let filter = readFilter(path);
  if (filter === undefined) {
    filter = buildFilter(profile);
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    // Without fsync: what a power cut leaves has a wrong checksum and is made again.
    atomicWrite(path, Buffer.concat([checksum(filter), filter]), { durable: false });
  }
  filters.set(path, filter);
  return filter;
}

/** The rules for a set of capabilities. */
export function defaultProfile(
  capabilities: readonly CapabilityName[],
  options: SeccompOptions = {},
): FilterProfile {
  const granted = capabilities.flatMap((name) => capabilitySyscalls[name] ?? []);
  const allowed = new Set([
    ...allowedSyscalls,
    ...(architectureSyscalls[process.arch] ?? []),
    ...granted,
  ]);
  return {
    rules: [
      { names: [...allowed].toSorted(), action: "allow" },
      ...(allowed.has("clone") ? [] : restrictedClone),
      ...allowedFamilies.map((family) => allowWhen("socket", family.mask, family.value)),
      ...allowedPersonalities.map((value) => allowWhen("personality", 0xffff_ffff, value)),
    ],
    recentSyscalls,
    newestSyscall,
    compat32: options.compat32 ?? false,
  };
}

function allowWhen(name: string, mask: number, value: number): SyscallRule {
  return { names: [name], action: "allow", tests: [{ argument: 0, mask, value }] };
}

/** No new namespaces. clone3 has its flags in memory, where no filter can look: libraries fall back to clone. */
const restrictedClone: readonly SyscallRule[] = [
  allowWhen("clone", cloneNamespaceFlags, 0),
  { names: ["clone3"], action: "ENOSYS" },
];

const checksumSize = 32;

function checksum(filter: Buffer): Buffer {
  return createHash("sha256").update(filter).digest();
}

function readFilter(path: string): Buffer | undefined {
  try {
    const bytes = readFileSync(path);
    const filter = bytes.subarray(checksumSize);
    return checksum(filter).equals(bytes.subarray(0, checksumSize)) ? filter : undefined;
  } catch (error) {
    if (hasCode(error, "ENOENT")) return undefined;
    throw error;
  }
}
