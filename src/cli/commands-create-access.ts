/** `create` of what lets somebody in: roles, bindings, tokens; and the kinds of kubectl's that nspod does not have. */
import type { Command } from "commander";
import { PodError } from "../base/errors.ts";
import { collect, examples, oneOf, type Tree, text } from "./command-tree.ts";

type AddKind = (parent: Command, name: string, description: string) => Command;

/** @param kind - makes a command that takes a name, and how its object is written. */
export function addAccess(create: Command, tree: Tree, kind: AddKind): void {
  addRoles(create, tree, kind);
  addBindings(create, tree, kind);
  addToken(create, tree);
  addAbsent(create, tree);
}

function addRoles(create: Command, tree: Tree, kind: AddKind): void {
  const role = (name: string, description: string): Command =>
    kind(create, name, description)
      .option("--verb <verbs>", "what it lets one do: get,list,watch … or * (repeatable)", collect)
      .option(
        "--resource <resources>",
        "with what: pods,deployments.apps/scale (repeatable)",
        collect,
      )
      .option("--resource-name <name>", "with this one of them alone (repeatable)", collect);
  examples(
    role("role", "Create a role of one namespace").action(
      tree.asRoot(async (context, [name], options) => {
        const { createNew } = await import("./commands/create-new.ts");
        const { newRole } = await import("./new-role.ts");
        return await createNew(context, newRole(text(name), options), options);
      }),
    ),
    ["nspod create role reader --verb=get,list --resource=pods,pods/log"],
  );
  examples(
    role("clusterrole", "Create a role of the whole cluster")
      .option("--non-resource-url <paths>", "of the API: /logs/* (repeatable)", collect)
      .option("--aggregation-rule <labels>", "all that the ClusterRoles with these labels grant")
      .action(
        tree.asRoot(async (context, [name], options) => {
          const { createNew } = await import("./commands/create-new.ts");
          const { newClusterRole } = await import("./new-role.ts");
          return await createNew(context, newClusterRole(text(name), options), options);
        }),
      ),
    ["nspod create clusterrole watcher --verb=get,watch --resource=nodes"],
  );
}

function addBindings(create: Command, tree: Tree, kind: AddKind): void {
  const binding = (
    name: string,
    made: "RoleBinding" | "ClusterRoleBinding",
    description: string,
  ): Command =>
    kind(create, name, description)
      .option("--clusterrole <name>", "the ClusterRole that it grants")
      .option("--user <name>", "to this user (repeatable)", collect)
      .option("--group <name>", "to this group (repeatable)", collect)
      .option("--serviceaccount <namespace:name>", "to this account (repeatable)", collect)
      .action(
        tree.asRoot(async (context, [word], options) => {
          const { createNew } = await import("./commands/create-new.ts");
          const { newBinding } = await import("./new-role.ts");
          return await createNew(context, newBinding(made, text(word), options), options);
        }),
      );
  examples(
    binding("rolebinding", "RoleBinding", "Grant a role in one namespace").option(
      "--role <name>",
      "the Role of the namespace that it grants",
    ),
    ["nspod create rolebinding read --role=reader --serviceaccount=default:app"],
  );
  examples(binding("clusterrolebinding", "ClusterRoleBinding", "Grant a ClusterRole everywhere"), [
    "nspod create clusterrolebinding ops --clusterrole=cluster-admin --user=ann",
  ]);
}

function addToken(create: Command, tree: Tree): void {
  examples(
    create
      .command("token")
      .description("Print a new token of a service account")
      .argument("<account>")
      .option("--audience <name>", "for whom it is (repeatable)", collect)
      .option("--duration <duration>", "how long it is good, 10m or more (default: 1h)")
      .addOption(oneOf("--bound-object-kind <kind>", "ends with one", ["Pod", "Secret", "Node"]))
      .option("--bound-object-name <name>", "which one")
      .option("--bound-object-uid <uid>", "which one exactly")
      .addOption(oneOf("-o, --output <format>", "the whole answer", ["json", "yaml"]))
      .action(
        tree.asRoot(async (context, [name], options) => {
          const { createToken } = await import("./commands/create-token.ts");
          return await createToken(context, text(name), options);
        }),
      ),
    ["nspod create token app --duration=10m"],
  );
}

interface Absent {
  readonly name: string;
  readonly aliases: readonly string[];
  readonly kind: string;
  /** What to do instead, and how. */
  readonly advice: string;
  readonly example: string;
}

/** Kinds that kubectl makes and nspod has not. */
const absentKinds: readonly Absent[] = [
  {
    name: "ingress",
    aliases: ["ing"],
    kind: "Ingress",
    advice: "use a Service of type NodePort and a proxy in a pod",
    example: "nspod create service nodeport proxy --tcp=80 --node-port=30080",
  },
  {
    name: "quota",
    aliases: ["resourcequota"],
    kind: "ResourceQuota",
    advice: "set the limits of what makes the pods",
    example: "nspod set resources deploy/web --limits=cpu=500m,memory=512Mi",
  },
];

function addAbsent(create: Command, tree: Tree): void {
  for (const { name, aliases, kind, advice, example } of absentKinds) {
    const why = `nspod has no kind ${kind}: ${advice}`;
    const command = create
      .command(name, { hidden: true })
      .description(`Not here: ${why}`)
      .aliases([...aliases])
      .argument("[words...]")
      .allowUnknownOption()
      .action(
        tree.asAnyone(() => {
          throw new PodError("Unimplemented", `Cannot create ${name}: ${why}`);
        }),
      );
    examples(command, [example]);
  }
}
