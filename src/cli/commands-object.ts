/** Commands that work with objects of every kind: get, describe, why, events, wait, patch, edit, label, annotate. */
import type { Command } from "commander";
import { examples, list, oneOf, type Tree } from "./command-tree.ts";
import { dryRunOption, sources } from "./commands-manifest.ts";
import { outputOption } from "./output-format.ts";

export function addGetCommands(program: Command, tree: Tree): void {
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
}

export function addDescribeCommands(program: Command, tree: Tree): void {
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
  examples(
    program
      .command("export")
      .description(
        "Print objects as manifests: without what the server writes and the defaults give",
      )
      .argument("<object...>", "TYPE NAME…, TYPE/NAME…, or names of pods")
      .addOption(oneOf("-o, --output <format>", "output format", ["yaml", "json"]))
      .option("-l, --selector <labels>", "objects of the type with these labels")
      .option("--all", "all objects of the type")
      .action(
        tree.asRoot(async (context, [words], options) => {
          const { exportObjects } = await import("./commands/export.ts");
          return await exportObjects(context, list(words), options);
        }),
      ),
    ["nspod export deployment/web service/web > app.yaml"],
  );
}

/** Commands that tell what happens and what it waits for. */
export function addWatchCommands(program: Command, tree: Tree): void {
  examples(
    program
      .command("why")
      .description("Say what a pod waits for, or why it died, and what mends it")
      .argument("<pod...>", "names of pods")
      .action(
        tree.asRoot(async (context, [words]) => {
          const { explainPods } = await import("./commands/why.ts");
          return await explainPods(context, list(words));
        }),
      ),
    ["nspod why web"],
  );
  examples(
    program
      .command("events")
      .description("List what happened")
      .option("--for <object>", "only of this object, TYPE/NAME")
      .option("--types <types>", "only Normal or Warning")
      .option("-w, --watch", "print new ones as they happen")
      .option("-A, --all-namespaces", "of all namespaces")
      .option("--no-headers", "leave out the heading")
      .addOption(outputOption(["wide", "json", "yaml", "name"]))
      .action(
        tree.asRoot(async (context, _args, options) => {
          const { showEvents } = await import("./commands/events.ts");
          return await showEvents(context, options);
        }),
      ),
    ["nspod events --for pod/web", "nspod events -w --types Warning"],
  );
  examples(
    sources(program.command("wait"))
      .description("Wait until objects are as wanted")
      .argument("[object...]", "TYPE NAME…, TYPE/NAME…, or names of pods")
      .requiredOption(
        "--for <goal>",
        "delete, create, condition=NAME[=STATUS] or jsonpath={PATH}[=VALUE]",
      )
      .option("--timeout <duration>", "longest wait", "30s")
      .option("-l, --selector <labels>", "those with these labels")
      .option("--all", "all of the namespace")
      .option("-A, --all-namespaces", "with -l or --all: of all namespaces")
      .action(
        tree.asRoot(async (context, [words], options) => {
          const { waitForObjects } = await import("./commands/wait.ts");
          return await waitForObjects(context, list(words), options);
        }),
      ),
    [
      "nspod wait pod/web --for=condition=Ready --timeout 60s",
      "nspod wait pod/web --for=jsonpath='{.status.phase}'=Succeeded",
      "nspod wait pvc/data --for=delete",
    ],
  );
}

/** Small changes of objects that exist. */
export function addChangeCommands(program: Command, tree: Tree): void {
  examples(
    program
      .command("patch")
      .description("Change fields of objects")
      .argument("<object...>", "TYPE NAME or TYPE/NAME")
      .option("-p, --patch <patch>", "the patch, JSON or YAML")
      .option("--patch-file <file>", 'a file with the patch, or "-"')
      .addOption(
        oneOf("--type <type>", "kind of patch", ["strategic", "merge", "json"]).default(
          "strategic",
        ),
      )
      .option("--subresource <part>", "status, resize or ephemeralcontainers")
      .addOption(dryRunOption())
      .addOption(outputOption(["name", "json", "yaml"]))
      .action(
        tree.asRoot(async (context, [words], options) => {
          const { patchObjects } = await import("./commands/change.ts");
          return await patchObjects(context, list(words), options);
        }),
      ),
    ['nspod patch configmap settings -p \'{"data":{"mode":"test"}}\''],
  );
  examples(
    sources(program.command("edit"))
      .description("Change objects in an editor: $KUBE_EDITOR, $EDITOR or vi")
      .argument("[object...]", "TYPE NAME… or TYPE/NAME…")
      .addOption(oneOf("-o, --output <format>", "what the editor opens", ["yaml", "json"]))
      .option("--subresource <part>", "status or another part of them")
      .option("-l, --selector <labels>", "objects of the type with these labels")
      .option("--all", "all objects of the type")
      .action(
        tree.asRoot(async (context, [words], options) => {
          const { editObjects } = await import("./commands/edit.ts");
          return await editObjects(context, list(words), options, process.env);
        }),
      ),
    ["nspod edit deployment/web", "EDITOR=nano nspod edit cm settings"],
  );
  const marks = [
    {
      command: "label",
      field: "labels",
      done: "labeled",
      example: "nspod label pod web tier=front old-",
    },
    {
      command: "annotate",
      field: "annotations",
      done: "annotated",
      example: "nspod annotate pod web note='looked at'",
    },
  ] as const;
  for (const { command, field, done, example } of marks) {
    examples(
      program
        .command(command)
        .description(`Set and remove ${field} of objects`)
        .argument("<object...>", "TYPE NAME… or TYPE/NAME…, then KEY=VALUE and KEY-")
        .option("--overwrite", "change values that are there")
        .option("--list", "print what is there")
        .option("-l, --selector <labels>", "objects with these labels")
        .option("--all", "all objects of the namespace")
        .addOption(dryRunOption())
        .action(
          tree.asRoot(async (context, [words], options) => {
            const { markObjects } = await import("./commands/change.ts");
            return await markObjects(context, list(words), { field, done }, options);
          }),
        ),
      [example],
    );
  }
}
