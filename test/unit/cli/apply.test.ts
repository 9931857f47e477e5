import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { applyManifests } from "../../../src/cli/commands/apply.ts";
import { createManifests } from "../../../src/cli/commands/create.ts";
import { diffManifests } from "../../../src/cli/commands/diff.ts";
import { lastApplied, lastAppliedAnnotation, markApplied } from "../../../src/cli/last-applied.ts";
import type { KubernetesObject } from "../../../src/spec/resources.ts";
import { strategicMerge } from "../../../src/spec/strategic-merge.ts";
import { withDeadline } from "../../support/with-deadline.ts";
import { FakeDaemon, fail, fakeContext, reply } from "./fake-daemon.ts";

/** Stores what is posted and patched, as the daemon would without defaults. */
function storing(daemon: FakeDaemon): Map<string, KubernetesObject> {
  const stored = new Map<string, KubernetesObject>();
  daemon.answer = ({ method, path, body, query }, response) => {
    const isDryRun = query.get("dryRun") === "All";
    const write = (at: string, object: KubernetesObject, status: number): void => {
      if (!isDryRun) stored.set(at, object);
      reply(response, object, status);
    };
    if (method === "POST") {
      const object = JSON.parse(body) as KubernetesObject;
      return write(`${path}/${object.metadata.name}`, object, 201);
    }
    const live = stored.get(path);
    if (live === undefined) return fail(response, 404, "NotFound", "not found");
    if (method === "GET") return reply(response, live);
    const merged = strategicMerge({ ...live }, JSON.parse(body), live.kind);
    write(path, merged as unknown as KubernetesObject, 200);
  };
  return stored;
}

const pod = (labels: string): string => `
apiVersion: v1
kind: Pod
metadata: {name: web, labels: {${labels}}}
spec: {containers: [{name: app, image: busybox:1}]}
`;
const webPath = "/api/v1/namespaces/default/pods/web";

const apply = suite("nspod apply");

apply(
  "creates, leaves alone, configures, and takes away labels that it once set",
  withDeadline(5000, async () => {
    await using daemon = new FakeDaemon();
    await daemon.listen();
    const file = join(daemon.folder, "pod.yaml");
    const stored = storing(daemon);
    const { context, printed } = fakeContext(daemon);
    const applied = async (labels: string): Promise<string> => {
      writeFileSync(file, pod(labels));
      printed.out = "";
      assert.is(await applyManifests(context, { filename: [file] }), 0);
      return printed.out;
    };
    assert.is(await applied("a: x, b: w"), "pod/web created\n");
    assert.is(await applied("a: x, b: w"), "pod/web unchanged\n");
    assert.is(daemon.asked.at(-1)?.method, "GET");
    const live = stored.get(webPath);
    assert.ok(live);
    const labels = { ...live.metadata.labels, other: "kept" };
    stored.set(webPath, { ...live, metadata: { ...live.metadata, labels } });
    assert.is(await applied("a: z"), "pod/web configured\n");
    assert.equal(stored.get(webPath)?.metadata.labels, { a: "z", other: "kept" });
    const patch = JSON.parse(daemon.asked.at(-1)?.body ?? "") as KubernetesObject;
    assert.equal(patch.metadata.labels, { a: "z", b: null });
  }),
);

apply(
  "creates in install order whatever the order of the files",
  withDeadline(5000, async () => {
    await using daemon = new FakeDaemon();
    await daemon.listen();
    storing(daemon);
    const folder = join(daemon.folder, "app");
    mkdirSync(join(folder, "deeper"), { recursive: true });
    writeFileSync(join(folder, "a-pod.yaml"), pod("a: x"));
    writeFileSync(
      join(folder, "b.yaml"),
      "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: settings}\ndata: {a: b}\n",
    );
    writeFileSync(
      join(folder, "deeper/c.yaml"),
      "apiVersion: v1\nkind: Namespace\nmetadata: {name: shop}\n",
    );
    const { context, printed } = fakeContext(daemon);
    assert.is(await applyManifests(context, { filename: [folder] }), 0);
    assert.is(printed.out, "configmap/settings created\npod/web created\n");
    printed.out = "";
    const options = { filename: [folder], recursive: true, dryRun: "client" } as const;
    assert.is(await applyManifests(context, options), 0);
    assert.is(
      printed.out,
      "namespace/shop created (dry run)\nconfigmap/settings unchanged (dry run)\npod/web unchanged (dry run)\n",
    );
  }),
);

apply(
  "tells the mistakes of all files and sends nothing",
  withDeadline(5000, async () => {
    await using daemon = new FakeDaemon();
    await daemon.listen();
    const [one, two] = [join(daemon.folder, "one.yaml"), join(daemon.folder, "two.yaml")];
    writeFileSync(one, pod("a: x").replace("image:", "imgae:"));
    writeFileSync(two, "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: Bad}\n");
    const { context } = fakeContext(daemon);
    const failure = await applyManifests(context, { filename: [one, two] }).catch(String);
    assert.match(String(failure), `${one}:5:`);
    assert.match(String(failure), `${two}:3:`);
    assert.equal(daemon.asked, []);
  }),
);

apply(
  "prints what the daemon refuses with a hint, goes on, and ends with 1",
  withDeadline(5000, async () => {
    await using daemon = new FakeDaemon();
    await daemon.listen();
    const file = join(daemon.folder, "pod.yaml");
    writeFileSync(file, `${pod("a: x")}---${pod("a: x").replace("name: web", "name: db")}`);
    const live = { apiVersion: "v1", kind: "Pod", metadata: { name: "web", uid: "1" }, spec: {} };
    daemon.answer = ({ path, method }, response) => {
      if (method === "GET" && path.endsWith("/web")) reply(response, live);
      else if (method === "PATCH")
        fail(response, 422, "Invalid", "spec: Forbidden: pod updates may not change fields");
      else if (method === "POST") reply(response, live, 201);
      else fail(response, 404, "NotFound", "none");
    };
    const { context, printed } = fakeContext(daemon);
    assert.is(await applyManifests(context, { filename: [file] }), 1);
    assert.match(printed.err, "nspod: pod/web: spec: Forbidden");
    assert.match(printed.err, "nspod replace --force -f FILE");
    assert.is(printed.out, "pod/db created\n");
  }),
);

apply(
  "refuses what is to be named by the server, which create takes",
  withDeadline(5000, async () => {
    await using daemon = new FakeDaemon();
    await daemon.listen();
    const file = join(daemon.folder, "pod.yaml");
    writeFileSync(file, pod("a: x").replace("name: web", "generateName: web-"));
    daemon.answer = ({ body }, response) => {
      const object = JSON.parse(body) as KubernetesObject;
      reply(response, { ...object, metadata: { ...object.metadata, name: "web-abcde" } }, 201);
    };
    const { context, printed } = fakeContext(daemon);
    const failure = await applyManifests(context, { filename: [file] }).catch(String);
    assert.match(String(failure), 'use "nspod create -f"');
    assert.is(await createManifests(context, { filename: [file] }), 0);
    assert.is(printed.out, "pod/web-abcde created\n");
  }),
);

apply.run();

const diff = suite("nspod diff");

diff(
  "shows what would change and changes nothing; values of secrets stay hidden",
  withDeadline(5000, async () => {
    await using daemon = new FakeDaemon();
    await daemon.listen();
    const stored = storing(daemon);
    const file = join(daemon.folder, "secret.yaml");
    const secret = (value: string, label: string): string =>
      `apiVersion: v1\nkind: Secret\nmetadata: {name: key, labels: {a: "${label}"}}\ndata: {same: c2Ft, word: ${value}}\n`;
    const { context, printed } = fakeContext(daemon);
    writeFileSync(file, secret("b25l", "x"));
    assert.is(await diffManifests(context, { filename: [file] }), 1);
    assert.match(printed.out, /^\+kind: Secret$/m);
    assert.is(stored.size, 0);
    await applyManifests(context, { filename: [file] });
    assert.is(await diffManifests(context, { filename: [file] }), 0);
    writeFileSync(file, secret("dHdv", "z"));
    printed.out = "";
    assert.is(await diffManifests(context, { filename: [file] }), 1);
    for (const line of [
      "--- LIVE/v1.Secret.default.key",
      "-    a: x",
      "+    a: z",
      '-  word: "*** (before)"',
      '+  word: "*** (after)"',
      '   same: "***"',
    ]) {
      assert.ok(printed.out.split("\n").includes(line), `${line}\n${printed.out}`);
    }
    assert.not.match(printed.out, /b25l|dHdv|c2Ft/);
    const broken = await diffManifests(context, { filename: ["/none"] }).catch(
      (error: unknown) => error,
    );
    assert.is((broken as { data: { exitCode: number } }).data.exitCode, 2);
  }),
);

diff.run();

const marks = suite("markApplied()");

marks("writes what kubectl writes: sorted, without itself, with a line end", () => {
  const wish = {
    kind: "ConfigMap",
    apiVersion: "v1",
    metadata: { namespace: "default", name: "a", annotations: { [lastAppliedAnnotation]: "old" } },
    data: { b: "1", a: "2" },
  };
  const marked = markApplied(wish) as unknown as KubernetesObject;
  const expected =
    '{"apiVersion":"v1","data":{"a":"2","b":"1"},"kind":"ConfigMap","metadata":{"annotations":{},"name":"a","namespace":"default"}}\n';
  assert.is(marked.metadata.annotations?.[lastAppliedAnnotation], expected);
  assert.equal(lastApplied(marked)["data"], { a: "2", b: "1" });
});

marks("takes nonsense in the annotation as nothing known", () => {
  const metadata = {
    name: "a",
    namespace: "",
    uid: "",
    annotations: { [lastAppliedAnnotation]: "{" },
  };
  assert.equal(lastApplied({ apiVersion: "v1", kind: "Pod", metadata }), {});
});

marks.run();
