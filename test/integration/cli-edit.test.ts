// Promise: `nspod edit` opens an object in the user's editor, stores what changed, opens it again with the reason when
// it is refused, and loses nothing of what was typed.
import { existsSync, readFileSync, rmSync } from "node:fs";
import { dirname } from "node:path";
import * as assert from "uvu/assert";
import { podSuite } from "../support/pod-suite.ts";
import type { Pods } from "../support/pods.ts";
import { requires } from "../support/requires.ts";
import type { CommandResult } from "../support/run-command.ts";

requires("root");

const { test, run } = podSuite("edit");

/** Runs `nspod edit` with a shell script in the place of the editor; its file is $1. */
function edit(pods: Pods, script: string, ...words: readonly string[]): Promise<CommandResult> {
  const env = { KUBE_EDITOR: `edit() { ${script}; }; edit`, EDITOR: "false" };
  return pods.instance.nspod(["edit", ...words], { env });
}

const dataOf = async (pods: Pods): Promise<string> =>
  await pods.instance.must(["get", "cm", "settings", "-o", "jsonpath={.data}"]);

test("stores what changed, and nothing when nothing did", async (pods) => {
  await pods.instance.must(["create", "configmap", "settings", "--from-literal=a=1"]);
  const done = await edit(pods, 'sed -i "s/a: .*/b: two/" "$1"', "cm/settings");
  assert.equal([done.code, done.stdout, done.stderr], [0, "configmap/settings edited\n", ""]);
  assert.is(await dataOf(pods), '{"b":"two"}');
  const same = await edit(pods, "true", "configmap", "settings", "-o", "json");
  assert.equal([same.code, same.stderr], [0, "Edit cancelled, no changes made.\n"]);
  const empty = await edit(pods, ': > "$1"', "cm/settings");
  assert.equal([empty.code, empty.stderr], [0, "Edit cancelled, saved file was empty.\n"]);
  assert.is(await dataOf(pods), '{"b":"two"}');
});

test("opens what was refused again, with the reason as a comment", async (pods) => {
  // The first time a field is misspelt; the second time it is mended when the comment names it.
  const script = `
    if grep -q '^# .*unknown field "dat"' "$1"; then sed -i "s/^dat:/data:/; s/two/three/" "$1"
    else sed -i "s/^data:/dat:/" "$1"; fi`;
  const { code, stdout, stderr } = await edit(pods, script, "cm/settings");
  assert.equal([code, stdout], [0, "configmap/settings edited\n"]);
  assert.match(stderr, 'unknown field "dat"');
  assert.is(await dataOf(pods), '{"b":"three"}');
});

test("keeps the text that it cannot store", async (pods) => {
  const script = 'grep -q "x: \\[" "$1" || echo "x: [" >> "$1"';
  const { code, stderr } = await edit(pods, script, "cm/settings");
  assert.is(code, 1);
  assert.match(stderr, "Edit cancelled, no valid changes were saved.");
  const file = /A copy of your changes has been stored to "(.+)"/.exec(stderr)?.[1] ?? "";
  assert.match(readFileSync(file, "utf8"), /\nx: \[\n/);
  rmSync(dirname(file), { recursive: true });
  assert.is(await dataOf(pods), '{"b":"three"}');
});

test("says what is wrong with an editor, and that the name must stay", async (pods) => {
  const { code, stderr } = await edit(pods, "false", "cm/settings");
  assert.is(code, 1);
  assert.match(stderr, "There was a problem with the editor");
  const renamed = await edit(pods, 'sed -i "s/name: settings/name: x/" "$1"', "cm/settings");
  assert.match(renamed.stderr, 'metadata.name must not be changed: it was "settings"');
  const file = /stored to "(.+)"/.exec(renamed.stderr)?.[1] ?? "";
  assert.ok(existsSync(file));
  rmSync(dirname(file), { recursive: true });
});

run();
