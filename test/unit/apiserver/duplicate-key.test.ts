import fc from "fast-check";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { duplicateKey } from "../../../src/apiserver/duplicate-key.ts";

const duplicates = suite("duplicateKey()");

duplicates("names the first key that stands twice, by its path", () => {
  for (const [json, path] of [
    ['{"a":1,"a":2}', "a"],
    ['{"a":{"b":1},"c":{"b":1,"d":[],"b":2}}', "c.b"],
    ['{"a":[{"x":1},{"x":1,"y":{},"x":2}]}', "a[1].x"],
    ['{"a":1,"\\u0061":2}', "a"],
    ['{"a b":1,"a b":2}', '["a b"]'],
    ['[["a","a"],{"a":"a","a":"b"}]', "[1].a"],
    ['{"__proto__":1,"__proto__":2}', "__proto__"],
  ] as const) {
    assert.is(duplicateKey(json), path, json);
  }
});

duplicates("does not take values for keys", () => {
  for (const json of [
    '{"a":"b","b":"a"}',
    '["a","a"]',
    '"a"',
    '{"a":"{\\"b\\":1,\\"b\\":2}"}',
    "{}",
  ]) {
    assert.is(duplicateKey(json), undefined, json);
  }
});

duplicates("finds none in what JSON.stringify writes, and the one that is put in", () => {
  fc.assert(
    fc.property(fc.jsonValue(), fc.string(), (value, key) => {
      assert.is(duplicateKey(JSON.stringify(value)), undefined);
      const twice = `{${JSON.stringify(key)}:${JSON.stringify(value)},${JSON.stringify(key)}:0}`;
      assert.ok(duplicateKey(twice) !== undefined);
    }),
  );
});

duplicates("costs little for 3 MiB", () => {
  const { user: before } = process.cpuUsage();
  assert.is(duplicateKey(`[${'{"a":1},'.repeat(380_000)}0]`), undefined);
  const ms = (process.cpuUsage().user - before) / 1000;
  assert.ok(ms < 2000, `${ms} ms`);
});
duplicates.run();
