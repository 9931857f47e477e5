/** Commands that work with objects of every kind: get, describe. */
import type { Command } from "commander";
import { examples, list, type Tree } from "./command-tree.ts";
import { addManifestCommands } from "./commands-manifest.ts";
import { outputOption } from "./output-format.ts";

export function addObjectCommands(program: Command, tree: Tree): void {
  addManifestCommands(program, tree);
  const get = (name: string, first: readonly string[]): Command =>
    program
      .command(name)
      .option("-A, --all-namespaces", "objects of all namespaces")
      .option("-l, --selector <labels>", "only those with these labels, e.g. app=web")
      .option(
        "--field-selector <fields>",
        "only those with these fields, e.g. status.phase=Running",
      )
      .addOption(outputOption(["wide", "json", "yaml", "name"]))
      .option("--sort-by <path>", "order of the list, e.g. .metadata.creationTimestamp")
      .option("--show-labels", "a column with all labels")
      .option("-w, --watch", "print changes as they happen")
      .option("--watch-only", "print changes only, not what there is")
      .option("--no-headers", "leave out the heading")
      .option("--ignore-not-found", "a missing object is no error")
      .action(
        tree.asRoot(async (context, [words], options) => {
          const { getObjects } = await import("./commands/get.ts");
          return await getObjects(context, [...first, ...list(words)], options);
        }),
      );
  examples(
    get("get", [])
      .description("List objects of any kind")
      .argument("<resource...>", "TYPE[,TYPE] [NAME…], TYPE/NAME… or all"),
    [
      "nspod get pods -o wide",
      "nspod get configmaps,secrets -A",
      "nspod get pod web -o jsonpath='{.status.podIP}'",
      "nspod get events -w",
    ],
  );
  examples(get("ps", ["pods"]).description("List pods: short for get pods").argument("[name...]"), [
    "nspod ps -A",
  ]);
  examples(
    program
      .command("describe")
      .description("Show everything about objects, with their events")
      .argument("[object...]", "TYPE, TYPE NAME…, TYPE/NAME…, or names of pods")
      .option("-l, --selector <labels>", "only those with these labels")
      .option("-A, --all-namespaces", "objects of all namespaces")
      .option("--no-show-events", "leave out the events")
      .action(
        tree.asRoot(async (context, [words], options) => {
          const { describeObjects } = await import("./commands/describe.ts");
          return await describeObjects(context, list(words), options);
        }),
      ),
    ["nspod describe pod web", "nspod describe pvc/data configmap/settings"],
  );
}
