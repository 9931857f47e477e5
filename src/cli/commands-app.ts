/** Commands that bring a whole application up and take it down. */
import type { Command } from "commander";
import { collect, examples, list, type Tree } from "./command-tree.ts";
import { sources } from "./commands-manifest.ts";

export function addAppCommands(program: Command, tree: Tree): void {
  examples(
    sources(program.command("up"))
      .description("Apply manifests, wait until all is up, and follow the logs of all pods")
      .argument("[file...]", 'manifests or folders of them; "-" is standard input')
      .option("-d, --detach", "return as soon as all is up")
      .option("--timeout <duration>", "longest wait", "5m")
      .option("--image-archive <tar>", "load this image archive first (repeatable)", collect)
      .option("--raw", "print logs on a terminal as they are")
      .action(
        tree.asRoot(async (context, [files], options) => {
          const { upManifests } = await import("./commands/up.ts");
          return await upManifests(context, list(files), options);
        }),
      ),
    ["nspod up app/", "nspod up -d app/ && nspod get all", "nspod up -k overlays/test"],
  );
  examples(
    sources(program.command("down"))
      .description("Delete what manifests say in the reverse order, and wait until all is gone")
      .argument("[file...]", 'manifests or folders of them; "-" is standard input')
      .option("--grace-period <seconds>", "time to end by itself (default: the pod's own)")
      .option("--timeout <duration>", "longest wait")
      .action(
        tree.asRoot(async (context, [files], options) => {
          const { downManifests } = await import("./commands/up.ts");
          return await downManifests(context, list(files), options);
        }),
      ),
    ["nspod down app/"],
  );
}
