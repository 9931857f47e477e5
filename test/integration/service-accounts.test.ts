// Promise: while the daemon listens, a pod has what a client of the API looks for: address, token, certificate and
// namespace; with them it reads its own namespace, and nothing else. Without a listener nothing of it is there.
import { spawn } from "node:child_process";
import { json } from "node:stream/consumers";
import * as assert from "uvu/assert";
import { eventually } from "../support/eventually.ts";
import { daemonPid } from "../support/manifest.ts";
import { manifestFile } from "../support/manifest-file.ts";
import { podSuite } from "../support/pod-suite.ts";
import { type Pods, sleeper, statusOf } from "../support/pods.ts";
import { requires } from "../support/requires.ts";

requires("root", "tool:nsenter");

// Daemons that a command starts read it, too.
process.env["NSPOD_LISTEN"] = "127.0.0.1:0";

const { test, run } = podSuite("service-accounts", "busybox");

const folder = "/var/run/secrets/kubernetes.io/serviceaccount";

/** What a client in a pod has. */
interface Client {
  /** A process in the pod's network. */
  readonly pid: number;
  readonly host: string;
  readonly port: string;
  readonly ca: string;
  readonly token: string;
}

async function clientIn(pods: Pods, pod: string): Promise<Client> {
  const words = `echo $KUBERNETES_SERVICE_HOST $KUBERNETES_SERVICE_PORT; cat ${folder}/token; echo; cat ${folder}/ca.crt`;
  const [address = "", token = "", ...ca] = (await pods.ask(pod, words, "main")).split("\n");
  const [host = "", port = ""] = address.split(" ");
  const [pid = 0] = await pods.pids(pod, "main");
  return { pid, host, port, ca: ca.join("\n"), token };
}

interface Call {
  readonly path: string;
  readonly method?: string;
  readonly token?: string;
  readonly body?: object;
  /** The name that the certificate must be good for; default: the address. */
  readonly servername?: string;
}

// Runs in the pod's network; the images of the tests have no TLS client that knows a certificate.
const script = `
  const { request } = require("node:https");
  const { calls, host, port, ca } = JSON.parse(process.argv[1]);
  const ask = ({ path, method, body, token, servername }) => new Promise((resolve) => {
    const headers = { "content-type": "application/json" };
    if (token !== "") headers.authorization = "Bearer " + token;
    const outgoing = request({ host, port, path, method, headers, ca, servername, agent: false }, (response) => {
      let text = "";
      response.setEncoding("utf8").on("data", (chunk) => (text += chunk));
      response.on("end", () => resolve({ code: response.statusCode, body: JSON.parse(text) }));
    });
    outgoing.on("error", (error) => resolve({ code: 0, body: error.message }));
    outgoing.end(body && JSON.stringify(body));
  });
  Promise.all(calls.map(ask)).then((answers) => console.log(JSON.stringify(answers)));
`;

interface Answer {
  /** 0: there was none, the body says why. */
  readonly code: number;
  // biome-ignore lint/suspicious/noExplicitAny: tests look into whatever comes back
  readonly body: any;
}

/** Asks the API from within the pod's network, trusting the pod's certificate alone. */
async function ask(client: Client, ...calls: readonly Call[]): Promise<readonly Answer[]> {
  const { pid, host, port, ca, token } = client;
  const words = { host, port, ca, calls: calls.map((call) => ({ token, ...call })) };
  const node = [process.execPath, "-e", script, JSON.stringify(words)];
  const child = spawn("nsenter", ["-t", String(pid), "-n", ...node], {
    stdio: ["ignore", "pipe", "inherit"],
    timeout: 20_000,
  });
  return (await json(child.stdout)) as readonly Answer[];
}

const own = "/api/v1/namespaces/default";

test("a pod finds address, token, certificate and namespace, read-only", async (pods) => {
  await pods.instance.must(["apply", "-f", manifestFile("service-accounts")]);
  const pod = await pods.until("client", "its container to run", (each) =>
    Boolean(statusOf(each, "main").state?.running),
  );
  assert.equal(pod.spec.imagePullSecrets, [{ name: "registry" }]);
  assert.is(await pods.log("client", "first"), "ca.crt\nnamespace\ntoken\n");
  await pods.untilLogged("client", "main", "Read-only file system");
  const address = pods.instance.serviceSubnet.replace("0/24", "1");
  assert.match(await pods.log("client", "main"), `${address} 443 default\n`);
});

test("it reads its own namespace with them, without secrets, and nothing else", async (pods) => {
  const client = await clientIn(pods, "client");
  const [list, secrets, other, all, write, exec] = await ask(
    client,
    { path: `${own}/pods` },
    { path: `${own}/secrets/registry` },
    { path: "/api/v1/namespaces/kube-system/pods" },
    { path: "/api/v1/pods" },
    { path: `${own}/pods/client`, method: "DELETE" },
    { path: `${own}/pods/client/exec?command=id` },
  );
  assert.is(list?.code, 200);
  const names = list?.body.items.map((pod: { metadata: { name: string } }) => pod.metadata.name);
  assert.equal(names, ["client", "hushed", "mute"]);
  for (const answer of [secrets, other, all, write, exec]) {
    assert.is(answer?.code, 403, JSON.stringify(answer));
    assert.match(answer?.body.message, "system:serviceaccount:default:robot");
  }
});

test("it does what a role lets it do, too, until the binding goes", async (pods) => {
  const client = await clientIn(pods, "client");
  const note = (name: string): Call => ({
    path: `${own}/configmaps`,
    method: "POST",
    body: { metadata: { name } },
  });
  const bound = await ask(client, note("one"), { path: `${own}/configmaps/one`, method: "DELETE" });
  assert.equal(
    bound.map(({ code }) => code),
    [201, 403],
  );
  await pods.deleteObject("RoleBinding", "robots-write-notes");
  const [late] = await ask(client, note("two"));
  assert.is(late?.code, 403, JSON.stringify(late));
});

test("the certificate is good for the names of the Service, which the pod finds, and no others", async (pods) => {
  const client = await clientIn(pods, "client");
  const path = "/version";
  const answers = await ask(
    client,
    { path, servername: "kubernetes.default.svc" },
    { path, servername: "kubernetes.default.svc.cluster.local" },
    { path, servername: "web.default.svc" },
    { path, token: "" },
  );
  assert.equal(
    answers.map(({ code }) => code),
    [200, 200, 0, 401],
  );
  assert.match(answers[2]?.body, /does not match certificate/);
  const name = "kubernetes.default.svc.cluster.local";
  assert.match(await pods.ask("client", `nslookup ${name}`, "main"), `Address: ${client.host}`);
});

test("a token ends with its pod", async (pods) => {
  await pods.up("short", { containers: [sleeper("main")] });
  const { token } = await clientIn(pods, "short");
  const witness = await clientIn(pods, "client");
  const codes = async (): Promise<number[]> =>
    (await ask(witness, { path: `${own}/pods`, token })).map(({ code }) => code);
  assert.equal(await codes(), [200]);
  await pods.delete("short");
  assert.equal(await codes(), [401]);
});

test("a pod or its account may want none, and pull secrets that are missing are told", async (pods) => {
  const message =
    "Unable to retrieve some image pull secrets (not-there); attempting to pull the image may not succeed.";
  for (const name of ["mute", "hushed"]) {
    const pod = await pods.untilEnded(name);
    assert.is(pod.spec.volumes, undefined);
    assert.match(await pods.log(name), "No such file or directory");
  }
  const told = await eventually("the event", 10_000, async () =>
    (await pods.events("mute")).find(({ reason }) => reason === "FailedToRetrieveImagePullSecret"),
  );
  assert.equal([told.type, told.message], ["Warning", message]);
  const others = await pods.events("client");
  assert.ok(others.some(({ reason }) => reason === "Started"));
  assert.not(others.some(({ reason }) => reason === "FailedToRetrieveImagePullSecret"));
});

test("a manifest without all that replaces and applies to the pods as they are", async (pods) => {
  const file = manifestFile("service-accounts");
  const { uid } = (await pods.get("client")).metadata;
  const said = await pods.instance.must(["apply", "-f", file]);
  assert.match(said, "pod/client unchanged\n");
  assert.match(await pods.instance.must(["replace", "-f", file]), "pod/client replaced\n");
  const { metadata, spec } = await pods.get("client");
  assert.is(metadata.uid, uid);
  assert.match(spec.volumes?.[0]?.name ?? "", /^kube-api-access-/);
});

test("without a listener new pods have no token, and those that run go on", async (pods) => {
  process.env["NSPOD_LISTEN"] = "";
  const daemon = await daemonPid(pods.instance);
  process.kill(daemon, "SIGTERM");
  await eventually("another daemon", 20_000, async () =>
    (await daemonPid(pods.instance)) === daemon ? undefined : true,
  );
  const { stderr } = await pods.instance.nspod(["get", "service", "kubernetes"]);
  assert.match(stderr, 'services "kubernetes" not found');
  const pod = await pods.up("plain", { containers: [sleeper("main")] });
  assert.is(pod.spec.volumes, undefined);
  assert.is(await pods.ask("plain", 'echo "<$KUBERNETES_SERVICE_HOST>"'), "<>");
  assert.ok(statusOf(await pods.get("client"), "main").state?.running);
  await pods.delete("plain", "client", "mute", "hushed");
});

run();
