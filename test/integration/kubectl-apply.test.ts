// Promise: kubectl apply does what it does elsewhere: its three-way merge, dry runs, fields that have owners, pruning;
// and diff shows it beforehand.
import * as assert from "uvu/assert";
import { kubectlSuite } from "../support/kubectl.ts";
import { apply, configMap, dataOf, listOf } from "../support/kubectl-objects.ts";

const { test, run } = kubectlSuite("kubectl apply");

test("apply creates, leaves alone, changes and takes away", async (kubectl) => {
  const send = async (data: Record<string, string>, ...more: string[]): Promise<string> =>
    await kubectl.must([...apply, ...more], { input: configMap("applied", data) });
  assert.is(await send({ a: "1", b: "1" }), "configmap/applied created\n");
  assert.is(await send({ a: "1", b: "1" }), "configmap/applied unchanged\n");
  await kubectl.must(["patch", "cm", "applied", "-p", '{"data":{"other":"kept"}}']);
  assert.match(await send({ a: "9" }, "--dry-run=server"), /configured \(server dry run\)/);
  assert.is(await send({ a: "2" }), "configmap/applied configured\n");
  assert.equal(await dataOf(kubectl, "applied"), { a: "2", other: "kept" });
  const wrong = await kubectl.run(apply, {
    input: '{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"x"},"date":{}}',
  });
  assert.is(wrong.code, 1);
  assert.match(wrong.stderr, /unknown field "?date|unknown field "date"/);
});

test("apply on the server owns fields, and names who else does", async (kubectl) => {
  const send = async (manager: string, data: Record<string, string>, ...more: string[]) =>
    await kubectl.run([...apply, "--server-side", `--field-manager=${manager}`, ...more], {
      input: configMap("owned", data),
    });
  assert.is((await send("one", { a: "1" })).stdout, "configmap/owned serverside-applied\n");
  assert.is((await send("two", { b: "1" })).code, 0);
  const refused = await send("two", { a: "2" });
  assert.is(refused.code, 1);
  assert.match(refused.stderr, /conflict with "one".*\.data\.a/);
  assert.is((await send("two", { a: "2" }, "--force-conflicts")).code, 0);
  assert.equal(await dataOf(kubectl, "owned"), { a: "2" });
});

test("apply on the server takes over what apply has made before", async (kubectl) => {
  await kubectl.must(apply, { input: configMap("moved", { a: "1", b: "1" }) });
  const moved = await kubectl.must([...apply, "--server-side"], {
    input: configMap("moved", { a: "2" }),
  });
  assert.match(moved, /configmap\/moved serverside-applied/);
  assert.equal(await dataOf(kubectl, "moved"), { a: "2" });
});

test("apply --prune removes what is no longer among them", async (kubectl) => {
  const labels = { part: "pruned" };
  const list = (...names: readonly string[]): string =>
    listOf(...names.map((name) => configMap(name, { a: "1" }, labels)));
  const prune = [...apply, "--prune", "-l", "part=pruned"];
  await kubectl.must(prune, { input: list("stays", "goes") });
  const done = await kubectl.must(prune, { input: list("stays") });
  assert.match(done, /configmap\/stays unchanged\nconfigmap\/goes pruned\n/);
});

test("diff shows what apply would change, and changes nothing", async (kubectl) => {
  await kubectl.must(apply, { input: configMap("compared", { a: "1" }) });
  const same = await kubectl.run(["diff", "-f", "-"], { input: configMap("compared", { a: "1" }) });
  assert.equal([same.code, same.stdout], [0, ""]);
  const other = await kubectl.run(["diff", "-f", "-"], {
    input: configMap("compared", { a: "2" }),
  });
  assert.is(other.code, 1);
  assert.match(other.stdout, /^-\s+a: "1"\n\+\s+a: "2"$/m);
  assert.equal(await dataOf(kubectl, "compared"), { a: "1" });
});

run();
