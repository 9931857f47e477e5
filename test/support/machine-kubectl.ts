// The kubectl that the machine has, against one instance: with a home of its own and the file that `nspod kubeconfig`
// prints.
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import * as assert from "uvu/assert";
import type { Pods } from "./pods.ts";
import { type CommandOptions, type CommandResult, runCommand } from "./run-command.ts";

/** Runs it; a non-zero status is a result. */
export async function kubectl(
  { instance }: Pods,
  args: readonly string[],
  options: CommandOptions = {},
): Promise<CommandResult> {
  const home = join(instance.base, "home");
  const file = join(home, "config");
  await mkdir(home, { recursive: true });
  await writeFile(file, await instance.must(["kubeconfig"]), { mode: 0o600 });
  const env = { HOME: home, KUBECONFIG: file };
  return await runCommand("kubectl", args, { ...options, env });
}

/** Its stdout. @throws when its status is not 0. */
export async function must(
  pods: Pods,
  args: readonly string[],
  options: CommandOptions = {},
): Promise<string> {
  const { code, stdout, stderr } = await kubectl(pods, args, options);
  assert.is(code, 0, `kubectl ${args.join(" ")}: ${stderr}${stdout}`);
  return stdout;
}
