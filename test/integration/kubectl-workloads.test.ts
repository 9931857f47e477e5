// Promise: kubectl runs workloads of nspod: scale, expose, run and wait do to pods what they say.
import * as assert from "uvu/assert";
import { kubectlSuite } from "../support/kubectl.ts";
import { apply, deployment, field } from "../support/kubectl-objects.ts";

const { test, run } = kubectlSuite("kubectl workloads", "busybox");

const seconds = "--timeout=40s";

test("scale, and only from the size that it has", async (kubectl) => {
  await kubectl.must(apply, { input: deployment("web") });
  assert.is(
    await kubectl.must(["scale", "deployment/web", "--replicas=3"]),
    "deployment.apps/web scaled\n",
  );
  const status = await kubectl.must(["rollout", "status", "deployment/web", seconds]);
  assert.match(status, /deployment "web" successfully rolled out/);
  assert.is(await field(kubectl, "deployment/web", ".status.readyReplicas"), "3");
  const refused = ["scale", "deployment/web", "--current-replicas=1", "--replicas=2"];
  assert.match(await kubectl.fails(refused), /Expected replicas to be 1, was 3/);
  if (kubectl.since(24)) {
    const scale = await kubectl.must(["get", "deployment", "web", "--subresource=scale"]);
    assert.match(scale, /NAME +DESIRED +AVAILABLE +AGE\nweb +3 +3 /);
  }
  await kubectl.must(["scale", "deployment/web", "--replicas=1"]);
  await kubectl.must(["rollout", "status", "deployment/web", seconds]);
});

test("expose gives a Service that reaches the pods, and run makes a pod", async (kubectl) => {
  const script = "mkdir /tmp/w; echo inside > /tmp/w/index.html; exec httpd -f -p 8080 -h /tmp/w";
  const made = ["run", "server", "--image=busybox", "--port=8080", "--labels=app=server"];
  await kubectl.must([...made, "--command", "--", "sh", "-c", script]);
  await kubectl.must(["wait", "--for=condition=Ready", "pod/server", seconds]);
  const exposed = await kubectl.must([
    "expose",
    "pod",
    "server",
    "--port=80",
    "--target-port=8080",
  ]);
  assert.is(exposed, "service/server exposed\n");
  const address = await field(kubectl, "service/server", ".spec.clusterIP");
  // kubectl shows what is written once it is attached: the first word of input says that it is.
  const fetch = `read attached; until wget -q -O - http://${address}/; do sleep 0.1; done`;
  const words = ["run", "client", "--image=busybox", "--restart=Never", "--rm", "-i", "--quiet"];
  const command = [...words, "--command", "--", "sh", "-c", fetch];
  const said = await kubectl.must(command, { input: "attached\n" });
  assert.match(said, /^inside\n/);
  assert.match(await kubectl.fails(["get", "pod", "client"]), /not found/);
  await kubectl.must(["delete", "pod/server", "service/server", "--grace-period=1"]);
});

test("wait: for a condition, for the end, and not for ever", async (kubectl) => {
  const job = ["create", "job", "short", "--image=busybox", "--", "true"];
  await kubectl.must(job);
  const done = ["wait", "--for=condition=Complete", "job/short", seconds];
  assert.match(await kubectl.must(done), /job.batch\/short condition met/);
  await kubectl.must(["run", "waited", "--image=busybox", "--restart=Never", "--", "sleep", "100"]);
  const early = ["wait", "--for=condition=Complete", "pod/waited", "--timeout=1s"];
  assert.match(await kubectl.fails(early), /timed out waiting/);
  if (kubectl.since(23)) {
    await kubectl.must(["wait", "--for=jsonpath={.status.phase}=Running", "pod/waited", seconds]);
  }
  // As process 1 it does not hear TERM: the pod is there for the whole grace period.
  await kubectl.must(["delete", "pod", "waited", "--grace-period=5", "--wait=false"]);
  await kubectl.must(["wait", "--for=delete", "pod/waited", seconds]);
});

run();
