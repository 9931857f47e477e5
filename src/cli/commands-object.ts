/** Commands that work with objects of every kind: get, describe, apply, delete. */
import type { Command } from "commander";
import { collect, examples, list, oneOf, type Tree } from "./command-tree.ts";
import { outputOption } from "./output-format.ts";

export function addObjectCommands(program: Command, tree: Tree): void {
  examples(
    program
      .command("apply")
      .description("Make pods be as manifests say: created, configured or unchanged")
      .requiredOption("-f, --filename <file>", 'manifest, folder or "-" (repeatable)', collect)
      .addOption(oneOf("-o, --output <format>", "output format", ["name"]))
      .action(
        tree.asRoot(async (context, _args, options) => {
          const { applyManifests } = await import("./commands/apply.ts");
          return await applyManifests(context, options);
        }),
      ),
    ["nspod apply -f pods/", "cat pod.yaml | nspod apply -f -"],
  );
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
      .description("Show everything about pods, with their events")
      .argument("[pod...]", "names of pods")
      .option("-l, --selector <labels>", "only those with these labels")
      .action(
        tree.asRoot(async (context, [words], options) => {
          const { describePods } = await import("./commands/describe.ts");
          return await describePods(context, list(words), options);
        }),
      ),
    ["nspod describe pod web"],
  );
  examples(
    program
      .command("delete")
      .description("Stop and delete pods")
      .argument("[pod...]", "names of pods")
      .option(
        "-f, --filename <file>",
        'the pods of a manifest, folder or "-" (repeatable)',
        collect,
      )
      .option("-l, --selector <labels>", "those with these labels")
      .option("--all", "all of the namespace")
      .option("-A, --all-namespaces", "with --all or -l: of all namespaces")
      .option("--grace-period <seconds>", "time to end by itself (default: the pod's own)")
      .option("--force", "kill at once, unless --grace-period says otherwise")
      .option("--now", "the same as --grace-period=1")
      .option("--wait", "wait until the pods are gone (default)", true)
      .option("--no-wait", "return at once")
      .option("--timeout <duration>", "longest wait")
      .option("--ignore-not-found", "a missing pod is no error")
      .addOption(oneOf("-o, --output <format>", "output format", ["name"]))
      .action(
        tree.asRoot(async (context, [words], options) => {
          const { deletePods } = await import("./commands/delete.ts");
          return await deletePods(context, list(words), options);
        }),
      ),
    ["nspod delete web", "nspod delete -f pod.yaml", "nspod delete --all --force"],
  );
}
