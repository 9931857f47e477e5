// Promise: kubectl works against `nspod daemon --listen` with the file that `nspod kubeconfig` prints, whichever
// version the machine has; who brings no certificate and no token gets nothing.
import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { mkdir, readFile, stat, writeFile } from "node:fs/promises";
import { request } from "node:https";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { text } from "node:stream/consumers";
import * as assert from "uvu/assert";
import { podSuite } from "../support/pod-suite.ts";
import { type Pods, podOf, shell, sleeper } from "../support/pods.ts";
import { requires } from "../support/requires.ts";
import { type CommandOptions, type CommandResult, runCommand } from "../support/run-command.ts";

requires("root", "tool:kubectl");

// Daemons that a command starts read it, too.
process.env["NSPOD_LISTEN"] = "127.0.0.1:0";

const { test, run } = podSuite("kubectl", "busybox");

/** KUBECONFIG and a home of its own for kubectl's caches. */
async function kubeEnv({ instance }: Pods): Promise<Record<string, string>> {
  const home = join(instance.base, "home");
  const file = join(home, "config");
  await mkdir(home, { recursive: true });
  await writeFile(file, await instance.must(["kubeconfig"]), { mode: 0o600 });
  return { HOME: home, KUBECONFIG: file };
}

async function kubectl(
  pods: Pods,
  args: readonly string[],
  options: CommandOptions = {},
): Promise<CommandResult> {
  return await runCommand("kubectl", args, { ...options, env: await kubeEnv(pods) });
}

async function must(
  pods: Pods,
  args: readonly string[],
  options: CommandOptions = {},
): Promise<string> {
  const { code, stdout, stderr } = await kubectl(pods, args, options);
  assert.is(code, 0, `kubectl ${args.join(" ")}: ${stderr}${stdout}`);
  return stdout;
}

function manifest(name: string, ...containers: readonly ReturnType<typeof shell>[]): string {
  return JSON.stringify(podOf(name, { containers }));
}

const server = "mkdir -p /tmp/w; echo inside > /tmp/w/index.html; httpd -p 8080 -h /tmp/w; echo up";

async function start(pods: Pods, name: string): Promise<void> {
  const script = `${server}; trap 'exit 0' TERM; sleep infinity & wait`;
  await must(pods, ["apply", "-f", "-"], { input: manifest(name, shell("main", script)) });
  await must(pods, ["wait", "--for=condition=Ready", "--timeout=20s", `pod/${name}`]);
}

test("knows the versions, kinds and tables", async (pods) => {
  assert.match(await must(pods, ["version"]), /v1\.\d+\.\d+\+nspod/);
  assert.match(await must(pods, ["api-resources"]), /pods +po +v1 +true +Pod/);
  assert.match(await must(pods, ["get", "nodes"]), /NAME +STATUS +ROLES +AGE +VERSION\n\S+ +Ready/);
  const classes = await must(pods, ["get", "storageclasses"]);
  assert.match(classes, /PROVISIONER +RECLAIMPOLICY +VOLUMEBINDINGMODE/);
});

test("applies, changes, shows in every form and deletes", async (pods) => {
  const body = manifest("shown", sleeper("main"));
  const apply = async (): Promise<string> =>
    await must(pods, ["apply", "-f", "-"], { input: body });
  assert.is(await apply(), "pod/shown created\n");
  assert.is(await apply(), "pod/shown unchanged\n");
  await must(pods, ["wait", "--for=condition=Ready", "--timeout=20s", "pod/shown"]);
  assert.match(
    await must(pods, ["get", "pod", "shown", "-o", "wide"]),
    /^NAME +READY +STATUS +RESTARTS +AGE +IP +NODE +NOMINATED NODE +READINESS GATES\nshown +1\/1 +Running/,
  );
  assert.is(await must(pods, ["get", "pods", "-o", "name"]), "pod/shown\n");
  const json = JSON.parse(await must(pods, ["get", "pod", "shown", "-o", "json"]));
  assert.is(json.metadata.name, "shown");
  assert.match(await must(pods, ["get", "pod", "shown", "-o", "yaml"]), /\n {2}name: shown\n/);
  await must(pods, ["label", "pod", "shown", "tier=front"]);
  assert.match(await must(pods, ["get", "pods", "-l", "tier=front"]), /shown/);
  await must(pods, ["annotate", "pod", "shown", "note=kept"]);
  await must(pods, ["patch", "pod", "shown", "-p", '{"metadata":{"labels":{"tier":"back"}}}']);
  const path = "-o=jsonpath={.metadata.labels.tier}/{.metadata.annotations.note}";
  assert.is(await must(pods, ["get", "pod", "shown", path]), "back/kept");
  assert.match(await must(pods, ["describe", "pod", "shown"]), /Node: .*[\s\S]*Started container/);
  assert.match(await must(pods, ["delete", "pod", "shown"]), /pod "shown" deleted/);
  const gone = await kubectl(pods, ["get", "pod", "shown"]);
  assert.match(gone.stderr, /Error from server \(NotFound\): pods "shown" not found/);
});

test("follows logs, runs commands with their exit code, a terminal and input", async (pods) => {
  await start(pods, "talks");
  assert.is(await must(pods, ["logs", "talks"]), "up\n");
  const command = "echo out; echo err >&2; exit 3";
  const failed = await kubectl(pods, ["exec", "talks", "--", "sh", "-c", command]);
  assert.is(failed.code, 3);
  assert.is(failed.stdout, "out\n");
  assert.match(failed.stderr, /^err\ncommand terminated with exit code 3/);
  const input = randomBytes(200_000).toString("hex");
  assert.is(await must(pods, ["exec", "-i", "talks", "--", "cat"], { input }), input);
  const words = ["script", "-qec", "kubectl exec -it talks -- tty", "/dev/null"] as const;
  const terminal = await runCommand(words[0], words.slice(1), { env: await kubeEnv(pods) });
  assert.match(terminal.stdout, /\/dev\/pts\/\d/);
  await pods.delete("talks");
});

test("copies files in and out", async (pods) => {
  await start(pods, "copies");
  const [there, back] = ["there", "back"].map((name) => join(pods.instance.base, name));
  const content = randomBytes(300_000);
  await writeFile(there ?? "", content);
  await must(pods, ["cp", there ?? "", "copies:/tmp/file"]);
  await must(pods, ["cp", "copies:/tmp/file", back ?? ""]);
  assert.ok(content.equals(await readFile(back ?? "")));
  await pods.delete("copies");
});

test("forwards ports, one connection after the other", async (pods) => {
  await start(pods, "serves");
  const child = spawn("kubectl", ["port-forward", "--address", "127.0.0.1", "serves", ":8080"], {
    env: { ...process.env, ...(await kubeEnv(pods)) },
    stdio: ["ignore", "pipe", "inherit"],
  });
  try {
    const [line] = (await once(createInterface(child.stdout), "line")) as [string];
    const port = /127\.0\.0\.1:(\d+) -> 8080/.exec(line)?.[1];
    for (let round = 0; round < 3; round++) {
      const answer = await fetch(`http://127.0.0.1:${port}/index.html`);
      assert.is(await answer.text(), "inside\n");
    }
  } finally {
    const exit = once(child, "exit");
    child.kill();
    await exit;
  }
  await pods.delete("serves");
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
