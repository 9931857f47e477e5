// What is asked of the daemon for objects of any kind, and how its answers come out.
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { ApiClient, warningsOfHeader } from "../../../src/cli/api-client.ts";
import {
  createObject,
  deleteObject,
  getObject,
  listObjects,
  patchObject,
} from "../../../src/cli/objects.ts";
import { type Resource, resourceOfKind } from "../../../src/spec/resources.ts";
import { withDeadline } from "../../support/with-deadline.ts";
import { FakeDaemon, fail, reply } from "./fake-daemon.ts";

const objects = suite("objects");

function resource(kind: string): Resource {
  const found = resourceOfKind(kind);
  if (found === undefined) throw new Error(`no resource of kind ${kind}`);
  return found;
}

async function withDaemon(
  body: (api: ApiClient, daemon: FakeDaemon) => Promise<void>,
): Promise<void> {
  await using daemon = new FakeDaemon();
  await daemon.listen();
  const api = new ApiClient({ socketPath: daemon.socketPath });
  await body(api, daemon);
}

objects(
  'of the cluster have the namespace ""',
  withDeadline(5000, async () => {
    await withDaemon(async (api, daemon) => {
      const sc = { apiVersion: "storage.k8s.io/v1", kind: "StorageClass", metadata: { name: "a" } };
      daemon.answer = ({ path }, response) =>
        reply(response, path.endsWith("/a") ? sc : { items: [sc], metadata: {} });
      const name = { resource: resource("StorageClass"), namespace: "", name: "a" };
      assert.is((await getObject(api, name)).metadata.namespace, "");
      const list = await listObjects(api, { ...name, labelSelector: "a=b" });
      assert.is(list.items[0]?.metadata.namespace, "");
      assert.equal(
        daemon.asked.map(({ path, query }) => `${path}?${query}`),
        [
          "/apis/storage.k8s.io/v1/storageclasses/a?",
          "/apis/storage.k8s.io/v1/storageclasses?labelSelector=a%3Db",
        ],
      );
    });
  }),
);

objects(
  "are written by path, patch type and dry run",
  withDeadline(5000, async () => {
    await withDaemon(async (api, daemon) => {
      const types: (string | undefined)[] = [];
      daemon.server.on("request", ({ headers }) => types.push(headers["content-type"]));
      daemon.answer = (_, response) => reply(response, { metadata: { name: "a" } });
      const metadata = { name: "a", namespace: "web", uid: "" };
      const object = { apiVersion: "v1", kind: "ConfigMap", metadata };
      const name = { resource: resource("ConfigMap"), namespace: "web", name: "a" };
      await createObject(api, name.resource, object, { isDryRun: true });
      await patchObject(api, name, { type: "strategic", body: {} }, { subresource: "status" });
      assert.equal(
        daemon.asked.map(({ method, path, query }) => `${method} ${path}?${query}`),
        [
          "POST /api/v1/namespaces/web/configmaps?dryRun=All",
          "PATCH /api/v1/namespaces/web/configmaps/a/status?",
        ],
      );
      assert.equal(types, ["application/json", "application/strategic-merge-patch+json"]);
    });
  }),
);

objects(
  "that are gone at once come back as nothing",
  withDeadline(5000, async () => {
    await withDaemon(async (api, daemon) => {
      const name = { resource: resource("ConfigMap"), namespace: "web", name: "a" };
      daemon.answer = (_, response) => reply(response, { kind: "Status", status: "Success" });
      assert.is(await deleteObject(api, name, { uid: "u" }), undefined);
      assert.equal(JSON.parse(daemon.asked[0]?.body ?? "").preconditions, { uid: "u" });
      daemon.answer = (_, response) =>
        reply(response, { kind: "ConfigMap", metadata: { name: "a" } });
      assert.is((await deleteObject(api, name))?.metadata.name, "a");
    });
  }),
);

objects(
  "come with the daemon's warnings, also when they are refused",
  withDeadline(5000, async () => {
    await using daemon = new FakeDaemon();
    await daemon.listen();
    const said: string[] = [];
    const api = new ApiClient({
      socketPath: daemon.socketPath,
      onWarning: (text) => said.push(text),
    });
    daemon.answer = (_, response) => {
      response.setHeader("warning", ['299 - "one \\"a\\""', '299 - "two"']);
      fail(response, 422, "Invalid", "no");
    };
    await api.json("GET", "/a").catch(() => undefined);
    assert.equal(said, ['one "a"', "two"]);
  }),
);

objects("warningsOfHeader() reads what is meant for people, and nothing else", () => {
  assert.equal(warningsOfHeader(), []);
  assert.equal(warningsOfHeader('199 - "x", 299 kube "a, b"'), ["a, b"]);
  assert.equal(warningsOfHeader("299 - unquoted"), []);
});
objects.run();
