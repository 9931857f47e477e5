// Promise: 50 pods started at once all get distinct addresses and answer on them; nothing is left.
import { connect } from "node:net";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { eventually } from "../support/eventually.ts";
import { Instance } from "../support/instance.ts";
import { getPods, load, manifest } from "../support/manifest.ts";
import { shell } from "../support/pods.ts";
import { requires } from "../support/requires.ts";
import { withDeadline } from "../support/with-deadline.ts";

requires("root");

const many = suite("many pods");
let instance: Instance;
const count = 50;

many.before.each(async () => {
  instance = await Instance.start();
  await load(instance, "busybox");
});
many.after.each(async () => {
  await instance.close();
});

many(
  "50 pods at once get 50 addresses and answer on them",
  withDeadline(300_000, async () => {
    const serve = shell("web", "mkdir /w; hostname > /w/index.html; exec httpd -f -p 80 -h /w");
    const text = Array.from({ length: count }, (_, index) =>
      manifest(`web-${index}`, { containers: [serve] }),
    ).join("\n---\n");
    await instance.must(["apply", "-f", "-"], { input: text, timeoutMs: 120_000 });
    const pods = await eventually("all pods to run", 120_000, async () => {
      const all = await getPods(instance);
      return all.every(({ status }) => status?.phase === "Running") ? all : undefined;
    });
    assert.is(pods.length, count);
    assert.is(new Set(pods.map(({ status }) => status?.podIP)).size, count);
    for (const { metadata, status } of pods) {
      const answer = await eventually(`an answer of ${metadata.name}`, 30_000, () =>
        fetchPage(status?.podIP ?? "").catch(() => undefined),
      );
      assert.match(answer, `${metadata.name}\n`);
    }
    // One pod reaches another and the bridge by address.
    const [one, two] = pods;
    const page = await instance.must([
      "exec",
      one?.metadata.name ?? "",
      "--",
      "wget",
      "-qO-",
      `http://${two?.status?.podIP}/`,
    ]);
    assert.is(page.trim(), two?.metadata.name);
    await instance.must(["delete", "pods", "--all"], { timeoutMs: 120_000 });
    assert.equal(await getPods(instance), []);
  }),
);

/** GET / by hand: no client library stands between the test and the address. */
function fetchPage(address: string): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const chunks: Buffer[] = [];
  const socket = connect(80, address, () => socket.write("GET / HTTP/1.0\r\n\r\n"));
  socket.setTimeout(5_000, () => socket.destroy(new Error("no answer")));
  socket.on("data", (chunk) => chunks.push(chunk));
  socket.on("error", reject);
  socket.on("end", () => resolve(Buffer.concat(chunks).toString()));
  return promise;
}

many.run();
