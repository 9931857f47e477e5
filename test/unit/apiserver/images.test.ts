// Images and system over HTTP: arguments, JSON lines of imports, archives both ways, reset.
import { once } from "node:events";
import { PassThrough, Readable } from "node:stream";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { withDeadline } from "../../support/with-deadline.ts";
import { Fixture } from "./fixture.ts";

const images = suite("images and system");
let fixture: Fixture;
const base = "/nspod/v1/images";

images.before.each(async () => {
  fixture = await new Fixture().start();
});

images.after.each(async () => {
  await fixture.stop();
});

function lines(text: string): readonly Record<string, unknown>[] {
  return text
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line));
}

images("load a path with progress", async () => {
  const { code, text, headers } = await fixture.call("POST", `${base}/load?path=/tmp/a.tar`);
  assert.is(code, 200);
  assert.is(headers["content-type"], "application/x-ndjson");
  const [progress, end] = lines(text);
  assert.equal(progress, {
    progress: { stage: "reading", doneBytes: 1, doneLayers: 0, totalLayers: 1 },
  });
  assert.equal(end, { images: [] });
  assert.equal(fixture.backend.calls, [["load", "/tmp/a.tar"]]);
  assert.is((await fixture.call("POST", `${base}/load?path=a.tar`)).code, 400);
});

images("load and import a body", async () => {
  const raw = (): Readable => Readable.from([Buffer.alloc(1000), Buffer.alloc(234)]);
  const loaded = await fixture.call("POST", `${base}/load`, { raw: raw() });
  assert.equal(lines(loaded.text).at(-1), { images: [] });
  await fixture.call("POST", `${base}/import?reference=mine`, { raw: raw() });
  assert.equal(fixture.backend.calls, [
    ["load", 1234],
    ["import", "mine"],
    ["load", 1234],
  ]);
  assert.is((await fixture.call("POST", `${base}/import`, { raw: raw() })).code, 400);
});

images(
  "tell what is wrong with an archive in the last line, however much is still to come",
  withDeadline(30_000, async () => {
    const raw = Readable.from(
      (function* () {
        for (let i = 0; i < 300; i++) yield Buffer.alloc(65_536);
      })(),
    );
    const { text } = await fixture.call("POST", `${base}/load`, { raw });
    const end = lines(text).at(-1) as { error: { message: string; reason: string } };
    assert.is(end.error.message, "The archive is damaged");
    assert.is(end.error.reason, "Invalid");
  }),
);

images(
  "read an archive to its end when the client was faster",
  withDeadline(10_000, async () => {
    const { images: store } = fixture.backend;
    const read = store.load;
    store.load = async (source, options) => {
      if ("stream" in source && source.stream instanceof PassThrough) {
        if (!source.stream.writableFinished) await once(source.stream, "finish");
        // The request closes after its end.
        await new Promise(setImmediate);
      }
      return await read(source, options);
    };
    const raw = Readable.from([Buffer.alloc(20_000)]);
    const { text } = await fixture.call("POST", `${base}/load`, { raw });
    assert.equal(lines(text).at(-1), { images: [] });
    assert.equal(fixture.backend.calls, [["load", 20_000]]);
  }),
);

images("are listed, inspected, tagged, removed and pruned", async () => {
  assert.equal((await fixture.call("GET", base)).json, { images: [] });
  const missing = await fixture.call("GET", `${base}/inspect?name=x`);
  assert.is(missing.code, 404);
  assert.is(missing.json.details.kind, "Image");
  assert.is((await fixture.call("POST", `${base}/tag?source=a&target=b`)).code, 200);
  assert.is((await fixture.call("POST", `${base}/tag?source=a`)).code, 400);
  const removed = await fixture.call("DELETE", `${base}?name=a&force=true`);
  assert.equal(removed.json, { untagged: ["a"], deleted: [] });
  assert.is((await fixture.call("POST", `${base}/prune?all=true`)).json.deleted.length, 1);
  assert.is((await fixture.call("POST", `${base}/prune`)).json.deleted.length, 0);
  const inUse = [`sha256:${"0".repeat(64)}`];
  assert.equal(fixture.backend.calls, [
    ["tag", "a", "b"],
    ["remove", "a", true, inUse],
  ]);
});

images("are saved as a stream, or refused with a Status", async () => {
  const saved = await fixture.call("GET", `${base}/save?name=a&name=b&format=docker`);
  assert.is(saved.headers["content-type"], "application/x-tar");
  assert.is(saved.text, "docker:a+b");
  assert.is((await fixture.call("GET", `${base}/save?name=missing`)).code, 404);
  assert.is((await fixture.call("GET", `${base}/save`)).code, 400);
  assert.is((await fixture.call("GET", `${base}/save?name=a&format=zip`)).code, 400);
});

images("system prune and reset", async () => {
  assert.equal((await fixture.call("POST", "/nspod/v1/system/prune")).json.pods, ["default/a"]);
  assert.is((await fixture.call("GET", "/nspod/v1/system/reset")).code, 405);
  assert.is(fixture.resets, 0);
  const reset = await fixture.call("POST", "/nspod/v1/system/reset");
  assert.is(reset.code, 200);
  while (fixture.resets === 0) await new Promise(setImmediate);
  assert.equal(fixture.backend.calls, [["reset"]]);
});

images.run();
