/** Commands that look into running pods: port-forward, cp, top, stats, debug. */
import type { Command } from "commander";
import { collect, examples, list, oneOf, type Tree, text } from "./command-tree.ts";
import { debugProfiles } from "./debug-profiles.ts";

export function addComfortCommands(program: Command, tree: Tree): void {
  examples(
    program
      .command("port-forward")
      .description("Lead local ports into a pod")
      .argument("<pod>", "NAME, or TYPE/NAME of what has pods")
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
    ["nspod port-forward web 8080:80", "nspod port-forward service/web :http --address 0.0.0.0"],
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
  const top = program
    .command("top")
    .description("Show cpu and memory that pods, or the node, use now");
  examples(
    top
      .command("pods")
      .alias("pod")
      .alias("po")
      .description("Of running pods")
      .argument("[pod...]", "names of pods")
      .option("-A, --all-namespaces", "pods of all namespaces")
      .option("-l, --selector <labels>", "only those with these labels")
      .option("--field-selector <fields>", "only those with these fields")
      .option("--containers", "a line for each container")
      .addOption(oneOf("--sort-by <amount>", "the largest first", ["cpu", "memory"]))
      .option("--sum", "a last line with the sum")
      .option("--no-headers", "leave out the heading")
      .action(
        tree.asRoot(async (context, [pods], options) => {
          const { topPods } = await import("./commands/top.ts");
          return await topPods(context, list(pods), options);
        }),
      ),
    ["nspod top pods -A --sort-by=memory", "nspod top pods web --containers"],
  );
  examples(
    top
      .command("nodes")
      .alias("node")
      .alias("no")
      .description("Of this machine")
      .option("--no-headers", "leave out the heading")
      .action(
        tree.asRoot(async (context, _args, options) => {
          const { topNodes } = await import("./commands/top.ts");
          return await topNodes(context, options);
        }),
      ),
    ["nspod top nodes"],
  );
  examples(
    program
      .command("stats")
      .description("Show what running containers use, again and again")
      .argument("[pod...]", "names of pods")
      .option("-A, --all-namespaces", "pods of all namespaces")
      .option("-l, --selector <labels>", "only those with these labels")
      .option("--no-stream", "once only")
      .action(
        tree.asRoot(async (context, [pods], options) => {
          const { showStats } = await import("./commands/stats.ts");
          return await showStats(context, list(pods), options);
        }),
      ),
    ["nspod stats", "nspod stats web --no-stream"],
  );
  examples(
    program
      .command("debug")
      .description("Add a container with tools to a pod that runs")
      .argument("<pod>", "NAME or pod/NAME")
      .argument("[command...]", 'what it runs instead of its image\'s command, after "--"')
      .usage("[options] <pod> --image <image> [-- <command> [argument...]]")
      .requiredOption("--image <image>", "image of the container")
      .addOption(
        oneOf("--image-pull-policy <policy>", "of that image", ["Always", "IfNotPresent", "Never"]),
      )
      .option("-c, --container <name>", "name of the container (default: debugger- and letters)")
      .option("--target <container>", "see the processes of this container")
      .option("--env <name=value>", "variable of the container (repeatable)", collect)
      .option("-i, --stdin", "pass standard input to it, and attach")
      .option("-t, --tty", "give it a terminal")
      .option("--attach", "wait for it and show what it writes")
      .addOption(oneOf("--profile <profile>", "what it may do", debugProfiles).default("general"))
      .option("-q, --quiet", "no remarks")
      .action(
        tree.asRoot(async (context, [pod, command], options) => {
          const { debugPod } = await import("./commands/debug.ts");
          return await debugPod(context, text(pod), list(command), options);
        }),
      ),
    [
      "nspod debug web -it --image busybox --target app",
      "nspod debug web --attach --image busybox -- nslookup db",
    ],
  );
}
