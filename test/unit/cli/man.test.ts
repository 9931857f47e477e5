// The manual pages keep up with the program: commands and options cannot be forgotten. Fields have a
// page of their own, which the test of the field table keeps.
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

man.run();
