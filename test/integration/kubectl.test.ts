// Promise: kubectl works against `nspod daemon --listen` with the file that `nspod kubeconfig` prints, whichever
// version the machine has (kubectl-*.test.ts: what each command does); who brings no certificate and no token gets
// nothing.
import { readFile, stat } from "node:fs/promises";
import { request } from "node:https";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import * as assert from "uvu/assert";
import { must } from "../support/machine-kubectl.ts";
import { podSuite } from "../support/pod-suite.ts";
import { podOf, sleeper } from "../support/pods.ts";
import { requires } from "../support/requires.ts";

requires("root", "tool:kubectl");

// Daemons that a command starts read it, too.
process.env["NSPOD_LISTEN"] = "127.0.0.1:0";

const { test, run } = podSuite("kubectl", "busybox");

test("the machine's own kubectl makes, shows, enters and deletes a pod", async (pods) => {
  const body = podOf("shown", { containers: [sleeper("main")] });
  const input = JSON.stringify(body);
  assert.is(await must(pods, ["apply", "-f", "-"], { input }), "pod/shown created\n");
  await must(pods, ["wait", "--for=condition=Ready", "--timeout=20s", "pod/shown"]);
  assert.is(await must(pods, ["exec", "shown", "--", "echo", "inside"]), "inside\n");
  assert.match(await must(pods, ["get", "pods"]), /^shown +1\/1 +Running/m);
  assert.match(await must(pods, ["delete", "pod", "shown"]), /pod "shown" deleted/);
});

test("keeps the certificates to root, and strangers out", async (pods) => {
  const folder = join(pods.instance.root, "pki");
  assert.is((await stat(folder)).mode & 0o777, 0o700);
  assert.is((await stat(join(folder, "ca.key"))).mode & 0o777, 0o600);
  const url = (await readFile(join(folder, "server"), "utf8")).trim();
  const ca = await readFile(join(folder, "ca.crt"));
  const ask = async (headers: Record<string, string>): Promise<readonly [number, string]> => {
    const { promise, resolve, reject } = Promise.withResolvers<readonly [number, string]>();
    const outgoing = request(`${url}/api/v1/pods`, { ca, headers, agent: false }, (response) => {
      void text(response).then((body) => resolve([response.statusCode ?? 0, body]), reject);
    });
    outgoing.on("error", reject).end();
    return await promise;
  };
  for (const headers of [{}, { authorization: "Bearer a.b.c" }]) {
    const [code, body] = await ask(headers);
    assert.is(code, 401);
    assert.is(JSON.parse(body).reason, "Unauthorized");
  }
});

run();
