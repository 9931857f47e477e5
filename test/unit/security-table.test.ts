// The table of safety (test/security/README.md) and the tests that exist are the same thing.
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { securitySummary, securityTable, testFolder } from "../support/security-table.ts";

const table = suite("table of safety");

/** The ids of the list by their letters, each up to its last number; some numbers do not exist. */
const list: Readonly<Record<string, number>> = {
  ESC: 23,
  IMG: 15,
  VOL: 12,
  KRN: 17,
  PRV: 9,
  NET: 11,
  API: 9,
  NODE: 7,
  C: 30,
};
const absent = ["ESC-09"];

function ids(): string[] {
  return Object.entries(list).flatMap(([letters, last]) =>
    Array.from(
      { length: last },
      (_, index) => `${letters}-${String(index + 1).padStart(2, "0")}`,
    ).filter((id) => !absent.includes(id)),
  );
}

table("has every id of the list once, in its order", () => {
  assert.equal(
    securityTable().map(({ id }) => id),
    ids(),
  );
});

table("names tests that exist", () => {
  const missing = securityTable().flatMap(({ id, tests }) =>
    tests.flatMap(({ file, name }) => {
      const path = join(testFolder, file);
      if (!existsSync(path)) return [`${id}: test/${file} does not exist`];
      return readFileSync(path, "utf8").includes(name) ? [] : [`${id}: ${file} has no "${name}"`];
    }),
  );
  assert.equal(missing, []);
});

table("says why where a row is not covered whole", () => {
  for (const { id, tests, where, result } of securityTable()) {
    assert.match(where, /^(?:host|guest|both)$/, id);
    assert.match(result, tests.length > 0 ? /^(?:yes$|part: \S)/ : /^no: \S/, id);
  }
});

/** Test files with the ids that they cite: `security: B5; KRN-05, KRN-07`, `ESC-02, 10, 16 to 18`. */
function citations(): Map<string, string[]> {
  const found = new Map<string, string[]>();
  for (const folder of ["unit", "integration", "security", "vm"]) {
    const names = readdirSync(join(testFolder, folder), { recursive: true, encoding: "utf8" });
    for (const name of names.filter((each) => each.endsWith(".test.ts"))) {
      const file = `${folder}/${name}`;
      if (file === "unit/security-table.test.ts") continue;
      const text = readFileSync(join(testFolder, file), "utf8");
      const cited = [...text.matchAll(/security: ([^)".\n]*)/g)].flatMap(([, words = ""]) =>
        citedIds(words),
      );
      if (cited.length > 0) found.set(file, cited);
    }
  }
  return found;
}

/** @param words - of one citation; numbers alone belong to the letters before, "16 to 18" is a range. */
function citedIds(words: string): string[] {
  let letters = "";
  let from = 0;
  const found: string[] = [];
  for (const [, kind, number, to] of words.matchAll(/(?:([A-Z]+)-)?(\d\d)|(\bto\b)/g)) {
    if (to !== undefined) {
      from = Number(found.at(-1)?.slice(-2)) + 1;
      continue;
    }
    letters = kind ?? letters;
    const last = Number(number);
    for (let each = from > 0 ? from : last; each <= last; each++) {
      found.push(`${letters}-${String(each).padStart(2, "0")}`);
    }
    from = 0;
  }
  return found;
}

table("stands behind every id that a test cites", () => {
  const rows = new Map(securityTable().map((row) => [row.id, row]));
  const wrong = [...citations()].flatMap(([file, cited]) =>
    cited.flatMap((id) => {
      const row = rows.get(id);
      if (row === undefined) return [`test/${file} cites ${id}, which is no id of the list`];
      const stands = row.tests.some((each) => each.file === file);
      return stands ? [] : [`test/${file} cites ${id} but does not stand in its row`];
    }),
  );
  assert.equal(wrong, []);
});

table("reads citations with lists and ranges", () => {
  assert.equal(citedIds("ESC-02, 10, 16 to 18, IMG-11"), [
    ...["ESC-02", "ESC-10", "ESC-16", "ESC-17", "ESC-18", "IMG-11"],
  ]);
  assert.equal(citedIds("B5; KRN-05, KRN-07"), ["KRN-05", "KRN-07"]);
  assert.ok(citations().size > 5);
});

table("is summed up with what failed and what is still to come", () => {
  const lines = securitySummary(["test/integration/user-namespaces.test.ts"]);
  assert.match(lines[0] ?? "", /^security: \d+ ids, \d+ pass, 1 fail$/);
  assert.ok(lines.some((line) => line.startsWith("  FAILED PRV-09: ")));
  assert.ok(lines.some((line) => line.startsWith("  IMG-14 no: ")));
});

table.run();
