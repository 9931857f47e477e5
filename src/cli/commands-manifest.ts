/** Commands that take manifests: apply, create, replace, diff, delete. */
import type { Command } from "commander";
import { collect, examples, list, oneOf, type Tree } from "./command-tree.ts";
import { outputOption } from "./output-format.ts";

export function addManifestCommands(program: Command, tree: Tree): void {
  examples(
    written(sources(program.command("apply")))
      .description("Make objects be as manifests say: created, configured or unchanged")
      .action(
        tree.asRoot(async (context, _args, options) => {
          const { applyManifests } = await import("./commands/apply.ts");
          return await applyManifests(context, options);
        }),
      ),
    ["nspod apply -f app/", "nspod apply -k overlays/test", "cat pod.yaml | nspod apply -f -"],
  );
  examples(
    written(sources(program.command("create")))
      .description("Create the objects of manifests")
      .action(
        tree.asRoot(async (context, _args, options) => {
          const { createManifests } = await import("./commands/create.ts");
          return await createManifests(context, options);
        }),
      ),
    ["nspod create -f pod.yaml", "nspod create -f pod.yaml --dry-run=server -o yaml"],
  );
  examples(
    written(sources(program.command("replace")))
      .description("Put manifests in the place of objects that exist")
      .option("--force", "delete the objects and create them again")
      .option("--grace-period <seconds>", "with --force: time to end by itself")
      .option("--timeout <duration>", "with --force: longest wait for the end")
      .action(
        tree.asRoot(async (context, _args, options) => {
          const { replaceManifests } = await import("./commands/replace.ts");
          return await replaceManifests(context, options);
        }),
      ),
    ["nspod replace -f settings.yaml", "nspod replace --force -f pod.yaml"],
  );
  examples(
    sources(program.command("diff"))
      .description("Show what apply would change; exit code 1 when there is something")
      .action(
        tree.asRoot(async (context, _args, options) => {
          const { diffManifests } = await import("./commands/diff.ts");
          return await diffManifests(context, options);
        }),
      ),
    ["nspod diff -f app/", "nspod diff -k overlays/test || nspod apply -k overlays/test"],
  );
  addDelete(program, tree);
}

function addDelete(program: Command, tree: Tree): void {
  examples(
    sources(program.command("delete"))
      .description("Delete objects, and wait until they are gone")
      .argument("[object...]", "TYPE NAME…, TYPE/NAME…, or names of pods")
      .option("-l, --selector <labels>", "those with these labels")
      .option("--field-selector <fields>", "those with these fields")
      .option("--all", "all of the namespace")
      .option("-A, --all-namespaces", "with --all or -l: of all namespaces")
      .option("--grace-period <seconds>", "time to end by itself (default: the pod's own)")
      .option("--force", "kill at once, unless --grace-period says otherwise")
      .option("--now", "the same as --grace-period=1")
      .addOption(
        oneOf("--cascade <how>", "what becomes of objects that it owns", [
          ...["background", "foreground", "orphan"],
        ]).default("background"),
      )
      .option("--wait", "wait until the objects are gone (default)", true)
      .option("--no-wait", "return at once")
      .option("--timeout <duration>", "longest wait")
      .option("--ignore-not-found", "a missing object is no error")
      .addOption(dryRunOption())
      .addOption(oneOf("-o, --output <format>", "output format", ["name"]))
      .action(
        tree.asRoot(async (context, [words], options) => {
          const { deleteObjects } = await import("./commands/delete.ts");
          return await deleteObjects(context, list(words), options);
        }),
      ),
    [
      "nspod delete web",
      "nspod delete pod/web configmap/settings",
      "nspod delete -f app/",
      "nspod delete pods --all --force",
    ],
  );
}

/** -f, -R and -k. */
export function sources(command: Command): Command {
  return command
    .option("-f, --filename <file>", 'manifest, folder or "-" (repeatable)', collect)
    .option("-R, --recursive", "folders below folders, too")
    .option("-k, --kustomize <folder>", "what the kustomization of a folder makes");
}

/** --dry-run and -o of commands that write. */
function written(command: Command): Command {
  return command.addOption(dryRunOption()).addOption(outputOption(["name", "json", "yaml"]));
}

export function dryRunOption(): ReturnType<typeof oneOf> {
  return oneOf("--dry-run [who]", "change nothing: what the command line or the daemon would do", [
    ...["none", "client", "server"],
  ]).preset("client");
}
