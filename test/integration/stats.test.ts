// Promise: `top` and `stats` tell what running containers use: cpu always; memory, limits and disk where the kernel's
// controllers are there, and a dash where they are not. The metrics API says the same.
import * as assert from "uvu/assert";
import { podSuite } from "../support/pod-suite.ts";
import { shell, sleeper } from "../support/pods.ts";
import { firstMissing, requires } from "../support/requires.ts";

requires("root");

const { test, run } = podSuite("stats", "busybox");

interface Metrics {
  readonly metadata: { readonly name: string };
  readonly window: string;
  readonly containers: readonly { readonly name: string; readonly usage: Record<string, string> }[];
}

test("top tells who works and who sleeps", async (pods) => {
  await pods.up("busy", { containers: [shell("burn", "while :; do :; done"), sleeper("calm")] });
  await pods.up("idle", { containers: [sleeper("main")] });
  const table = await pods.instance.must(["top", "pods", "--containers", "--sort-by=cpu"]);
  const rows = table
    .trimEnd()
    .split("\n")
    .map((line) => line.split(/ {2,}/));
  assert.equal(rows[0], ["POD", "NAME", "CPU(cores)", "MEMORY(bytes)"]);
  assert.equal(rows[1]?.slice(0, 2), ["busy", "burn"]);
  assert.is(rows.length, 4);
  const millis = (row: readonly string[] | undefined): number =>
    Number.parseInt(row?.[2] ?? "", 10);
  assert.ok(millis(rows[1]) >= 50, table);
  assert.ok(millis(rows[3]) < 50, table);
  const { stderr, code } = await pods.instance.nspod(["top", "pods", "nobody"]);
  assert.is(code, 1);
  assert.match(stderr, '"default/nobody" is not found');
});

test("the metrics API has the same numbers in its own form", async (pods) => {
  const path = "/apis/metrics.k8s.io/v1beta1";
  const { items } = await pods.client.json<{ readonly items: readonly Metrics[] }>(
    "GET",
    `${path}/namespaces/default/pods`,
  );
  assert.equal(items.map(({ metadata }) => metadata.name).sort(), ["busy", "idle"]);
  const one = await pods.client.json<Metrics>("GET", `${path}/namespaces/default/pods/busy`);
  const [burn] = one.containers;
  assert.is(burn?.name, "burn");
  assert.match(burn?.usage["cpu"] ?? "", /^\d+n$/);
  assert.ok(Number.parseFloat(one.window) >= 0.2, one.window);
  const nodes = await pods.instance.must(["top", "nodes"]);
  assert.match(nodes, /^NAME .*CPU\(cores\)/);
  assert.match(nodes, /\n\S+ +\d+m +\S+ +\d+Mi /);
});

test("stats shows threads and the traffic of the pod", async (pods) => {
  const pod = await pods.get("busy");
  const { podIP } = (await pods.get("idle")).status ?? {};
  assert.not(podIP === undefined, JSON.stringify(pod.status));
  await pods.ask("idle", `nc -w 1 ${pod.status?.podIP} 9 < /dev/null; true`);
  const table = await pods.instance.must(["stats", "--no-stream", "idle"]);
  const [heading, row = ""] = table.trimEnd().split("\n");
  assert.match(heading ?? "", /^POD +CONTAINER +CPU %/);
  assert.match(row, /^idle +main +\d+\.\d\d% .* \d+(?:\.\d+)?k?B \/ \d+(?:\.\d+)?k?B .* 2$/);
  assert.not.match(row, / 0B \/ 0B {2}/);
});

test("memory stands beside its limit where the kernel counts it", async (pods) => {
  const script = "head -c 40m /dev/zero >/dev/shm/held; trap 'exit 0' TERM; sleep infinity & wait";
  const resources = { limits: { memory: "128Mi" } };
  await pods.up("holder", { containers: [shell("main", script, { resources })] });
  await pods.ask("holder", "until [ $(wc -c </dev/shm/held) = 41943040 ]; do sleep 0.1; done");
  const table = await pods.instance.must(["stats", "--no-stream", "holder"]);
  const cells = table.trimEnd().split("\n")[1]?.split(/ {2,}/) ?? [];
  const top = await pods.instance.must(["top", "pods", "holder", "--no-headers"]);
  if (firstMissing(["cgroup2:memory"]) !== undefined) {
    assert.equal(cells.slice(3, 6), ["-", "-", "-"]);
    assert.match(top, / -\n$/);
    return;
  }
  const used = Number(/^(\d+(?:\.\d+)?)MB \/ 134MB$/.exec(cells[3] ?? "")?.[1]);
  assert.ok(used >= 41.9 && used < 60, table);
  assert.ok(Number.parseFloat(cells[4] ?? "") >= 31, table);
  const mebibytes = Number(/ (\d+)Mi\n$/.exec(top)?.[1]);
  assert.ok(mebibytes >= 40 && mebibytes < 60, top);
});

run();
