import { Command } from "commander";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { commandWord } from "../../../src/cli/command-word.ts";

const root = new Command().option("-n, --namespace <name>").option("--root <folder>").version("1");

const test = suite("commandWord");

for (const [line, word] of [
  ["get pods", "get"],
  ["-n run get pods", "get"],
  ["-nrun get", "get"],
  ["--namespace run get", "get"],
  ["--namespace=run get", "get"],
  ["--root /x -n y logs -f web", "logs"],
  ["", undefined],
  ["-n", undefined],
  ["--help", undefined],
  ["--version run", undefined],
  ["--tail 3 logs", undefined],
  ["-- run", undefined],
] as const) {
  test(`"${line}" names ${word ?? "nothing"}`, () => {
    assert.is(commandWord(root, line.split(" ").filter(Boolean)), word);
  });
}

test.run();
