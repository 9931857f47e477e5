import fc from "fast-check";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { parseEnvFile } from "../../../src/spec/env-file.ts";

const test = suite("parseEnvFile()");

const read = (text: string): object => Object.fromEntries(parseEnvFile(text));

test("reads declarations, comments and blank lines", () => {
  const text = "# first\n\nA='1'\n  B = 'two words' \n\t# C='no'\nD=''";
  assert.equal(read(text), { A: "1", B: "two words", D: "" });
});

test("takes a value literally, over several lines", () => {
  const text = "A='# $X \\n\nB='\nC='3'\r\n";
  assert.equal(read(text), { A: "# $X \\n\nB=", C: "3" });
});

test("of two variables with one name the later counts", () => {
  assert.equal(read("A='1'\nA='2'"), { A: "2" });
});

for (const bad of [
  "A=1",
  'A="1"',
  "A='1''2'",
  "A='1'$B",
  "A",
  "A='1",
  "='1'",
  "A='1' # no",
  "'A'='1'",
]) {
  test(`refuses ${bad}`, () => {
    assert.throws(
      () => parseEnvFile(`# x\n${bad}`),
      (error: Error) => error.message === "line 2 is not of the form NAME='value'",
    );
  });
}

test("gives back whatever single quotes can hold", () => {
  const name = fc.stringMatching(/^[A-Za-z_][A-Za-z0-9_.-]*$/);
  const value = fc.string({ unit: "binary" }).filter((text) => !text.includes("'"));
  fc.assert(
    fc.property(fc.array(fc.tuple(name, value)), (pairs) => {
      const text = pairs.map(([key, content]) => `${key}='${content}'\n`).join("");
      assert.equal([...parseEnvFile(text)], [...new Map(pairs)]);
    }),
  );
});

test("ends for any text", () => {
  fc.assert(
    fc.property(
      fc.string({ unit: fc.constantFrom("A", "=", "'", "\n", " ", "#", "\r") }),
      (text) => {
        try {
          parseEnvFile(text);
        } catch (error) {
          assert.match(String(error), /line \d+ is not/);
        }
      },
    ),
  );
});

test.run();
