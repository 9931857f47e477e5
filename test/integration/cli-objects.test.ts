// Promise: every kind can be listed, described, changed, waited for and deleted in the words of kubectl, and
// `nspod why` says what a pod waits for, why it died, and what mends it.
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import * as assert from "uvu/assert";
import { resources } from "../../src/spec/resources.ts";
import { eventually } from "../support/eventually.ts";
import { NSPOD } from "../support/instance.ts";
import { LiveCommand } from "../support/live-command.ts";
import { podSuite } from "../support/pod-suite.ts";
import { type Pods, podOf, shell, sleeper } from "../support/pods.ts";
import { requires } from "../support/requires.ts";

requires("root");

const { test, run } = podSuite("objects from the command line", "busybox");

const nspod = (pods: Pods, ...args: readonly string[]): Promise<string> => pods.instance.must(args);

const config = {
  apiVersion: "v1",
  kind: "ConfigMap",
  metadata: { name: "settings", labels: { app: "x" } },
  data: { a: "1", b: "2" },
};
const secret = {
  apiVersion: "v1",
  kind: "Secret",
  metadata: { name: "keys" },
  type: "Opaque",
  stringData: { word: "hunter2" },
};

test("every kind can be listed, as a table and for programs", async (pods) => {
  for (const { plural } of resources) {
    const { stderr, code } = await pods.instance.nspod(["get", plural]);
    assert.is(code, 0, `${plural}: ${stderr}`);
    assert.is(JSON.parse(await nspod(pods, "get", plural, "-o", "json")).kind, "List");
  }
});

test("each kind has kubectl's columns", async (pods) => {
  const input = [config, secret].map((each) => JSON.stringify(each)).join("\n---\n");
  assert.is(
    await pods.instance.must(["create", "-f", "-"], { input }),
    "secret/keys created\nconfigmap/settings created\n",
  );
  const rows = async (...args: readonly string[]): Promise<readonly string[]> =>
    (await nspod(pods, "get", ...args)).trimEnd().split("\n");
  assert.match((await rows("cm", "settings"))[0] ?? "", /^NAME +DATA +AGE$/);
  assert.match((await rows("cm", "settings"))[1] ?? "", /^settings +2 +\w+$/);
  assert.match((await rows("secret", "keys"))[1] ?? "", /^keys +Opaque +1 +\w+$/);
  assert.match((await rows("ns", "default"))[1] ?? "", /^default +Active +\w+$/);
  assert.match((await rows("nodes"))[0] ?? "", /^NAME +STATUS +ROLES +AGE +VERSION$/);
  assert.match((await rows("sc"))[1] ?? "", /^local-path \(default\) /);
  assert.match(
    (await rows("cm,secrets", "-o", "name", "-l", "app=x")).join(),
    /^configmap\/settings$/,
  );
  const both = await rows("cm/settings", "secret/keys");
  assert.match(both.join("\n"), /^NAME .*\nconfigmap\/settings .*\n\nNAME .*\nsecret\/keys /);
});

test("jsonpath, custom columns and sorting", async (pods) => {
  assert.is(await nspod(pods, "get", "cm", "settings", "-o", "jsonpath={.data.a}{.data.b}"), "12");
  assert.is(
    await nspod(
      pods,
      "get",
      "cm,secret",
      "-l",
      "app=x",
      "-o",
      'jsonpath={range .items[*]}{.kind}/{.metadata.name}{"\\n"}{end}',
    ),
    "ConfigMap/settings\n",
  );
  assert.match(
    await nspod(
      pods,
      "get",
      "cm",
      "settings",
      "-o",
      "custom-columns=N:.metadata.name,A:.data.a,Z:.data.z",
    ),
    /^N +A +Z\nsettings +1 +<none>\n$/,
  );
  const sorted = await nspod(pods, "get", "pc", "--sort-by=.value", "-o", "name");
  assert.match(sorted, /cluster-critical\n.*node-critical/);
});

test("words that name no resource are refused with the nearest that does", async (pods) => {
  const { stderr, code } = await pods.instance.nspod(["get", "confgimaps"]);
  assert.is(code, 1);
  assert.is(
    stderr,
    'nspod: The server does not have a resource type "confgimaps": did you mean "configmaps"?\n',
  );
});

test("label, annotate and patch change, and say when nothing changed", async (pods) => {
  assert.is(
    await nspod(pods, "label", "cm", "settings", "tier=front", "app-"),
    "configmap/settings labeled\n",
  );
  assert.is(
    await nspod(pods, "label", "cm", "settings", "tier=front"),
    "configmap/settings not labeled\n",
  );
  const { stderr } = await pods.instance.nspod(["label", "cm", "settings", "tier=back"]);
  assert.match(stderr, "--overwrite is not given");
  assert.is(
    await nspod(pods, "annotate", "cm/settings", "note=a b"),
    "configmap/settings annotated\n",
  );
  assert.is(
    await nspod(pods, "patch", "cm", "settings", "-p", "data: {a: null}"),
    "configmap/settings patched\n",
  );
  const { metadata, data } = JSON.parse(await nspod(pods, "get", "cm", "settings", "-o", "json"));
  assert.equal(
    [metadata.labels, metadata.annotations, data],
    [{ tier: "front" }, { note: "a b" }, { b: "2" }],
  );
});

test("describe knows every kind, and shows no secret", async (pods) => {
  const text = await nspod(pods, "describe", "cm/settings", "secret/keys", "ns/default");
  assert.match(text, /^Name: +settings$/m);
  assert.match(text, /^word: +7 bytes$/m);
  assert.match(text, /^Status: +Active$/m);
  assert.not.match(text, /hunter2|aHVudGVyMg/);
  for (const { plural } of resources) await nspod(pods, "describe", plural);
});

test("wait returns for conditions, values, creation and deletion", async (pods) => {
  await using created = new LiveCommand(NSPOD, ["wait", "pod/late", "--for=create"], {
    env: pods.instance.env,
  });
  await pods.up("late", { containers: [sleeper("main")] });
  await created.says(/^pod\/late condition met/m);
  await nspod(pods, "wait", "pod/late", "--for=jsonpath={.status.phase}=Running");
  const { stderr, code } = await pods.instance.nspod([
    "wait",
    "late",
    "--for=condition=Never",
    "--timeout=1s",
  ]);
  assert.equal([code, stderr], [1, "nspod: timed out waiting for the condition on pod/late\n"]);
  await using gone = new LiveCommand(NSPOD, ["wait", "pod/late", "--for=delete"], {
    env: pods.instance.env,
  });
  assert.is(await nspod(pods, "delete", "pod", "late", "--now"), 'pod "late" deleted\n');
  await gone.says(/^pod\/late deleted/m);
});

test("events tell what happened to one object", async (pods) => {
  await pods.up("busy", { containers: [sleeper("main")] });
  const said = await nspod(pods, "events", "--for", "pod/busy", "--no-headers");
  assert.match(said, /Started +pod\/busy +Started container main$/m);
  assert.is(await nspod(pods, "events", "--for", "pod/busy", "--types=Warning", "-o", "name"), "");
  await pods.delete("busy");
});

/** What `why` says when it says this. */
async function why(pods: Pods, name: string, wanted: RegExp): Promise<string> {
  const text = await nspod(pods, "why", name);
  assert.match(text, wanted);
  return text;
}

test("why names the ConfigMap that is missing, and the pod goes on when it is there", async (pods) => {
  await pods.create("needy", {
    containers: [{ ...sleeper("main"), envFrom: [{ configMapRef: { name: "later" } }] }],
  });
  await pods.until(
    "needy",
    "waits",
    ({ status }) =>
      status?.containerStatuses?.[0]?.state?.waiting?.reason === "CreateContainerConfigError",
  );
  const text = await why(pods, "needy", /waits: CreateContainerConfigError: .*"later" not found/);
  assert.match(text, 'ConfigMap "later" does not exist in namespace "default"');
  await pods.createObject({
    apiVersion: "v1",
    kind: "ConfigMap",
    metadata: { name: "later" },
    data: {},
  } as never);
  await nspod(pods, "wait", "pod/needy", "--for=condition=Ready", "--timeout=20s");
  await why(pods, "needy", /Container "main" runs since \w+ and is ready/);
  await pods.delete("needy");
});

test("why names an image that is missing", async (pods) => {
  await pods.create("blank", { containers: [{ ...sleeper("main"), image: "nobody/has:this" }] });
  await pods.until(
    "blank",
    "waits",
    ({ status }) =>
      status?.containerStatuses?.[0]?.state?.waiting?.reason?.match(/Image|ErrImage/) != null,
  );
  await why(
    pods,
    "blank",
    /Image "nobody\/has:this" is not on this machine: load it with "nspod image load/,
  );
  await pods.delete("blank");
});

test("why tells how a container ended, with its last words", async (pods) => {
  await pods.ended("sad", {
    containers: [shell("main", "echo last words; exit 3")],
    restartPolicy: "Never",
  });
  const text = await why(
    pods,
    "sad",
    /Container "main" ended \w+ ago, after \w+, with exit code 3$/m,
  );
  assert.match(text, /Its last lines:\n {4}last words$/m);
  await pods.ended("shot", {
    containers: [shell("main", "sleep 100 & kill -SEGV $!; wait $!; exit $?")],
    restartPolicy: "Never",
  });
  await why(pods, "shot", /exit code 139 = SIGSEGV: it touched memory/);
  await pods.delete("sad", "shot");
});

test("why repeats the answer of a probe that fails", async (pods) => {
  await pods.create("sick", {
    containers: [
      {
        ...sleeper("main"),
        readinessProbe: {
          exec: { command: ["sh", "-c", "echo not today; exit 1"] },
          periodSeconds: 1,
        },
      },
    ],
  });
  await pods.until("sick", "runs", ({ status }) => status?.phase === "Running");
  await using follow = new LiveCommand(NSPOD, ["events", "-w", "--for", "pod/sick"], {
    env: pods.instance.env,
  });
  await follow.says(/Unhealthy/);
  await why(pods, "sick", /is not ready\n {2}Its readiness probe failed \w+ ago, .*: not today/);
  await pods.delete("sick");
});

test("run --wait=ready tells of the probe while it waits", async (pods) => {
  const probe = { exec: { command: ["sh", "-c", "cat /tmp/go || { echo not yet; exit 1; }"] } };
  const spec = {
    containers: [{ ...sleeper("main"), readinessProbe: { ...probe, periodSeconds: 1 } }],
  };
  const input = JSON.stringify(podOf("slow", spec));
  const file = join(pods.instance.base, "slow.json");
  await writeFile(file, input);
  const { env } = pods.instance;
  await using wait = new LiveCommand(NSPOD, ["run", "--wait=ready", file], { env });
  await eventually("the answer of the probe", 20_000, () => {
    assert.match(wait.stderr, 'Pod "slow", container "main": Readiness probe failed: ');
    assert.match(wait.stderr, /^.*not yet$/m);
    return true;
  });
  await pods.ask("slow", "touch /tmp/go");
  await wait.says(/^pod\/slow$/m);
  await pods.delete("slow");
});

test("why says that a pod fits on no node", async (pods) => {
  await pods.create("choosy", { containers: [sleeper("main")], nodeSelector: { disk: "gold" } });
  await pods.until(
    "choosy",
    "is not scheduled",
    ({ status }) =>
      status?.conditions?.some(
        ({ type, status: is }) => type === "PodScheduled" && is === "False",
      ) ?? false,
  );
  await why(pods, "choosy", /No node for it: Unschedulable: 0\/1 nodes are available/);
  await pods.delete("choosy");
});

test("export-like output can be applied again", async (pods) => {
  const file = join(pods.instance.base, "again.yaml");
  await writeFile(file, await nspod(pods, "get", "cm", "settings", "-o", "yaml"));
  assert.is(await nspod(pods, "delete", "-f", file), 'configmap "settings" deleted\n');
  const { stderr } = await pods.instance.nspod(["get", "cm", "settings"]);
  assert.is(stderr, 'nspod: configmaps "settings" not found\n');
});

run();
