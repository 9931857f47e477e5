/** Commands about the API itself: api-resources, api-versions, explain. */
import type { Command } from "commander";
import { examples, oneOf, type Tree, text } from "./command-tree.ts";

export function addApiCommands(program: Command, tree: Tree): void {
  examples(
    program
      .command("explain")
      .description("Describe a kind of object and its fields")
      .argument("<resource>", "TYPE or TYPE.FIELD.FIELD")
      .option("--recursive", "the names of all fields below it")
      .option("--api-version <version>", "of this group and version")
      .action(
        tree.asRoot(async (context, [word], options) => {
          const { explainResource } = await import("./commands/api.ts");
          return await explainResource(context, text(word), options);
        }),
      ),
    ["nspod explain pod.spec.containers", "nspod explain deployment --recursive"],
  );
  examples(
    program
      .command("api-resources")
      .description("List the kinds of objects that there are")
      .option("--api-group <group>", "only of this group")
      .addOption(
        oneOf("--namespaced [whether]", "only those that belong to namespaces, or do not", [
          ...["true", "false"],
        ]).preset("true"),
      )
      .option("--verbs <verbs>", "only those that know these verbs, e.g. list,get")
      .option("--categories <names>", "only those of these categories, e.g. all")
      .addOption(oneOf("--sort-by <field>", "order of the list", ["name", "kind"]))
      .addOption(oneOf("-o, --output <format>", "output format", ["wide", "name"]))
      .option("--no-headers", "leave out the heading")
      .action(
        tree.asRoot(async (context, _args, options) => {
          const { listApiResources } = await import("./commands/api.ts");
          return await listApiResources(context, options);
        }),
      ),
    ["nspod api-resources", "nspod api-resources --namespaced=false -o name"],
  );
  examples(
    program
      .command("api-versions")
      .description("List the groups and versions that there are")
      .action(
        tree.asRoot(async (context) => {
          const { listApiVersions } = await import("./commands/api.ts");
          return await listApiVersions(context);
        }),
      ),
    ["nspod api-versions"],
  );
}
