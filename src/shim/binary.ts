/**
 * The binaries of shim, reaper and copier as sealed memory files. A container that gets hold of
 * /proc/<pid>/exe of a process which nspod started cannot write to it, because nothing can: the
 * seals are for ever, and the file on disk is another one (CVE-2019-5736).
 */
import { readFileSync } from "node:fs";
import { K } from "../sys/abi.ts";
import { type Run, run, tryRun } from "../sys/ffi.ts";
import { nativePath } from "../sys/native-path.ts";
import { Program, type Register } from "../sys/program.ts";
import { syscallError } from "../sys/syscall-error.ts";

const descriptors = new Map<string, number>();

/** A descriptor of the sealed shim; made at the first call, open until this process ends. */
export function shimBinaryFd(): number {
  return sealedBinary("nspod-shim");
}

/** The same of the reaper, PID 1 of a shared PID namespace. */
export function reaperBinaryFd(): number {
  return sealedBinary("nspod-reaper");
}

/** The same of the end of `nspod cp` in a container: a path for processes that see our /proc. */
export function copyBinaryPath(): string {
  return `/proc/${process.pid}/fd/${sealedBinary("nspod-copy")}`;
}

function sealedBinary(name: string): number {
  const known = descriptors.get(name);
  if (known !== undefined) return known;
  const content = readFileSync(nativePath(name));
  const descriptor = memoryFile(name);
  const program = new Program(`sealed ${name}`).from(`binary "${name}"`);
  program.call("write", [descriptor, program.bytes(content), content.length], { whole: true });
  const seals = K.F_SEAL_SEAL | K.F_SEAL_SHRINK | K.F_SEAL_GROW | K.F_SEAL_WRITE;
  program.call("fcntl", [descriptor, K.F_ADD_SEALS, seals]);
  run(`Cannot seal "${name}"`, program);
  descriptors.set(name, descriptor);
  return descriptor;
}

function memoryFile(name: string): number {
  // MFD_EXEC, since Linux 6.3, is needed where vm.memfd_noexec is 1; older kernels refuse it.
  const modern = tryMemoryFile(name, K.MFD_EXEC);
  const { program, descriptor, done } = modern.done.errno === 0 ? modern : tryMemoryFile(name, 0);
  if (done.errno !== 0) throw syscallError(`Cannot keep "${name}" in memory`, program, done);
  return Number(done.registers[descriptor.number]);
}

function tryMemoryFile(
  name: string,
  extraFlags: number,
): { program: Program; descriptor: Register; done: Run } {
  const program = new Program(`memory file ${name}`).from(`binary "${name}"`);
  const flags = K.MFD_CLOEXEC | K.MFD_ALLOW_SEALING | extraFlags;
  const descriptor = program.open("memfd_create", [name, flags]);
  return { program, descriptor, done: tryRun(program) };
}
