// What of the log is in memory, and when the log must be asked.
import fc from "fast-check";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { type RecentChange, RecentChanges } from "../../../src/store/recent-changes.ts";
import { StoredText } from "../../../src/store/stored-text.ts";

function change(revision: number, kind = "Thing", namespace = "n"): RecentChange {
  return { revision, type: "ADDED", kind, namespace, body: new StoredText("{}") };
}

const recent = suite("RecentChanges");

recent("knows nothing before the first change", () => {
  assert.is(new RecentChanges().after(7, "Thing", undefined), undefined);
});

recent("gives those of the kind and the namespace", () => {
  const changes = new RecentChanges();
  const all = [change(4), change(5, "Other"), change(6, "Thing", "m"), change(7)];
  for (const each of all) changes.add(each);
  assert.equal(changes.after(3, "Thing", undefined), [all[0], all[2], all[3]]);
  assert.equal(changes.after(3, "Thing", "n"), [all[0], all[3]]);
  assert.equal(changes.after(6, "Thing", "n"), [all[3]]);
  assert.equal(changes.after(7, "Thing", "n"), []);
});

recent("gives all after a revision, or undefined when the first of them is forgotten", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 20 }),
      fc.integer({ min: 0, max: 60 }),
      fc.nat(60),
      (limit, count, back) => {
        const changes = new RecentChanges(limit);
        const first = 10;
        for (let i = 0; i < count; i++) changes.add(change(first + i));
        const newest = first + count - 1;
        const after = Math.max(0, newest - back);
        const found = changes.after(after, "Thing", undefined);
        const isHere = count > 0 && after + 1 >= Math.max(first, newest - limit + 1);
        const expected = isHere
          ? Array.from({ length: newest - after }, (_, i) => after + 1 + i)
          : undefined;
        assert.equal(
          found?.map(({ revision }) => revision),
          expected,
        );
      },
    ),
  );
});

recent.run();
