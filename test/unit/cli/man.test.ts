// The manual pages keep up with the program: commands, options and fields cannot be forgotten.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Command } from "commander";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { buildProgram } from "../../../src/cli/program.ts";
import { fakeScreen } from "./fake-daemon.ts";

const source = join(import.meta.dirname, "../../../src");

/** The text of a page without its markup. */
function page(name: string): string {
  return readFileSync(join(source, "man", name), "utf8")
    .replace(/\\f[BIRP]/g, "")
    .replaceAll("\\-", "-");
}

function all(command: Command): readonly Command[] {
  return [command, ...command.commands.flatMap(all)];
}

const man = suite("manual pages");

man("name every command and long option", () => {
  const { screen } = fakeScreen();
  const program = buildProgram({ screen, env: {}, isRoot: true, finish: () => undefined });
  const text = page("nspod.1") + page("nspod-daemon.8");
  const missing = all(program)
    .filter((command) => !command.name().startsWith("__"))
    .flatMap((command) => [command.name(), ...command.options.map(({ long }) => long ?? "")])
    .filter((word) => !text.includes(word));
  assert.equal([...new Set(missing)], []);
});

man("name every field of a pod's wish", () => {
  const types = readFileSync(join(source, "spec/pod.ts"), "utf8");
  const wish = types.slice(
    types.indexOf("export interface PodSpec"),
    types.indexOf("export type PodPhase"),
  );
  const fields = [...wish.matchAll(/^ {2}readonly (\w+)\??:/gm)].map(([, name = ""]) => name);
  assert.ok(fields.length > 50);
  const text = page("nspod-pod.7");
  assert.equal([...new Set(fields.filter((name) => !text.includes(name)))], []);
});

man.run();
