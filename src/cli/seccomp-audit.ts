/**
 * What the kernel's log says of processes that seccomp killed: records of type 1326, one line each.
 *
 *   audit: type=1326 audit(1700000000.123:45): … pid=4242 comm="app" exe="/app" sig=31 arch=c000003e syscall=165 …
 *
 * Source: kernel audit_seccomp(); Documentation/ABI/testing/dev-kmsg.
 */
import { closeSync, constants, openSync, readSync } from "node:fs";
import { hasCode } from "../base/errors.ts";
import { syscalls } from "../sys/abi.ts";

export interface BlockedCall {
  readonly pid: number;
  /** The program, as the kernel names it. */
  readonly command: string;
  /** Name, or number when it is none that nspod knows. */
  readonly syscall: string;
}

/** Those among lines of the kernel's log. Pure. */
export function blockedCalls(lines: readonly string[]): readonly BlockedCall[] {
  return lines.flatMap((line) => {
    if (!/\btype=1326\b/.test(line)) return [];
    const pid = Number(/\bpid=(\d+)/.exec(line)?.[1]);
    const number = Number(/\bsyscall=(\d+)/.exec(line)?.[1]);
    if (Number.isNaN(pid) || Number.isNaN(number)) return [];
    const command = /\bcomm="([^"]*)"/.exec(line)?.[1] ?? "";
    const [name] = Object.entries(syscalls).find(([, known]) => known === number) ?? [];
    return [{ pid, command, syscall: name ?? `number ${number}` }];
  });
}

/** The kernel's log as it is now; empty where it may not be read. */
export function readKernelLog(): readonly string[] {
  let file: number;
  try {
    file = openSync("/dev/kmsg", constants.O_RDONLY | constants.O_NONBLOCK);
  } catch {
    // No device, or not allowed in this container: the line is an extra.
    return [];
  }
  const lines: string[] = [];
  // Each read gives one record, the longest that the kernel writes.
  const record = Buffer.alloc(8192);
  try {
    for (;;) {
      try {
        const size = readSync(file, record);
        if (size === 0) return lines;
        lines.push(record.toString("utf8", 0, size).split("\n", 1)[0] ?? "");
      } catch (error) {
        // The oldest records were overwritten while we read: go on with those that follow.
        if (hasCode(error, "EPIPE")) continue;
        return lines;
      }
    }
  } finally {
    closeSync(file);
  }
}
