import { suite } from "uvu";
import * as assert from "uvu/assert";
import { choosePod } from "../../../src/cli/choose-pod.ts";
import { type Answer, FakeDaemon, fail, fakeContext, reply } from "./fake-daemon.ts";

const test = suite("choosePod()");

function podOf(name: string, app: string, phase: string, isReady = false): object {
  const conditions = [{ type: "Ready", status: isReady ? "True" : "False" }];
  return { metadata: { name, labels: { app } }, status: { phase, conditions } };
}

const items = [
  podOf("web-1", "web", "Pending"),
  podOf("web-2", "web", "Running", true),
  podOf("web-3", "web", "Running"),
  podOf("db-1", "db", "Running", true),
];

const answer: Answer = ({ path }, response) => {
  const named = (kind: string, spec: object): object => ({ kind, metadata: { name: "web" }, spec });
  const last = path.split("/").slice(-2).join("/");
  const known: Readonly<Record<string, unknown>> = {
    "default/pods": { items },
    "pods/db-1": items[3],
    "deployments/web": named("Deployment", { selector: { matchLabels: { app: "web" } } }),
    "services/db": named("Service", { selector: { app: "db" } }),
    "services/nothing": named("Service", {}),
    "jobs/gone": named("Job", { selector: { matchLabels: { app: "gone" } } }),
  };
  if (known[last] === undefined) fail(response, 404, "NotFound", `${last} not found`);
  else reply(response, known[last]);
};

async function chosen(word: string): Promise<readonly [name: string, said: string]> {
  await using daemon = new FakeDaemon();
  await daemon.listen();
  daemon.answer = answer;
  const { context, printed } = fakeContext(daemon);
  const { pod } = await choosePod(context, word);
  return [pod.metadata.name, printed.err];
}

test("takes a pod by its name", async () => {
  assert.equal(await chosen("db-1"), ["db-1", ""]);
  assert.equal(await chosen("pod/db-1"), ["db-1", ""]);
});

test("takes the pod of a workload that is most likely to answer, and says which", async () => {
  assert.equal(await chosen("deployment/web"), ["web-2", "Found 3 pods, using pod/web-2\n"]);
  assert.equal(await chosen("svc/db"), ["db-1", ""]);
});

for (const [word, message] of [
  ["svc/nothing", /No pods of service\/nothing in "default"/],
  ["job/gone", /No pods of job.batch\/gone in "default"/],
  ["cm/x", /"cm\/x" has no pods: name a pod, or one of Deployment/],
  ["nosuch", /pods\/nosuch not found/],
] as const) {
  test(`says why there is none for ${word}`, async () => {
    await chosen(word).then(
      () => assert.unreachable(),
      (error: Error) => assert.match(error.message, message),
    );
  });
}

test.run();
