import fc from "fast-check";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import {
  checkIdentity,
  commented,
  objectText,
  readEdited,
  uncommented,
} from "../../../src/cli/edit-text.ts";

const object = {
  apiVersion: "v1",
  kind: "ConfigMap",
  metadata: { name: "c", namespace: "default" },
  data: { script: "#!/bin/sh\n# stays\necho\n", mode: "0644", word: "yes" },
};

const text = suite("the text of nspod edit");

text("an object that nobody touched reads as itself, in both formats", () => {
  for (const format of ["yaml", "json"] as const) {
    const shown = commented(objectText(object, format), ["was not valid:", "two\nlines"]);
    assert.match(shown, /^# Please edit the object below\./);
    assert.match(shown, "\n# two\n# lines\n");
    assert.equal(readEdited(shown), object);
    assert.is(uncommented(shown), objectText(object, format));
  }
});

const word = fc.string().filter((key) => key !== "__proto__");

text("any data comes back as it was", () => {
  fc.assert(
    fc.property(
      fc.dictionary(word, fc.string({ unit: "binary" }), { noNullPrototype: true }),
      (data) => {
        assert.equal(readEdited(commented(objectText({ data }, "yaml"))), { data });
      },
    ),
  );
});

text("nothing, or comments alone, is an empty file", () => {
  for (const empty of ["", "\n \n", commented("")]) assert.is(readEdited(empty), undefined);
});

text("a mistake is told with its line", () => {
  assert.throws(() => readEdited("kind: Pod\na: [\n"), /at line 3/);
  assert.throws(() => readEdited("a: 1\na: 2\n"), /unique/);
  assert.throws(() => readEdited("- a\n"), "must be one object");
});

text("an object stays the one that it is", () => {
  checkIdentity(object, { ...object, data: {} });
  assert.throws(
    () => checkIdentity(object, { ...object, metadata: { name: "d", namespace: "default" } }),
    'metadata.name must not be changed: it was "c"',
  );
  assert.throws(() => checkIdentity(object, { ...object, kind: "Secret" }), "kind");
});

text.run();
