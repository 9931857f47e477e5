// Roles and bindings of options: what kubectl makes without a server is in create-kubectl.test.ts.
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { newBinding, newClusterRole, newRole } from "../../../src/cli/new-role.ts";
import { buildProgram } from "../../../src/cli/program.ts";
import { fakeScreen } from "./fake-daemon.ts";

const roles = suite("newRole()");

roles("makes one rule for each group, of words that get takes, too", () => {
  const made = newRole("r", {
    verb: ["get,list", "watch"],
    resource: ["po,svc", "deployments.apps/scale,pods/log", "deploy"],
  });
  assert.equal(made["rules"], [
    {
      verbs: ["get", "list", "watch"],
      apiGroups: [""],
      resources: ["pods", "services", "pods/log"],
    },
    {
      verbs: ["get", "list", "watch"],
      apiGroups: ["apps"],
      resources: ["deployments/scale", "deployments"],
    },
  ]);
});

roles("for objects by name, and for everything", () => {
  const named = newRole("r", { verb: ["get"], resource: ["secrets"], resourceName: ["a", "b"] });
  assert.equal(named["rules"], [
    { verbs: ["get"], apiGroups: [""], resources: ["secrets"], resourceNames: ["a", "b"] },
  ]);
  const all = newRole("r", { verb: ["get", "*"], resource: ["*"] });
  assert.equal(all["rules"], [{ verbs: ["*"], apiGroups: ["*"], resources: ["*"] }]);
});

roles("says what is missing or wrong", () => {
  assert.throws(() => newRole("r", { resource: ["pods"] }), /--verb must be specified/);
  assert.throws(() => newRole("r", { verb: ["get"] }), /--resource must be specified/);
  const of = (resource: string) => () => newRole("r", { verb: ["get"], resource: [resource] });
  assert.throws(of("cats"), /there is no resource type "cats"/);
  assert.throws(of("pods.apps"), /there is no resource type "pods.apps"/);
  assert.throws(
    () => newRole("r", { verb: ["get"], resource: ["pods,services"], resourceName: ["a"] }),
    /--resource-name needs one --resource alone/,
  );
  assert.throws(() => newClusterRole("c", { verb: ["get"] }), /--resource or --non-resource-url/);
  assert.throws(
    () => newClusterRole("c", { verb: ["get"], aggregationRule: "a=b" }),
    /cannot be combined/,
  );
});

roles.run();

const absent = suite<never>("nspod create of kinds that are not there");

for (const [words, kind] of [
  ["ingress web --rule=a.example/*=web:80 --class=nginx", "Ingress"],
  ["quota all --hard=cpu=1,pods=2", "ResourceQuota"],
] as const) {
  absent(`${kind} is refused by its name`, async () => {
    const { screen } = fakeScreen();
    const program = buildProgram({ screen, env: {}, isRoot: false, finish: () => undefined });
    let message = "";
    await program
      .parseAsync(["node", "nspod", "create", ...words.split(" ")])
      .catch((error: Error) => {
        message = error.message;
      });
    assert.match(message, new RegExp(`^Cannot create [a-z]+: nspod has no kind ${kind}: `));
  });
}

absent.run();

const bindings = suite("newBinding()");

bindings("needs a role, one alone, and whole names of accounts", () => {
  assert.throws(() => newBinding("RoleBinding", "b", {}), /one of --clusterrole and --role must/);
  assert.throws(
    () => newBinding("RoleBinding", "b", { role: "r", clusterrole: "c" }),
    /one of --clusterrole and --role must/,
  );
  assert.throws(() => newBinding("ClusterRoleBinding", "b", {}), /^--clusterrole must/);
  for (const account of ["app", ":app", "a:b:c"]) {
    assert.throws(
      () => newBinding("RoleBinding", "b", { role: "r", serviceaccount: [account] }),
      /must be NAMESPACE:NAME: got/,
    );
  }
});

bindings.run();
