import { suite } from "uvu";
import * as assert from "uvu/assert";
import { parseJsonPathTemplate, renderJsonPath } from "../../../src/cli/json-path-template.ts";

const list = {
  kind: "List",
  items: [
    { metadata: { name: "web" }, status: { phase: "Running", ips: ["a", "b"] } },
    { metadata: { name: "db" }, status: { phase: "Pending" } },
  ],
};
const render = (template: string, value: unknown = list): string =>
  renderJsonPath(parseJsonPathTemplate(template), value);

const template = suite("renderJsonPath()");

for (const [text, shown] of [
  ["{.kind}", "List"],
  ["kind is {.kind}!", "kind is List!"],
  ["{.items[*].metadata.name}", "web db"],
  [
    '{range .items[*]}{.metadata.name}{"\\t"}{.status.phase}{"\\n"}{end}',
    "web\tRunning\ndb\tPending\n",
  ],
  ["{range .items[*]}{range .status.ips[*]}<{@}>{end};{end}", "<a><b>;;"],
  ["{.items[0].status}", '{"phase":"Running","ips":["a","b"]}'],
  ["{.items[0].status.ips}", '["a","b"]'],
  ["{.nothing}", ""],
  ['{.items[?(@.status.phase=="Pending")].metadata.name}', "db"],
  ['{.kind " of " .items[0].metadata.name}', "List of web"],
  ["{range .items[*]}{$.kind}{end}", "ListList"],
] as const) {
  template(`of ${text}`, () => assert.is(render(text), shown));
}

template("refuses loops and braces without a partner", () => {
  for (const text of ["{range .items[*]}{.a}", "{.a}{end}", "{.a", ".a}"]) {
    assert.throws(() => parseJsonPathTemplate(text), /^PodError|JSONPath/, text);
  }
});

template.run();
