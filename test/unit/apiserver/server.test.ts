// The door itself: who may come in, how large a body may be, what mistakes look like.
import { statSync } from "node:fs";
import { connect } from "node:net";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { maxBodyBytes } from "../../../src/apiserver/body.ts";
import { withDeadline } from "../../support/with-deadline.ts";
import { Fixture, podBody } from "./fixture.ts";

const server = suite("ApiServer");
let fixture: Fixture;
const pods = "/api/v1/namespaces/default/pods";

server.before.each(async () => {
  fixture = await new Fixture().start();
});

server.after.each(async () => {
  await fixture.stop();
});

server("listens on a socket that only its owner can open", () => {
  assert.is(statSync(fixture.socketPath).mode & 0o777, 0o600);
});

server("tells versions, resources and that it lives", async () => {
  assert.is((await fixture.call("GET", "/healthz")).text, "ok");
  assert.is((await fixture.call("GET", "/version")).json.nspodVersion, "1.2.3");
  assert.equal((await fixture.call("GET", "/api?timeout=32s")).json.versions, ["v1"]);
  const { groups } = (await fixture.call("GET", "/apis")).json;
  const names: readonly string[] = groups.map((group: { name: string }) => group.name);
  const known =
    "apps batch discovery.k8s.io metrics.k8s.io networking.k8s.io policy storage.k8s.io";
  for (const name of known.split(" ")) assert.ok(names.includes(name), name);
  assert.equal(names, [...new Set(names)]);
  for (const [path, wanted] of [
    [
      "/api/v1",
      ["pods", "pods/eviction", "pods/exec", "pods/resize", "namespaces/status", "configmaps"],
    ],
    ["/apis/storage.k8s.io/v1", ["storageclasses"]],
  ] as const) {
    const { resources } = (await fixture.call("GET", path)).json;
    const found: readonly string[] = resources.map((resource: { name: string }) => resource.name);
    assert.equal(
      wanted.filter((name) => !found.includes(name)),
      [],
    );
  }
});

server("answers mistakes with a Status", async () => {
  const unknown = await fixture.call("GET", "/nothing");
  assert.is(unknown.code, 404);
  assert.is(unknown.json.kind, "Status");
  assert.is(unknown.json.reason, "NotFound");
  const method = await fixture.call("PUT", "/version");
  assert.is(method.code, 405);
  assert.is(method.headers["allow"], "GET");
  const parameter = await fixture.call("GET", `${pods}?labelselector=a`);
  assert.is(parameter.code, 400);
  assert.match(parameter.json.message, /Unknown parameter "labelselector"/);
  const internal = await fixture.call("GET", "/nspod/v1/system/info");
  assert.is(internal.code, 500);
  assert.is(internal.json.reason, "InternalError");
});

server("refuses web pages and foreign hosts", async () => {
  const page = await fixture.call("GET", pods, { headers: { origin: "http://localhost" } });
  assert.is(page.code, 403);
  for (const host of [
    "evil.example",
    "localhost.evil.example",
    "127.0.0.1.nip.io",
    "10.0.0.1:80",
  ]) {
    assert.is((await fixture.call("GET", pods, { headers: { host } })).code, 403, host);
  }
  for (const host of ["localhost", "nspod", "localhost:8001", "127.0.0.1:8001"]) {
    assert.is((await fixture.call("GET", pods, { headers: { host } })).code, 200, host);
  }
});

server("knows 200 odd paths as none of its own", async () => {
  const odd = ["..%2f", "%2e%2e", "%00", "%c0%af", "a%2fb", "A", "a_b", "-a", "a%0a", "é"];
  for (const part of odd) {
    for (const path of [
      `${pods}/${part}`,
      `/api/v1/namespaces/${part}/pods`,
      `${pods}/${part}/log`,
    ]) {
      const { code } = await fixture.call("GET", encodeURI(path).replaceAll("%25", "%"));
      assert.is(code, 404, path);
    }
  }
});

server("takes bodies up to 3 MiB, with or without a length", async () => {
  const fits = Buffer.alloc(maxBodyBytes, " ");
  fits.write(JSON.stringify(podBody("fits")));
  const json = { "content-type": "application/json" };
  assert.is((await fixture.call("POST", pods, { raw: fits, headers: json })).code, 201);
  const large = Buffer.alloc(maxBodyBytes + 1, " ");
  large.write(JSON.stringify(podBody("large")));
  const chunked = { ...json, "transfer-encoding": "chunked" };
  for (const headers of [json, chunked]) {
    const answer = await fixture.call("POST", pods, { raw: large, headers });
    assert.is(answer.code, 413);
    assert.is(answer.json.reason, "RequestEntityTooLarge");
  }
  assert.is(fixture.store.get("Pod", "default", "large"), undefined);
});

server("refuses bodies that are not one JSON text", async () => {
  const send = async (raw: string | Buffer, type = "application/json") =>
    (await fixture.call("POST", pods, { raw, headers: { "content-type": type } })).code;
  assert.is(await send("{"), 400);
  assert.is(await send('{"kind":"Pod"} {}'), 400);
  assert.is(await send(Buffer.from([0x22, 0xff, 0x22])), 400);
  assert.is(await send("[".repeat(101) + "]".repeat(101)), 400);
  assert.is(await send("kind: Pod", "application/yaml"), 415);
  assert.is(await send(JSON.stringify(podBody("a")), "text/plain"), 415);
  assert.is(await send(""), 400);
  const gzip = { "content-type": "application/json", "content-encoding": "gzip" };
  assert.is((await fixture.call("POST", pods, { raw: "x", headers: gzip })).code, 415);
});

server(
  "answers broken HTTP and two lengths with 400",
  withDeadline(30_000, async () => {
    const texts = [
      "nonsense\r\n\r\n",
      "POST / HTTP/1.1\r\nHost: nspod\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
      "GET / HTTP/1.1\r\n\r\n",
    ];
    for (const text of texts) {
      const socket = connect(fixture.socketPath);
      socket.write(text);
      let answer = "";
      for await (const chunk of socket) answer += String(chunk);
      assert.match(answer, /^HTTP\/1.1 400 /);
    }
  }),
);

server("counts connections", async () => {
  await fixture.call("GET", "/healthz");
  await fixture.call("GET", "/healthz");
  await fixture.server.close();
  assert.is(fixture.server.connections, 0);
  assert.equal(fixture.connectionCounts, [1, 0, 1, 0]);
});

server(
  "close() ends watches at once",
  withDeadline(30_000, async () => {
    const watching = await fixture.open("GET", `${pods}?watch=true`);
    const body = watching.toArray();
    await fixture.server.close();
    assert.equal(await body, []);
  }),
);

server.run();
