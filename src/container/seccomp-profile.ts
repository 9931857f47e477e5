/**
 * Reads a seccomp profile in the JSON form of the OCI runtime specification, as kubelets have it below
 * their seccomp folder. Pure.
 *
 * Two rules of runc are kept, because profiles rely on them: several conditions on one argument are
 * alternatives, and calls that are newer than every name in the profile are ENOSYS, not refused, so that
 * libraries fall back. Source: OCI runtime-spec config-linux.md "Seccomp"; seccomp_rule_add(3).
 */
import { messageOf, PodError } from "../base/errors.ts";
import { errnos } from "../sys/abi.ts";
import {
  type ArgumentTest,
  type Comparison,
  type FilterAction,
  type FilterProfile,
  highestSyscall,
  type SyscallRule,
} from "../sys/seccomp.ts";
import { recentSyscalls } from "./seccomp-table.ts";

export interface SeccompProfile {
  readonly filter: FilterProfile;
  /** SECCOMP_FILTER_FLAG_LOG: refused calls are written to the audit log. */
  readonly logs: boolean;
}

/** @throws PodError InvalidArgument that names the place in the file. */
export function parseSeccompProfile(text: string): SeccompProfile {
  const profile = asObject(parse(text), "");
  const defaultAction = readAction(profile["defaultAction"], profile["defaultErrnoRet"], {
    action: "defaultAction",
    errno: "defaultErrnoRet",
  });
  const rules = asList(profile["syscalls"], "syscalls").flatMap((entry, index) =>
    readRules(asObject(entry, `syscalls[${index}]`), `syscalls[${index}]`),
  );
  const architectures = readWords(profile["architectures"], "architectures");
  const unknown = architectures.find((name) => !/^SCMP_ARCH_[A-Z0-9_]+$/.test(name));
  if (unknown !== undefined) throw invalid("architectures", "must be SCMP_ARCH_*", unknown);
  return {
    filter: {
      rules,
      defaultAction,
      recentSyscalls,
      newestSyscall: letsPass(defaultAction) ? undefined : highestSyscall(rules, recentSyscalls),
      compat32: architectures.includes(
        process.arch === "arm64" ? "SCMP_ARCH_ARM" : "SCMP_ARCH_X86",
      ),
    },
    logs: readFlags(profile["flags"]).includes("SECCOMP_FILTER_FLAG_LOG"),
  };
}

/** Whole numbers keep all 64 bits. */
function parse(text: string): unknown {
  try {
    return JSON.parse(text, (_key, value: unknown, context?: { readonly source?: string }) => {
      const source = context?.source ?? "";
      return typeof value === "number" && /^-?\d+$/.test(source) ? BigInt(source) : value;
    });
  } catch (cause) {
    throw new PodError("InvalidArgument", `it is no JSON: ${messageOf(cause)}`, { cause });
  }
}

function letsPass(action: FilterAction): boolean {
  return (
    action === "allow" || action === "log" || (typeof action === "object" && "trace" in action)
  );
}

const actions: Readonly<Record<string, FilterAction>> = {
  SCMP_ACT_ALLOW: "allow",
  SCMP_ACT_LOG: "log",
  SCMP_ACT_TRAP: "trap",
  SCMP_ACT_KILL: "killThread",
  SCMP_ACT_KILL_THREAD: "killThread",
  SCMP_ACT_KILL_PROCESS: "killProcess",
};

function readAction(
  value: unknown,
  errnoRet: unknown,
  paths: { readonly action: string; readonly errno: string },
): FilterAction {
  const plain = typeof value === "string" ? actions[value] : undefined;
  if (plain !== undefined) return plain;
  if (value !== "SCMP_ACT_ERRNO" && value !== "SCMP_ACT_TRACE") {
    const known = [...Object.keys(actions), "SCMP_ACT_ERRNO", "SCMP_ACT_TRACE"].join(", ");
    throw invalid(paths.action, `must be one of ${known}`, value);
  }
  const number = errnoRet === undefined ? errnos.EPERM : readNumber(errnoRet, paths.errno, 65_535n);
  return value === "SCMP_ACT_ERRNO" ? { errno: Number(number) } : { trace: Number(number) };
}

function readRules(entry: Record<string, unknown>, path: string): SyscallRule[] {
  for (const field of ["includes", "excludes"]) {
    const condition = entry[field];
    const isEmpty = condition === undefined || condition === null || size(condition) === 0;
    if (isEmpty) continue;
    throw new PodError(
      "InvalidArgument",
      `${path}.${field}: is a condition of Docker's own format, not of OCI profiles: write the rule for the containers that it is meant for`,
    );
  }
  const names = readWords(entry["names"], `${path}.names`);
  if (names.length === 0) throw invalid(`${path}.names`, "must name a system call", "[]");
  const action = readAction(entry["action"], entry["errnoRet"], {
    action: `${path}.action`,
    errno: `${path}.errnoRet`,
  });
  const tests = asList(entry["args"], `${path}.args`).map((argument, index) =>
    readTest(asObject(argument, `${path}.args[${index}]`), `${path}.args[${index}]`),
  );
  if (tests.length === 0) return [{ names, action }];
  const hasTwice = new Set(tests.map(({ argument }) => argument)).size < tests.length;
  return hasTwice
    ? tests.map((test) => ({ names, action, tests: [test] }))
    : [{ names, action, tests }];
}

function size(value: unknown): number {
  return typeof value === "object" && value !== null ? Object.keys(value).length : 1;
}

const operators: Readonly<Record<string, Comparison>> = {
  SCMP_CMP_NE: "ne",
  SCMP_CMP_LT: "lt",
  SCMP_CMP_LE: "le",
  SCMP_CMP_EQ: "eq",
  SCMP_CMP_GE: "ge",
  SCMP_CMP_GT: "gt",
};

const largest = 0xffff_ffff_ffff_ffffn;

function readTest(entry: Record<string, unknown>, path: string): ArgumentTest {
  const argument = Number(readNumber(entry["index"], `${path}.index`, 5n));
  const value = readNumber(entry["value"], `${path}.value`, largest);
  const { op } = entry;
  if (op === "SCMP_CMP_MASKED_EQ") {
    const wanted = entry["valueTwo"] ?? 0n;
    return { argument, mask: value, value: readNumber(wanted, `${path}.valueTwo`, largest) };
  }
  const comparison = typeof op === "string" ? operators[op] : undefined;
  if (comparison === undefined) {
    const known = [...Object.keys(operators), "SCMP_CMP_MASKED_EQ"].join(", ");
    throw invalid(`${path}.op`, `must be one of ${known}`, op);
  }
  return { argument, comparison, value };
}

/** The others change nothing here: a container starts with one thread, and SPEC_ALLOW is always given. */
const flags = [
  "SECCOMP_FILTER_FLAG_LOG",
  "SECCOMP_FILTER_FLAG_TSYNC",
  "SECCOMP_FILTER_FLAG_SPEC_ALLOW",
];

function readFlags(value: unknown): readonly string[] {
  const names = readWords(value, "flags");
  const unknown = names.find((name) => !flags.includes(name));
  if (unknown === undefined) return names;
  throw invalid("flags", `must be of ${flags.join(", ")}`, unknown);
}

function asObject(value: unknown, path: string): Record<string, unknown> {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) {
    // Checked above; members are looked at one by one.
    return value as Record<string, unknown>;
  }
  throw invalid(path, "must be an object", value);
}

function asList(value: unknown, path: string): readonly unknown[] {
  if (value === undefined || value === null) return [];
  if (Array.isArray(value)) return value;
  throw invalid(path, "must be a list", value);
}

function readWords(value: unknown, path: string): readonly string[] {
  return asList(value, path).map((word, index) => {
    if (typeof word === "string" && word !== "") return word;
    throw invalid(`${path}[${index}]`, "must be a word", word);
  });
}

function readNumber(value: unknown, path: string, most: bigint): bigint {
  if (typeof value === "bigint" && value >= 0n && value <= most) return value;
  throw invalid(path, `must be a whole number between 0 and ${most}`, value);
}

function invalid(path: string, rule: string, value: unknown): PodError {
  const plain = (_key: string, part: unknown): unknown =>
    typeof part === "bigint" ? Number(part) : part;
  const got = JSON.stringify(value, plain) ?? "nothing";
  const head = path === "" ? "" : `${path}: `;
  return new PodError("InvalidArgument", `${head}${rule}: got ${got}`);
}
