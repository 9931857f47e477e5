// `create` makes the objects that kubectl makes: the real one says which.
import { execFileSync } from "node:child_process";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { buildProgram } from "../../../src/cli/program.ts";
import { requiresFor } from "../../support/requires.ts";
import { fakeScreen } from "./fake-daemon.ts";

const create = suite<never>("nspod create beside kubectl create");

/** Without what kubectl adds of empty and null fields. */
function bare(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(bare);
  if (typeof value !== "object" || value === null) return value;
  const fields = Object.entries(value)
    .filter(([key]) => key !== "status")
    .map(([key, child]) => [key, bare(child)] as const)
    .filter(([, child]) => child !== null && JSON.stringify(child) !== "{}");
  return Object.fromEntries(fields.sort(([a], [b]) => (a < b ? -1 : 1)));
}

for (const words of [
  "configmap c --from-literal=a=1 --append-hash",
  "secret generic s --from-literal=a=1 --append-hash",
  "secret docker-registry s --docker-username=u --docker-password=p --docker-email=e",
  "deployment web --image=reg/foo/nginx:1 --port=80 --replicas=3",
  "cronjob j --image=busybox --schedule=@daily --restart=Never",
  "job j --image=busybox",
  "service clusterip s --tcp=80:8080 --tcp=443",
  "service nodeport s --tcp=80:http --node-port=30080",
  "service externalname s --external-name=a.b",
  "poddisruptionbudget p --selector=app=x --max-unavailable=20%",
  "priorityclass p --value=10 --description=d",
  "namespace n",
  "serviceaccount s",
  "clusterrole c --verb=get --non-resource-url=/logs/* --non-resource-url=/metrics",
  "clusterrole c --aggregation-rule=a=b,c=d",
  "rolebinding b --role=reader --serviceaccount=ns:sa --serviceaccount=ns:other",
  "rolebinding b --clusterrole=view --user=u --group=g --user=v",
  "clusterrolebinding b --clusterrole=admin --serviceaccount=a:b --group=g",
]) {
  requiresFor(create, "tool:kubectl")(words, async () => {
    const args = ["create", ...words.split(" "), "--dry-run=client", "-o", "json"];
    const env = { ...process.env, KUBECONFIG: "/dev/null" };
    const theirs = execFileSync("kubectl", args, { encoding: "utf8", env });
    const { screen, printed } = fakeScreen();
    const program = buildProgram({ screen, env: {}, isRoot: true, finish: () => undefined });
    await program.parseAsync(["node", "nspod", ...args]);
    assert.equal(bare(JSON.parse(printed.out)), bare(JSON.parse(theirs)));
  });
}

create.run();
