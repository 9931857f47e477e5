import { suite } from "uvu";
import * as assert from "uvu/assert";
import { startTable } from "../../../src/cli/start-table.ts";

const test = suite("startTable");

test("shows each step and the sum so far", () => {
  const steps = [
    { step: "object stored", atMs: 2.04 },
    { step: "shim launched", atMs: 7.5 },
  ];
  assert.is(
    startTable("web", steps),
    [
      "STEP OF pod/web   MS    TOTAL",
      "object stored     2.0   2.0",
      "shim launched     5.5   7.5",
    ].join("\n"),
  );
});

test("says so when there is nothing to show", () => {
  assert.match(startTable("web", []), /pod\/web: this daemon did not start it/);
});

test.run();
