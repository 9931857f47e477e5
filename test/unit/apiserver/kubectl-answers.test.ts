// What kubectl asks before and around objects: tables, aggregated discovery, OpenAPI, server-side apply.
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { resources } from "../../../src/spec/resources.ts";
import { Fixture, podBody } from "./fixture.ts";

const answers = suite("answers for kubectl");
let fixture: Fixture;

answers.before.each(async () => {
  fixture = await new Fixture().start();
});

answers.after.each(async () => {
  await fixture.stop();
});

const pods = "/api/v1/namespaces/default/pods";
const configMap = "/api/v1/namespaces/default/configmaps/c";
const table = "application/json;as=Table;v=v1;g=meta.k8s.io";
const accept = `${table},application/json;as=Table;v=v1beta1;g=meta.k8s.io,application/json`;

answers("lists and objects are tables for who asks", async () => {
  await fixture.call("POST", pods, { body: podBody("web") });
  for (const path of [pods, `${pods}/web`]) {
    const { json } = await fixture.call("GET", path, { headers: { accept } });
    assert.is(json.kind, "Table");
    assert.is(json.apiVersion, "meta.k8s.io/v1");
    const names = json.columnDefinitions.map(({ name }: { name: string }) => name);
    assert.equal(names.slice(0, 5), ["Name", "Ready", "Status", "Restarts", "Age"]);
    const [row] = json.rows;
    assert.equal(row.cells.slice(0, 2), ["web", "0/1"]);
    assert.is(row.cells.length, names.length);
    assert.is(row.object.kind, "PartialObjectMetadata");
    assert.is(row.object.metadata.name, "web");
  }
  const whole = await fixture.call("GET", `${pods}?includeObject=Object`, { headers: { accept } });
  assert.is(whole.json.rows[0].object.spec.containers[0].name, "main");
  const plain = await fixture.call("GET", pods, {
    headers: { accept: `application/json, ${table}` },
  });
  assert.is(plain.json.kind, "PodList");
});

answers("every kind has a table of its version", async () => {
  const headers = { accept: "application/json;as=Table;v=v1beta1;g=meta.k8s.io" };
  for (const { apiVersion, plural } of resources) {
    const root = apiVersion === "v1" ? "/api/v1" : `/apis/${apiVersion}`;
    const { json } = await fixture.call("GET", `${root}/${plural}`, { headers });
    assert.is(json.apiVersion, "meta.k8s.io/v1beta1");
    for (const { cells } of json.rows) assert.is(cells.length, json.columnDefinitions.length);
  }
});

answers("the rows of a watch name the columns once", async () => {
  for (const name of ["a", "b"]) await fixture.call("POST", pods, { body: podBody(name) });
  const response = await fixture.open("GET", `${pods}?watch=1`, { headers: { accept } });
  const lines: string[] = [];
  for await (const chunk of response) {
    lines.push(...(chunk as Buffer).toString().trim().split("\n"));
    if (lines.length >= 2) break;
  }
  const [first, second] = lines.map((line) => JSON.parse(line).object);
  assert.is(first.kind, "Table");
  assert.ok(first.columnDefinitions.length > 0);
  assert.equal(second.columnDefinitions, []);
  assert.is(second.rows[0].cells[0], "b");
});

answers("discovery is one answer for who asks, and a list for others", async () => {
  const type = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";
  const core = await fixture.call("GET", "/api", {
    headers: { accept: `${type},application/json` },
  });
  assert.is(core.headers["content-type"], type);
  const [group] = JSON.parse(core.text).items;
  const entry = group.versions[0].resources.find(
    (one: { resource: string }) => one.resource === "pods",
  );
  assert.is(entry.scope, "Namespaced");
  assert.equal(entry.shortNames, ["po"]);
  const parts = entry.subresources.map((one: { subresource: string }) => one.subresource);
  for (const part of ["status", "log", "exec"]) assert.ok(parts.includes(part));
  const groups = await fixture.call("GET", "/apis", { headers: { accept: type } });
  const names = JSON.parse(groups.text).items.map(
    (one: { metadata: { name: string } }) => one.metadata.name,
  );
  assert.ok(names.includes("storage.k8s.io"));
  assert.is((await fixture.call("GET", "/api")).json.kind, "APIVersions");
});

answers("OpenAPI v3 has every kind with fields and a PATCH that validates", async () => {
  const index = (await fixture.call("GET", "/openapi/v3")).json;
  for (const { kind, apiVersion, plural, isNamespaced } of resources) {
    const path = apiVersion === "v1" ? "api/v1" : `apis/${apiVersion}`;
    const { serverRelativeURL } = index.paths[path];
    const document = (await fixture.call("GET", serverRelativeURL)).json;
    const scope = isNamespaced ? "/namespaces/{namespace}" : "";
    const { patch } = document.paths[`/${path}${scope}/${plural}/{name}`];
    assert.is(patch["x-kubernetes-group-version-kind"].kind, kind);
    const parameters = patch.parameters.map(({ name }: { name: string }) => name);
    assert.ok(parameters.includes("fieldValidation") && parameters.includes("dryRun"));
    for (const [reference] of JSON.stringify(document).matchAll(/#\/components\/schemas\/[^"]+/g)) {
      assert.ok(document.components.schemas[reference.split("/").at(-1) ?? ""], reference);
    }
  }
  const { json, headers } = await fixture.call("GET", index.paths["api/v1"].serverRelativeURL);
  assert.match(String(headers["cache-control"]), /immutable/);
  const core = json.components.schemas;
  const { containers } = core["io.k8s.api.core.v1.PodSpec"].properties;
  assert.is(containers["x-kubernetes-patch-merge-key"], "name");
  assert.is(containers.items.allOf[0].$ref, "#/components/schemas/io.k8s.api.core.v1.Container");
});

answers("OpenAPI v2 has the same in protobuf, in the type that kubectl 1.20 takes", async () => {
  const { headers, text } = await fixture.call("GET", "/openapi/v2");
  assert.is(headers["content-type"], "application/com.github.proto-openapi.spec.v2.v1.0+protobuf");
  for (const { kind } of resources) assert.ok(text.includes(`"kind":"${kind}"`), kind);
  assert.ok(text.includes("#/definitions/io.k8s.api.core.v1.PodSpec"));
  assert.ok(text.includes("/apis/apps/v1/namespaces/{namespace}/deployments/{name}"));
  assert.not.ok(text.includes("#/components/schemas"));
});

const batch = "namespaces/default/cronjobs";
const cronJob = {
  apiVersion: "batch/v1beta1",
  kind: "CronJob",
  metadata: { name: "tick" },
  spec: {
    schedule: "@daily",
    jobTemplate: {
      spec: {
        template: {
          spec: { restartPolicy: "Never", containers: [{ name: "main", image: "busybox" }] },
        },
      },
    },
  },
};

answers("an older version of a kind is the same object under another name", async () => {
  const older = `/apis/batch/v1beta1/${batch}`;
  const created = await fixture.call("POST", older, { body: cronJob });
  assert.is(created.code, 201);
  assert.is(created.json.apiVersion, "batch/v1beta1");
  const newer = await fixture.call("GET", `/apis/batch/v1/${batch}/tick`);
  assert.is(newer.json.apiVersion, "batch/v1");
  assert.is(newer.json.metadata.uid, created.json.metadata.uid);
  const list = (await fixture.call("GET", older)).json;
  assert.is(list.apiVersion, "batch/v1beta1");
  assert.is(list.items[0].apiVersion, "batch/v1beta1");
  const other = { ...cronJob, apiVersion: "batch/v1", metadata: { name: "other" } };
  assert.is((await fixture.call("POST", older, { body: other })).json.apiVersion, "batch/v1beta1");
  const wrong = { ...cronJob, apiVersion: "batch/v2", metadata: { name: "third" } };
  assert.is((await fixture.call("POST", older, { body: wrong })).code, 400);
  const { groups } = (await fixture.call("GET", "/apis")).json;
  const group = groups.find(({ name }: { name: string }) => name === "batch");
  assert.is(group.preferredVersion.version, "v1");
  assert.equal(
    group.versions.map(({ version }: { version: string }) => version),
    ["v1", "v1beta1"],
  );
});

answers("kinds of which there are none have empty lists and say why", async () => {
  const path = "/apis/networking.k8s.io/v1/namespaces/default/ingresses";
  assert.equal((await fixture.call("GET", path)).json.items, []);
  assert.is((await fixture.call("GET", `${path}/web`)).code, 404);
  const refused = await fixture.call("POST", path, { body: {} });
  assert.is(refused.code, 405);
  assert.match(refused.json.message, /nspod has no ingresses: use a Service/);
});

answers("Endpoints are a view of the slices of a Service", async () => {
  const namespace = "/api/v1/namespaces/default";
  const service = { metadata: { name: "web" }, spec: { ports: [{ port: 80 }] } };
  assert.is((await fixture.call("POST", `${namespace}/services`, { body: service })).code, 201);
  assert.equal((await fixture.call("GET", `${namespace}/endpoints`)).json.items, []);
  const slice = {
    metadata: { name: "web-1", labels: { "kubernetes.io/service-name": "web" } },
    addressType: "IPv4",
    ports: [{ name: "http", port: 8080, protocol: "TCP" }],
    endpoints: [
      { addresses: ["10.0.0.2"], conditions: { ready: true }, nodeName: "n" },
      { addresses: ["10.0.0.3"], conditions: { ready: false } },
    ],
  };
  const slices = "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices";
  assert.is((await fixture.call("POST", slices, { body: slice })).code, 201);
  const { json } = await fixture.call("GET", `${namespace}/endpoints/web`);
  assert.equal(json.subsets, [
    {
      addresses: [{ ip: "10.0.0.2", nodeName: "n" }],
      notReadyAddresses: [{ ip: "10.0.0.3" }],
      ports: [{ name: "http", port: 8080, protocol: "TCP" }],
    },
  ]);
  const { rows } = (await fixture.call("GET", `${namespace}/endpoints`, { headers: { accept } }))
    .json;
  assert.equal(rows[0].cells.slice(0, 2), ["web", "10.0.0.2:8080"]);
  assert.is((await fixture.call("GET", `${namespace}/endpoints/none`)).code, 404);
});

answers("a body may be protobuf, and its damage is named", async () => {
  const headers = { "content-type": "application/vnd.kubernetes.protobuf" };
  const send = async (raw: string) =>
    await fixture.call("POST", "/api/v1/namespaces/default/configmaps", { raw, headers });
  // TypeMeta v1 ConfigMap, then metadata { name: "c" }, data { a: "1" }.
  const object = "\n\u0003\n\u0001c\u0012\u0006\n\u0001a\u0012\u00011";
  const made = await send(
    `k8s\0\n\u000f\n\u0002v1\u0012\tConfigMap\u0012${String.fromCharCode(object.length)}${object}`,
  );
  assert.is(made.code, 201, made.text);
  assert.equal(made.json.data, { a: "1" });
  assert.match((await send("k8s\0\n")).json.message, /no Kubernetes protobuf/);
  const patch = await fixture.call("PATCH", configMap, { raw: "k8s\0", headers });
  assert.is(patch.code, 415);
});

answers("server-side apply makes, merges, and answers conflicts with causes", async () => {
  const apply = async (manager: string, data: Record<string, string>, more = "") =>
    await fixture.call("PATCH", `${configMap}?fieldManager=${manager}${more}`, {
      raw: JSON.stringify({ apiVersion: "v1", kind: "ConfigMap", metadata: { name: "c" }, data }),
      headers: { "content-type": "application/apply-patch+yaml" },
    });
  assert.is((await apply("a", { x: "1", y: "1" })).code, 201);
  const merged = await apply("b", { z: "1" });
  assert.equal(merged.json.data, { x: "1", y: "1", z: "1" });
  const again = await apply("b", { z: "1" });
  assert.is(again.json.metadata.resourceVersion, merged.json.metadata.resourceVersion);
  const refused = await apply("b", { x: "2" });
  assert.is(refused.code, 409);
  assert.is(refused.json.reason, "Conflict");
  assert.equal(refused.json.details.causes, [
    { reason: "FieldManagerConflict", message: 'conflict with "a"', field: ".data.x" },
  ]);
  const forced = await apply("b", { x: "2" }, "&force=true");
  assert.equal(forced.json.data, { x: "2", y: "1" });
  await fixture.call("PATCH", `${configMap}?fieldManager=edit`, {
    raw: JSON.stringify({ data: { y: "3" } }),
    headers: { "content-type": "application/merge-patch+json" },
  });
  assert.is((await apply("a", { y: "1" })).json.details.causes[0].message, 'conflict with "edit"');
  const nobody = await fixture.call("PATCH", configMap, {
    raw: "{}",
    headers: { "content-type": "application/apply-patch+yaml" },
  });
  assert.is(nobody.code, 400);
});

answers.run();
