import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { parseAllDocuments } from "yaml";
import { type FieldRow, fieldRows } from "../../../src/spec/field-table.ts";
import { visitFields } from "../../../src/spec/visit-fields.ts";
import { fieldsPage } from "../../support/fields-page.ts";

const table = suite("the table of fields");

const page = new URL("../../../src/man/nspod-fields.7", import.meta.url);
const manifests = new URL("../../manifests/", import.meta.url);

/** What the node writes and nobody asks for. */
const isWritten = ({ definition, field }: FieldRow): boolean =>
  definition === "Pod" && ["apiVersion", "kind", "metadata", "status"].includes(field);

table("the manual page nspod-fields(7) says what the decoder does", () => {
  const text = fieldsPage(fieldRows("PodSpec"));
  if (process.env["UPDATE_GOLDEN"] === "1") writeFileSync(page, text);
  assert.is(readFileSync(page, "utf8"), text, "rewrite it with UPDATE_GOLDEN=1");
});

table("every field that is done occurs in a manifest that an integration test runs", () => {
  const used = new Set<string>();
  for (const name of readdirSync(manifests)) {
    for (const document of parseAllDocuments(readFileSync(new URL(name, manifests), "utf8"))) {
      const object = document.toJS() as { readonly kind?: string };
      visitFields(object.kind ?? "", object, ({ definition, field }) => {
        used.add(`${definition}.${field}`);
        return true;
      });
    }
  }
  const missing = fieldRows("PodSpec")
    .filter((row) => row.support === "done" && !isWritten(row))
    .map(({ definition, field }) => `${definition}.${field}`)
    .filter((name) => !used.has(name));
  assert.equal(missing, []);
});

table.run();
