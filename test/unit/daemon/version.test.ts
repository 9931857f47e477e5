// The daemon says the version of the package.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { version } from "../../../src/daemon/version.ts";

const test = suite("version");

test("is that of package.json", () => {
  const text = readFileSync(join(import.meta.dirname, "../../../package.json"), "utf8");
  assert.is(version, (JSON.parse(text) as { version: string }).version);
});

test.run();
