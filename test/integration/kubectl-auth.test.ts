// Promise: kubectl makes tokens and says who may do what, and a token opens what it says and no more.
import { join } from "node:path";
import * as assert from "uvu/assert";
import { kubectl, must } from "../support/machine-kubectl.ts";
import { podSuite } from "../support/pod-suite.ts";
import type { Pods } from "../support/pods.ts";
import { requires } from "../support/requires.ts";
import { type CommandResult, runCommand } from "../support/run-command.ts";

requires("root", "tool:kubectl");

// Daemons that a command starts read it, too.
process.env["NSPOD_LISTEN"] = "127.0.0.1:0";

const { test, run } = podSuite("kubectl-auth");

const robot = ["--as", "system:serviceaccount:default:robot"] as const;

test("says what an administrator and a service account may do", async (pods) => {
  // Any command starts the daemon, which then knows where it listens.
  await pods.instance.must(["get", "pods"]);
  await must(pods, ["create", "serviceaccount", "robot"]);
  assert.is(await must(pods, ["auth", "can-i", "delete", "pods"]), "yes\n");
  assert.is(await must(pods, ["auth", "can-i", "list", "pods", ...robot]), "yes\n");
  assert.is(
    await must(pods, ["auth", "can-i", "get", "pods", "--subresource=log", ...robot]),
    "yes\n",
  );
  for (const [verb = "", resource = "", ...more] of [
    ["delete", "pods"],
    ["get", "secrets"],
    ["list", "pods", "-n", "kube-system"],
    ["list", "deployments.apps", "-A"],
    ["create", "pods", "--subresource=exec"],
  ]) {
    const args = ["auth", "can-i", verb, resource, ...more, ...robot];
    const { code, stdout } = await kubectl(pods, args);
    assert.equal([code, stdout], [1, "no\n"], args.join(" "));
  }
  const list = await must(pods, ["auth", "can-i", "--list", ...robot]);
  assert.match(list, /^pods .*\[get list watch\]$/m);
  assert.not.match(list, "secrets");
});

test("makes roles, and knows what they grant", async (pods) => {
  const may = async (): Promise<string> =>
    (await kubectl(pods, ["auth", "can-i", "create", "configmaps", ...robot])).stdout;
  assert.is(await may(), "no\n");
  await must(pods, ["create", "role", "writer", "--verb=create", "--resource=configmaps"]);
  const binding = ["writes", "--role=writer", "--serviceaccount=default:robot"];
  await must(pods, ["create", "rolebinding", ...binding]);
  assert.is(await may(), "yes\n");
  const shown = await must(pods, ["get", "rolebindings", "-o", "wide"]);
  assert.match(shown, /^NAME +ROLE +AGE +USERS +GROUPS +SERVICEACCOUNTS\nwrites +Role\/writer /);
  assert.match(await must(pods, ["describe", "role", "writer"]), /configmaps .*\[create\]/);
  await must(pods, ["delete", "rolebinding/writes", "role/writer"]);
  assert.is(await may(), "no\n");
});

const account = "/api/v1/namespaces/default/serviceaccounts/robot";

/** By a plain request: older versions have no command for it. */
async function ask(pods: Pods, path: string, kind: string): Promise<string> {
  const spec = kind === "TokenRequest" ? { spec: {} } : {};
  const body = JSON.stringify({ apiVersion: "authentication.k8s.io/v1", kind, ...spec });
  return await must(pods, ["create", "--raw", path, "-f", "-"], { input: body });
}

test("a token opens what its account may, and ends with it", async (pods) => {
  const request = await ask(pods, `${account}/token`, "TokenRequest");
  const { token } = (JSON.parse(request) as { status: { token: string } }).status;
  const path = "{.clusters[0].cluster.server}";
  const server = await must(pods, ["config", "view", "-o", `jsonpath=${path}`]);
  const authority = join(pods.instance.root, "pki/ca.crt");
  const flags = ["--server", server, "--token", token, "--certificate-authority", authority];
  const env = { HOME: pods.instance.base, KUBECONFIG: "/dev/null" };
  const asRobot = async (...args: readonly string[]): Promise<CommandResult> =>
    await runCommand("kubectl", [...args, ...flags], { env });
  const read = await asRobot("get", "serviceaccount", "robot", "-o", "name");
  assert.equal([read.stdout, read.stderr], ["serviceaccount/robot\n", ""]);
  const write = await asRobot("delete", "serviceaccount", "robot");
  assert.is(write.code, 1);
  assert.match(write.stderr, 'cannot delete resource "serviceaccounts" in API group ""');
  await must(pods, ["delete", "serviceaccount", "robot"]);
  const late = await asRobot("get", "serviceaccounts");
  assert.is(late.code, 1);
  assert.match(late.stderr, /Unauthorized|You must be logged in/);
});

test("makes tokens and knows who one is, when it has the commands", async (pods) => {
  const { clientVersion } = JSON.parse(await must(pods, ["version", "--client", "-o", "json"])) as {
    clientVersion: { minor: string };
  };
  // `create token` came with 1.24, `auth whoami` was ready with 1.28.
  const knows = Number.parseInt(clientVersion.minor, 10) >= 28;
  const token = knows
    ? await must(pods, ["create", "token", "default", "--duration=15m"])
    : await ask(pods, account.replace("robot", "default/token"), "TokenRequest");
  assert.match(token, /[\w-]{20,}\.[\w-]{20,}\.[\w-]{20,}/);
  const who = knows
    ? await must(pods, ["auth", "whoami", "-o", "json"])
    : await ask(pods, "/apis/authentication.k8s.io/v1/selfsubjectreviews", "SelfSubjectReview");
  assert.is(JSON.parse(who).status.userInfo.username, "kubernetes-admin");
});

run();
