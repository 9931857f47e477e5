import { suite } from "uvu";
import * as assert from "uvu/assert";
import { LiveTable } from "../../../src/cli/live-table.ts";
import { ObjectTable } from "../../../src/cli/object-table.ts";
import { type KubernetesObject, resourceOfKind } from "../../../src/spec/resources.ts";
import { fakeScreen } from "./fake-daemon.ts";

const live = suite("LiveTable");

function configMap(name: string, keys: number): KubernetesObject {
  const data = Object.fromEntries(Array.from({ length: keys }, (_, index) => [`k${index}`, ""]));
  const metadata = { name, namespace: "default", uid: name };
  return { apiVersion: "v1", kind: "ConfigMap", metadata, data } as KubernetesObject;
}

function started(objects: readonly KubernetesObject[]): {
  readonly table: LiveTable;
  readonly drawn: () => string;
} {
  const resource = resourceOfKind("ConfigMap");
  assert.ok(resource);
  const options = { isWide: false, withNamespace: false, withLabels: false, withKind: false };
  const { screen, printed } = fakeScreen(true);
  const newTable = (): ObjectTable => new ObjectTable(resource, { ...options, hasHeading: true });
  const table = new LiveTable(screen, newTable);
  table.start(objects);
  const drawn = (): string => {
    const text = printed.out;
    printed.out = "";
    return text;
  };
  return { table, drawn };
}

live("draws the table again in its place when a row changes, comes or goes", () => {
  const { table, drawn } = started([configMap("a", 1)]);
  assert.is(drawn(), "NAME   DATA   AGE\na      1      <unknown>\n");
  table.change("ADDED", configMap("b", 2));
  assert.is(
    drawn(),
    "\x1b[2A\r\x1b[JNAME   DATA   AGE\na      1      <unknown>\nb      2      <unknown>\n",
  );
  table.change("MODIFIED", configMap("b", 2));
  assert.is(drawn(), "", "nothing that is shown has changed");
  table.change("DELETED", configMap("a", 1));
  assert.is(drawn(), "\x1b[3A\r\x1b[JNAME   DATA   AGE\nb      2      <unknown>\n");
});

live("keeps to the screen", () => {
  const { drawn } = started(Array.from({ length: 50 }, (_, index) => configMap(`m${index}`, 0)));
  const lines = drawn().split("\n");
  assert.is(lines.length, 24, "23 lines of 24, and what follows the last one");
  assert.is(lines[22], "… and 29 more");
});

live.run();
