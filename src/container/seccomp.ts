/**
 * Seccomp filters of containers, compiled once and kept: the default one for a set of capabilities, and those of
 * profile files of the node.
 *
 * Kept in memory and in `<folder>/<hash>.bpf`, because compiling takes about 20 ms. The name is a hash of the
 * profile; the file starts with the SHA-256 of what follows, so a damaged one is made again, never installed.
 */
import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { atomicWrite } from "../base/atomic-write.ts";
import { hasCode, messageOf, PodError } from "../base/errors.ts";
import type { CapabilityName } from "../spec/capabilities.ts";
import { buildFilter, type FilterProfile, type SyscallRule } from "../sys/seccomp.ts";
import { parseSeccompProfile } from "./seccomp-profile.ts";
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
/** Default filters by folder and what they depend on: making the profile takes longer than finding its filter. */
const defaults = new Map<string, Buffer>();

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
  const key = [folder, options.compat32 ?? false, ...capabilities].join(" ");
  const known = defaults.get(key);
  if (known) return known;
  const filter = compiled(defaultProfile(capabilities, options), folder);
  defaults.set(key, filter);
  return filter;
}

/** A filter and how it is installed. */
export interface SeccompFilter {
  /** `struct sock_filter[]` */
  readonly program: Buffer;
  /** Refused calls are written to the audit log. */
  readonly logs: boolean;
  /** Phrase or field that it comes from. */
  readonly origin: string;
}

/** Files above this are no profiles (security: R9). */
const maxProfileBytes = 1 << 20;

/**
 * The filter of a profile file.
 * @param path - absolute; @param folder - for compiled filters
 * @throws PodError with reason CreateContainerError when the file is missing or no profile
 */
export function localhostSeccomp(path: string, folder: string): Omit<SeccompFilter, "origin"> {
  const refuse = (why: string, cause: unknown): PodError =>
    new PodError("FailedPrecondition", `cannot load seccomp profile "${path}": ${why}`, {
      cause,
      data: { reason: "CreateContainerError" },
    });
  let text: string;
  try {
    const { size } = statSync(path);
    if (size > maxProfileBytes)
      throw refuse(`it has more than ${maxProfileBytes} bytes`, undefined);
    text = readFileSync(path, "utf8");
  } catch (error) {
    if (hasCode(error, "ENOENT", "ENOTDIR")) {
      throw refuse(`open ${path}: no such file or directory`, error);
    }
    if (hasCode(error, "EISDIR")) throw refuse(`read ${path}: is a directory`, error);
    throw error;
  }
  try {
    const { filter, logs } = parseSeccompProfile(text);
    return { program: compiled(filter, folder), logs };
  } catch (error) {
    throw refuse(messageOf(error), error);
  }
}

function compiled(profile: FilterProfile, folder: string): Buffer {
  const key = createHash("sha256")
    .update(JSON.stringify([format, process.arch, profile], bigintText))
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

function bigintText(_key: string, value: unknown): unknown {
  return typeof value === "bigint" ? String(value) : value;
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
