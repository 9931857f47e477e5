// The C programs of the benchmark, compiled for one run.
import { join } from "node:path";
import { runCommand } from "../support/run-command.ts";

/** Paths of the compiled programs in `folder`. @throws Error with what the compiler said. */
export async function compilePrograms(
  folder: string,
): Promise<{ readonly stopwatch: string; readonly floor: string; readonly memlock: string }> {
  const [stopwatch, floor, memlock] = await Promise.all([
    compile("stopwatch", join(folder, "stopwatch"), []),
    compile("floor", join(folder, "floor"), []),
    compile("memlock", join(folder, "memlock.so"), ["-shared", "-fPIC"]),
  ]);
  return { stopwatch, floor, memlock };
}

async function compile(name: string, target: string, flags: readonly string[]): Promise<string> {
  const source = join(import.meta.dirname, `${name}.c`);
  const base = ["-std=gnu17", "-D_GNU_SOURCE", "-O2", "-Wall", "-Wextra", "-Werror"];
  const { code, stderr } = await runCommand("gcc", [...base, ...flags, "-o", target, source], {
    timeoutMs: 120_000,
  });
  if (code !== 0) throw new Error(`Cannot compile "${source}": ${stderr}`);
  return target;
}
