// What a power cut may leave of a workload.
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { absent, Facts } from "../../torture/power-facts.ts";

const facts = suite("Facts.allowedAt()");

facts("holds what was told, or what had been begun by then", () => {
  const all = new Facts();
  const add = (step: "begun" | "done", number: number, state: string, position: number): void =>
    all.add({ step, key: "pod/a", number, state }, { position, ms: position * 60_000 });
  add("begun", 0, "there", 1);
  add("done", 0, "there", 3);
  add("begun", 1, absent, 5);
  add("done", 1, absent, 7);
  const at = (position: number): readonly string[] | undefined =>
    all.allowedAt({ position, ms: position * 60_000 }).get("pod/a");
  assert.equal(at(0), [absent]);
  assert.equal(at(2), [absent, "there"]);
  assert.equal(at(4), ["there"]);
  assert.equal(at(6), ["there", absent]);
  assert.equal(at(8), [absent]);
});

facts.run();
