// The top level of the repository stays a short list: what a newcomer sees first.
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";

const ALLOWED = [
  "LICENSE",
  "Makefile",
  "README.md",
  "native",
  "package-lock.json",
  "package.json",
  "rootfs",
  "src",
  "test",
  "tsconfig.json",
  // Tools that look for their settings here and have no dot-name for them.
  "biome.jsonc",
  "eslint.config.js",
  "knip.jsonc",
  // What make writes; git ignores it.
  "coverage",
  "dist",
  "node_modules",
];

const topLevel = suite("top level");

topLevel("holds only what is allowed, and dot-files", () => {
  const names = readdirSync(join(import.meta.dirname, "../.."));
  const extra = names.filter((name) => !name.startsWith(".") && !ALLOWED.includes(name));
  assert.equal(extra, [], `allowed: ${ALLOWED.join(" ")}`);
});

topLevel.run();
