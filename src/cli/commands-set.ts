/** Commands that change one thing of objects that make pods: set image, set env, set resources. */
import type { Command } from "commander";
import { collect, examples, list, type Tree } from "./command-tree.ts";
import { dryRunOption, sources } from "./commands-manifest.ts";
import { outputOption } from "./output-format.ts";

export function addSetCommands(program: Command, tree: Tree): void {
  const set = program.command("set").description("Change one thing of objects");
  const add = (name: string, description: string): Command =>
    sources(set.command(name))
      .description(description)
      .option("--local", "change the manifests and print them; nobody is asked")
      .option("-l, --selector <labels>", "objects of the type with these labels")
      .option("--all", "all objects of the type")
      .addOption(dryRunOption())
      .addOption(outputOption(["name", "json", "yaml"]));
  const which = ["-c, --containers <names>", "only these containers; * is any letters"] as const;
  examples(
    add("image", "Set images of containers")
      .argument("<word...>", "TYPE/NAME…, unless -f names them, and CONTAINER=IMAGE…")
      .action(
        tree.asRoot(async (context, [words], options) => {
          const { setImages } = await import("./commands/set.ts");
          return await setImages(context, list(words), options);
        }),
      ),
    [
      "nspod set image deploy/web main=shop:2",
      "nspod set image -f web.yaml main=shop:2 --local -o yaml",
    ],
  );
  examples(
    add("env", "Set and remove variables of containers")
      .argument("[word...]", "TYPE/NAME…, unless -f names them, and NAME=VALUE… NAME-…")
      .option(...which)
      .option("-e, --env <name=value>", 'the same; "-" reads lines (repeatable)', collect)
      .option("--from <object>", "all keys of configmap/NAME or secret/NAME")
      .option("--prefix <text>", "with --from: before each name")
      .option("--keys <keys>", "with --from: only these keys")
      .option("--list", "print what is there")
      .option("--overwrite [whether]", "false: refuse to change variables that are there")
      .action(
        tree.asRoot(async (context, [words], options) => {
          const { setEnv } = await import("./commands/set.ts");
          return await setEnv(context, list(words), options);
        }),
      ),
    [
      "nspod set env deploy/web MODE=test DEBUG-",
      "nspod set env deploy/web --from=configmap/settings --prefix=APP_",
      "nspod set env deploy/web --list",
    ],
  );
  examples(
    add("resources", "Set limits and requests of containers")
      .argument("[object...]", "TYPE/NAME…, unless -f names them")
      .option(...which)
      .option("--limits <quantities>", "cpu=200m,memory=512Mi")
      .option("--requests <quantities>", "the same")
      .action(
        tree.asRoot(async (context, [words], options) => {
          const { setResources } = await import("./commands/set.ts");
          return await setResources(context, list(words), options);
        }),
      ),
    ["nspod set resources deploy/web -c=main --limits=cpu=200m,memory=512Mi"],
  );
}
