import fc from "fast-check";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { configData, readDataSources, secretData } from "../../../src/cli/data-sources.ts";

const files: Readonly<Record<string, string>> = {
  "etc/app.conf": "x = 1\n",
  ".env": "# comment\n\n  A=1\nB=x=y\nNSPOD_TEST_WORD\n",
};
const readFile = (path: string): Buffer => Buffer.from(files[path] ?? "");
const texts = (values: ReadonlyMap<string, Buffer>): object =>
  Object.fromEntries([...values].map(([key, value]) => [key, value.toString("utf8")]));

const sources = suite("readDataSources()");

sources("reads literals, files by key or name, and lines of variables", () => {
  process.env["NSPOD_TEST_WORD"] = "from here";
  const values = readDataSources(
    { literals: ["a=b=c"], files: ["etc/app.conf", "key=etc/app.conf"], envs: [".env"] },
    "c",
    readFile,
  );
  delete process.env["NSPOD_TEST_WORD"];
  assert.equal(texts(values), {
    A: "1",
    B: "x=y",
    NSPOD_TEST_WORD: "from here",
    "app.conf": "x = 1\n",
    key: "x = 1\n",
    a: "b=c",
  });
});

sources("refuses a key twice and a literal without a value", () => {
  assert.throws(
    () => readDataSources({ literals: ["a=1", "a=2"] }, "c", readFile),
    'Key "a" of "c" is given twice',
  );
  assert.throws(() => readDataSources({ literals: ["=1"] }, "c", readFile), "KEY=VALUE");
});

sources("any value of a literal comes through, in ConfigMaps and Secrets", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), (value) => {
      const values = readDataSources({ literals: [`k=${value}`] }, "c", readFile);
      assert.equal(configData(values).data ?? {}, { k: value });
      assert.is(Buffer.from(secretData(values)["k"] ?? "", "base64").toString("utf8"), value);
    }),
  );
});

sources.run();

const data = suite("configData()");

data("puts what is no text into binaryData", () => {
  const values = new Map([
    ["text", Buffer.from("ä")],
    ["bytes", Buffer.from([0xff, 0xfe])],
  ]);
  assert.equal(configData(values), { data: { text: "ä" }, binaryData: { bytes: "//4=" } });
  assert.equal(configData(new Map()), {});
});

data.run();
