// Promise: what nspod prints can be read by people and by programs, in the words of kubectl; and
// what it refuses it refuses in one sentence that names the place.
import { readFileSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import * as assert from "uvu/assert";
import { parse } from "yaml";
import type { Event } from "../../src/spec/event.ts";
import type { Pod } from "../../src/spec/pod.ts";
import type { KubernetesObject } from "../../src/spec/resources.ts";
import { NSPOD } from "../support/instance.ts";
import { LiveCommand } from "../support/live-command.ts";
import { podSuite } from "../support/pod-suite.ts";
import { type Pods, podOf, shell, sleeper, statusOf } from "../support/pods.ts";
import { requires } from "../support/requires.ts";
import { runCommand } from "../support/run-command.ts";

requires("root", "tool:setpriv");

const { test, run } = podSuite("command line", "busybox", "testbox");

interface List<T> {
  readonly kind: string;
  readonly items: readonly T[];
}

const nspod = (pods: Pods, ...args: readonly string[]): Promise<string> => pods.instance.must(args);

/** The sentence of a command that must fail with 1 and print nothing else. */
async function refusal(pods: Pods, args: readonly string[], input = ""): Promise<string> {
  const { stdout, stderr, code } = await pods.instance.nspod(args, { input });
  assert.is(code, 1, stdout + stderr);
  assert.is(stdout, "");
  return stderr;
}

test("get says so when there is nothing", async (pods) => {
  const { stdout, stderr, code } = await pods.instance.nspod(["get", "pods"]);
  assert.equal([stdout, stderr, code], ["", "No resources found in default namespace.\n", 0]);
});

test("get pods lists as kubectl does, in columns and -o wide", async (pods) => {
  await pods.up("web", { containers: [sleeper("one"), sleeper("two")] });
  const { status } = await pods.get("web");
  const rows = (await nspod(pods, "get", "pods")).trimEnd().split("\n");
  assert.is(rows.length, 2);
  assert.match(rows[0] ?? "", /^NAME\s+READY\s+STATUS\s+RESTARTS\s+AGE$/);
  assert.match(rows[1] ?? "", /^web\s+2\/2\s+Running\s+0\s+\w+$/);
  const wide = await nspod(pods, "get", "pods", "-o", "wide", "--no-headers");
  assert.match(wide, new RegExp(`^web .* ${status?.podIP?.replaceAll(".", "\\.")} `));
  assert.match(await nspod(pods, "ps", "--no-headers"), /^web\s+2\/2\s+Running\s+0\s+\w+\n$/);
});

test("get -o name, json and yaml are for programs", async (pods) => {
  assert.is(await nspod(pods, "get", "pods", "-o", "name"), "pod/web\n");
  const list: List<Pod> = JSON.parse(await nspod(pods, "get", "pods", "-o", "json"));
  assert.equal([list.kind, list.items.length], ["List", 1]);
  const one: Pod = JSON.parse(await nspod(pods, "get", "pod/web", "-o", "json"));
  assert.equal([one.kind, one.metadata.name, one.status?.phase], ["Pod", "web", "Running"]);
  assert.equal(parse(await nspod(pods, "get", "pod", "web", "-o", "yaml")), one);
});

test("namespaces keep pods apart; -A shows them all", async (pods) => {
  const input = JSON.stringify(podOf("web", { containers: [sleeper("main")] }));
  const intoOther = ["-n", "other", "run", "--wait", "running", "-"];
  const early = await pods.instance.nspod(intoOther, { input });
  assert.match(early.stderr, 'namespaces "other" not found');
  const metadata = { name: "other", namespace: "", uid: "" };
  const namespace: KubernetesObject = { apiVersion: "v1", kind: "Namespace", metadata };
  await pods.createObject(namespace);
  await pods.instance.must(intoOther, { input });
  const all = await nspod(pods, "get", "pods", "-A");
  assert.match(all, /^NAMESPACE\s+NAME\s/);
  assert.match(all, /^default\s+web\s+2\/2\s/m);
  assert.match(all, /^other\s+web\s+1\/1\s/m);
  assert.is(await nspod(pods, "get", "pods", "-n", "other", "-o", "name"), "pod/web\n");
  await nspod(pods, "delete", "pod", "web", "-n", "other", "--now");
  assert.is(await nspod(pods, "get", "pods", "-A", "-o", "name"), "pod/web\n");
});

test("get -w prints a row for each change", async (pods) => {
  await using watch = new LiveCommand(NSPOD, ["get", "pods", "-w"], { env: pods.instance.env });
  await watch.says(/^web\s+2\/2/m);
  await pods.up("seen", { containers: [shell("main", "exec sleep 1000")] });
  await watch.says(/^seen\s+1\/1\s+Running/m);
  for (const pid of await pods.pids("seen", "main")) process.kill(pid, "SIGKILL");
  await watch.says(/^seen\s+0\/1\s+Error/m);
  await pods.delete("seen");
});

test("describe has every section, and events in the order of what happened", async (pods) => {
  const text = await nspod(pods, "describe", "pod", "web");
  for (const head of [
    "Name:",
    "Namespace:",
    "Node:",
    "Labels:",
    "Status:",
    "IP:",
    "Containers:",
    "Conditions:",
    "Volumes:",
    "QoS Class:",
    "Events:",
  ]) {
    assert.match(text, new RegExp(`^${head}`, "m"));
  }
  assert.match(text, /^ {2}one:\n {4}Container ID: +nspod:\/\/[0-9a-f]{64}$/m);
  assert.match(text, /^ +State: +Running$/m);
  const reasons = [...text.matchAll(/^ {2}Normal +(\w+) /gm)].map((match) => match[1]);
  assert.equal(reasons, [
    "Scheduled",
    "Pulled",
    "Created",
    "Started",
    "Pulled",
    "Created",
    "Started",
  ]);
});

test("get events shows them, also as json", async (pods) => {
  assert.match(
    await nspod(pods, "get", "events"),
    /^\w+\s+Normal\s+Started\s+pod\/web\s+Started container one$/m,
  );
  const list: List<Event> = JSON.parse(await nspod(pods, "get", "events", "-o", "json"));
  const started = list.items.filter(
    ({ reason, involvedObject }) => reason === "Started" && involvedObject.name === "web",
  );
  assert.equal(started.map(({ involvedObject }) => involvedObject.fieldPath).sort(), [
    "spec.containers{one}",
    "spec.containers{two}",
  ]);
});

test("a manifest with a mistake is refused by line and column", async (pods) => {
  const manifest = [
    "apiVersion: v1",
    "kind: Pod",
    "metadata:",
    "  name: wrong",
    "spec:",
    "  containers:",
    "    - name: main",
    "      image: busybox",
    "      comand: [sh]",
    "      ports:",
    '        - containerPort: "80"',
  ].join("\n");
  const file = join(pods.instance.base, "wrong.yaml");
  await writeFile(file, manifest);
  const said = await refusal(pods, ["run", file]);
  assert.match(
    said,
    `${file}:9:7: spec.containers[0].comand: unknown field "comand": did you mean "command"?`,
  );
  assert.match(said, /wrong\.yaml:11:26: spec\.containers\[0\]\.ports\[0\]\.containerPort: /);
  const known = await refusal(
    pods,
    ["apply", "-f", "-"],
    manifest.replace("comand: [sh]", "securityContext: {windowsOptions: {}}"),
  );
  assert.match(
    known,
    /9:25: spec\.containers\[0\]\.securityContext\.windowsOptions: is for Windows nodes only/,
  );
  assert.match(
    await refusal(pods, ["run", "-"], "kind: Pod\n  x: ["),
    /^<stdin>:1:7: Nested mappings/,
  );
});

test("an unknown pod, command, option or file is one sentence", async (pods) => {
  const sentence = 'nspod: pods "nobody" not found\n';
  assert.is(await refusal(pods, ["get", "pod", "nobody"]), sentence);
  assert.is(await refusal(pods, ["describe", "nobody"]), sentence);
  assert.is(await refusal(pods, ["logs", "nobody"]), sentence);
  assert.is(await refusal(pods, ["delete", "pod", "nobody"]), sentence);
  assert.match(
    await refusal(pods, ["run", "/no/such.yaml"]),
    /^nspod: .*"?\/no\/such\.yaml"?.*\n$/,
  );
  assert.match(await refusal(pods, ["lgos", "web"]), /^nspod: unknown command 'lgos'\n.*logs/s);
  assert.match(await refusal(pods, ["get", "pods", "--wide"]), /^nspod: unknown option '--wide'/);
  assert.is(await nspod(pods, "get", "pod", "nobody", "--ignore-not-found"), "");
});

test("without root: one sentence, and help and version all the same", async (pods) => {
  const { env } = pods.instance;
  // Nobody, but able to read a checkout in a private folder.
  const identity = ["--reuid=65534", "--regid=65534", "--clear-groups"];
  const reader = ["--inh-caps=+dac_read_search", "--ambient-caps=+dac_read_search"];
  const asUser = (...args: readonly string[]) =>
    runCommand("setpriv", [...identity, ...reader, NSPOD, ...args], { env });
  for (const args of [
    ["get", "pods"],
    ["run", "-"],
    ["image", "ls"],
  ]) {
    const { stdout, stderr, code } = await asUser(...args);
    assert.equal([stdout, stderr, code], ["", "nspod needs root: run it with sudo\n", 1]);
  }
  assert.is((await asUser("version")).code, 0);
  assert.match((await asUser("run", "--help")).stdout, /^Usage: nspod run /);
});

test("apply creates, leaves alone, and changes what may change", async (pods) => {
  const manifest = (image: string, label: string) => ({
    ...podOf("applied", {
      restartPolicy: "Always",
      containers: [{ ...sleeper("main"), image }, sleeper("stays")],
    }),
    metadata: { name: "applied", labels: { label } },
  });
  const apply = (object: object) =>
    pods.instance.nspod(["apply", "-f", "-"], { input: JSON.stringify(object) });
  const said = async (object: object) => (await apply(object)).stdout;
  assert.is(await said(manifest("busybox", "a")), "pod/applied created\n");
  const before = await pods.until("applied", "both containers", (pod) =>
    ["main", "stays"].every((name) => statusOf(pod, name).state?.running),
  );
  assert.is(await said(manifest("busybox", "a")), "pod/applied unchanged\n");
  assert.is(await said(manifest("busybox", "b")), "pod/applied configured\n");
  assert.equal((await pods.get("applied")).metadata.labels, { label: "b" });
  assert.is(await said(manifest("nspod/testbox", "b")), "pod/applied configured\n");
  const after = await pods.until(
    "applied",
    "the container to be replaced",
    (pod) => statusOf(pod, "main").restartCount === 1 && !!statusOf(pod, "main").state?.running,
  );
  assert.is(statusOf(after, "main").image, "nspod/testbox");
  assert.is.not(statusOf(after, "main").imageID, statusOf(before, "main").imageID);
  assert.is(statusOf(after, "stays").containerID, statusOf(before, "stays").containerID);
  assert.is(after.status?.podIP, before.status?.podIP);
  const moved = { ...manifest("nspod/testbox", "b") } as unknown as Pod;
  const refused = await apply({ ...moved, spec: { ...moved.spec, hostNetwork: true } });
  assert.is(refused.code, 1);
  assert.match(
    refused.stderr,
    /^nspod: pod\/applied: Pod "applied" is invalid: spec\.hostNetwork: pod updates may not change fields other than/,
  );
});

test("delete -f takes the pods of manifests, --all those of the namespace", async (pods) => {
  const file = join(pods.instance.base, "two.yaml");
  const one = JSON.stringify(podOf("one", { containers: [sleeper("main")] }));
  const two = JSON.stringify(podOf("two", { containers: [sleeper("main")] }));
  await writeFile(file, `${one}\n---\n${two}\n`);
  assert.is(await nspod(pods, "apply", "-f", file), "pod/one created\npod/two created\n");
  assert.is(await nspod(pods, "delete", "-f", file), 'pod "two" deleted\npod "one" deleted\n');
  assert.is(await nspod(pods, "get", "pods", "-o", "name"), "pod/applied\npod/web\n");
  const all = await nspod(pods, "delete", "pods", "--all");
  assert.equal(all.trimEnd().split("\n").sort(), ['pod "applied" deleted', 'pod "web" deleted']);
  assert.is(await nspod(pods, "get", "pods", "-o", "name"), "");
  assert.match(await refusal(pods, ["delete", "pods"]), /--all/);
});

test("completion scripts parse, and every command has help with an example", async (pods) => {
  const file = join(pods.instance.base, "completion");
  await writeFile(file, await nspod(pods, "completion", "bash"));
  const { code, stderr } = await runCommand("bash", ["-n", file]);
  assert.is(code, 0, stderr);
  assert.match(readFileSync(file, "utf8"), /complete .*nspod/);
  for (const shellName of ["zsh", "fish"]) {
    assert.match(await nspod(pods, "completion", shellName), /nspod/);
  }
  const help = await nspod(pods, "--help");
  const commands = [...help.matchAll(/^ {2}([a-z]+)(?: |\|)/gm)].map((match) => match[1] ?? "");
  for (const word of [
    "run",
    "apply",
    "get",
    "describe",
    "logs",
    "exec",
    "attach",
    "delete",
    "image",
    "doctor",
    "system",
  ]) {
    assert.ok(commands.includes(word), `${word} in ${commands.join(" ")}`);
    assert.match(await nspod(pods, word, "--help"), /^Examples?:\n {2}(sudo )?nspod /m);
  }
}, 60_000);

run();
