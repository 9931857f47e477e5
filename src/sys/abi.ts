/**
 * The kernel's numbers for the architecture that this process runs on: system calls, constants and
 * errno values. The tables come from the kernel headers (native/gen_abi.c).
 */
import { aarch64, x86_64 } from "./abi.gen.ts";

export type SyscallName = keyof typeof x86_64.syscalls;
export type ConstantName = keyof typeof x86_64.constants;
export type ErrnoName = keyof typeof x86_64.errors;

const abi = process.arch === "arm64" ? aarch64 : x86_64;

/** System call numbers by name. */
export const syscalls: Readonly<Record<SyscallName, number>> = abi.syscalls;

/** Flags, request numbers, signals and other constants by their C name. */
export const K: Readonly<Record<ConstantName, number>> = abi.constants;

/** errno values by name. */
export const errnos: Readonly<Record<ErrnoName, number>> = abi.errors;

const errnoNames = new Map<number, ErrnoName>(
  Object.entries(abi.errors).map(([name, value]) => [value, name as ErrnoName]),
);

/** The name of an errno value, e.g. 2 → "ENOENT"; unknown values give "errno 4095". */
export function errnoName(value: number): string {
  return errnoNames.get(value) ?? `errno ${value}`;
}
