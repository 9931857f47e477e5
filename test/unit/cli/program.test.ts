import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Command } from "commander";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { Tree } from "../../../src/cli/command-tree.ts";
import { completionScript } from "../../../src/cli/completion-script.ts";
import { buildProgram, parts } from "../../../src/cli/program.ts";
import { requiresFor } from "../../support/requires.ts";
import { fakeScreen } from "./fake-daemon.ts";

function build(isRoot = true) {
  const { screen, printed } = fakeScreen();
  const codes: number[] = [];
  const program = buildProgram({ screen, env: {}, isRoot, finish: (code) => codes.push(code) });
  return { program, printed, codes };
}

function leaves(command: Command): readonly Command[] {
  return command.commands.length === 0 ? [command] : command.commands.flatMap(leaves);
}

function helpOf(command: Command): string {
  let text = "";
  command.configureOutput({ writeOut: (part) => (text += part) });
  command.outputHelp();
  return text;
}

const program = suite("the tree of commands");

program("every command has a description and an example", () => {
  for (const command of leaves(build().program)) {
    if (command.name().startsWith("__")) continue;
    assert.ok(command.description(), command.name());
    assert.match(helpOf(command), /\nExamples?:\n {2}\S/, command.name());
  }
});

program("help of a command shows the options that every command has", () => {
  const exec = build().program.commands.find((command) => command.name() === "exec");
  assert.ok(exec);
  const help = helpOf(exec);
  assert.match(help, "exec [options] <pod> -- <command> [argument...]");
  assert.match(help, "--namespace <name>");
});

program("a mistake in a command leads to the help of that command", async () => {
  for (const [words, hint] of [
    [["get", "--nosuch"], '(see "nspod get --help")'],
    [["create", "configmap", "--nosuch"], '(see "nspod create configmap --help")'],
    [["gett"], '(see "nspod --help")'],
  ] as const) {
    const { program: tree, printed } = build();
    await tree.parseAsync(["node", "nspod", ...words]).then(
      () => assert.unreachable(),
      () => assert.match(printed.err, hint),
    );
  }
});

program("every part of the tree names the commands that it adds", () => {
  const { screen } = fakeScreen();
  const tree = new Tree({ screen, env: {}, isRoot: true, finish: () => undefined });
  // One tree for all: `create` is made by one part and gets its kinds from another.
  const command = new Command();
  for (const [add, names] of parts) {
    const before = command.commands.length;
    add(command, tree);
    const added = command.commands.slice(before).map((each) => each.name());
    const extended = names.filter((name) => !added.includes(name));
    assert.equal([...names].sort(), [...extended, ...added].sort());
    for (const name of extended) assert.ok(command.commands.some((each) => each.name() === name));
  }
});

program("a command line gets the part of the tree that it names, or all of it", () => {
  const { screen } = fakeScreen();
  const options = { screen, env: {}, isRoot: true, finish: () => undefined };
  const names = (...words: readonly string[]): readonly string[] =>
    buildProgram(options, words).commands.map((command) => command.name());
  assert.equal(names("-n", "get", "logs", "web"), ["run", "logs", "exec", "attach"]);
  assert.equal(names("image", "get"), ["image"]);
  assert.equal(names("expose"), ["expose"]);
  const all = build().program.commands.map((command) => command.name());
  for (const words of [[], ["help"], ["--help"], ["gett"], ["--tail", "3", "logs"]]) {
    assert.equal(names(...words), all, words.join(" "));
  }
});

program("a mistyped command or option gets a suggestion", async () => {
  for (const [words, hint] of [
    [["gett"], "(Did you mean get?)"],
    [["get", "pods", "--outptu"], "(Did you mean --output?)"],
    [["image", "lod"], "(Did you mean load?)"],
    [["get", "-o", "table"], "Allowed choices are wide, json, yaml, name, jsonpath="],
  ] as const) {
    const { program: tree, printed } = build();
    const failed = await tree
      .parseAsync(["node", "nspod", ...words])
      .catch((error: unknown) => error);
    assert.instance(failed, Error);
    assert.match(printed.err, hint);
    assert.match(printed.err, /^nspod: /);
  }
});

program("without root there is one sentence, for every command that needs it", async () => {
  for (const words of [["get", "pods"], ["run", "x.yaml"], ["image", "ls"], ["doctor"]]) {
    const { program: tree, codes } = build(false);
    const failed = await tree
      .parseAsync(["node", "nspod", ...words])
      .catch((error: unknown) => error);
    assert.match(String(failed), "nspod needs root: run it with sudo");
    assert.equal(codes, []);
  }
  const { program: tree, codes } = build(false);
  await tree.parseAsync(["node", "nspod", "version", "--client"]);
  assert.equal(codes, [0]);
});

program("options that every command has may stand before and after it", () => {
  const { program: tree } = build();
  tree.parseOptions(["-n", "shop", "get"]);
  assert.is(tree.opts()["namespace"], "shop");
  const again = build().program;
  again.parseOptions(["exec", "web", "-n", "shop", "--", "ls", "-n", "inner"]);
  assert.is(again.opts()["namespace"], "shop");
});

program.run();

const completion = suite<never>("completionScript()");

for (const shell of ["bash", "zsh", "fish"] as const) {
  completion(`has all commands for ${shell}`, () => {
    const { program: tree } = build();
    const script = completionScript(tree, shell);
    for (const command of leaves(tree)) {
      if (!command.name().startsWith("__")) assert.match(script, command.name());
    }
  });
  requiresFor(completion, `tool:${shell}`)(`${shell} can read its script`, () => {
    const folder = mkdtempSync(join(tmpdir(), "nspod-completion-"));
    try {
      const file = join(folder, "script");
      writeFileSync(file, `${completionScript(build().program, shell)}\n`);
      execFileSync(shell, ["-n", file]);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
}

completion("bash offers commands, options, choices and names of pods", () => {
  const script = completionScript(build().program, "bash");
  const complete = (...line: readonly string[]): readonly string[] => {
    const words = line.map((word) => `'${word}'`).join(" ");
    const text = `nspod() { echo web-from-daemon; }
${script}
COMP_WORDS=(${words}); COMP_CWORD=${line.length - 1}
_nspod; printf '%s\\n' "\${COMPREPLY[@]}"`;
    return execFileSync("bash", ["-c", text], { encoding: "utf8" }).split("\n").filter(Boolean);
  };
  assert.equal(complete("nspod", "de"), ["debug", "delete", "describe"]);
  assert.equal(complete("nspod", "image", "in"), ["inspect"]);
  assert.equal(complete("nspod", "-n", "shop", "image", "lo"), ["load"]);
  assert.equal(complete("nspod", "get", "-o", ""), [
    ...["wide", "json", "yaml", "name", "jsonpath=", "jsonpath-file=", "custom-columns="],
  ]);
  assert.equal(complete("nspod", "run", "--wai"), ["--wait"]);
  assert.equal(complete("nspod", "logs", "web"), ["web-from-daemon"]);
  assert.equal(complete("nspod", "get", "pods", "web"), ["web-from-daemon"]);
  assert.equal(complete("nspod", "completion", "f"), ["fish"]);
  assert.equal(complete("nspod", "-n", ""), []);
});

completion.run();
