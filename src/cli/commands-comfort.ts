/** Commands that look into running pods: port-forward, cp, top, stats, debug. */
import type { Command } from "commander";
import { collect, examples, list, type Tree, text } from "./command-tree.ts";

export function addComfortCommands(program: Command, tree: Tree): void {
  examples(
    program
      .command("port-forward")
      .description("Lead local ports into a pod")
      .argument("<pod>", "NAME or pod/NAME")
      .argument("<port...>", "[LOCAL:]REMOTE; REMOTE may be the name of a port")
      .option("--address <addresses>", "addresses to listen on (repeatable)", collect, undefined)
      .option("--pod-running-timeout <duration>", "longest wait for the pod to run", "1m")
      .action(
        tree.asRoot(async (context, [pod, ports], options) => {
          const { forwardPorts } = await import("./commands/port-forward.ts");
          const address = options.address ?? ["localhost"];
          return await forwardPorts(context, text(pod), list(ports), { ...options, address });
        }),
      ),
    ["nspod port-forward web 8080:80", "nspod port-forward pod/web :http --address 0.0.0.0"],
  );
  examples(
    program
      .command("cp")
      .description("Copy files between this machine and a container")
      .argument("<source>", 'POD:PATH, NAMESPACE/POD:PATH, a path here, or "-" for a tar stream')
      .argument("<target>", "the same")
      .option("-c, --container <name>", "container of the pod")
      .option("--no-preserve", "files get the container's user and no owner of the archive")
      .action(
        tree.asRoot(async (context, [source, target], options) => {
          const { copyFiles } = await import("./commands/cp.ts");
          return await copyFiles(context, text(source), text(target), options);
        }),
      ),
    ["nspod cp web:/var/log/app.log .", "nspod cp site/ web:/usr/share/www -c nginx"],
  );
}
