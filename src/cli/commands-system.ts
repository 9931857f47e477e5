/** Commands about the daemon, the machine and the command line itself. */
import { Argument, type Command } from "commander";
import { examples, list, oneOf, type Tree, text } from "./command-tree.ts";

export function addSystemCommands(program: Command, tree: Tree): void {
  examples(
    program
      .command("daemon")
      .description("Run the daemon in the foreground; other commands start one on demand")
      .option("--enforce-limits", "refuse pods whose limits this machine cannot enforce")
      .option(
        "--allowed-unsafe-sysctls <names>",
        'sysctls that pods may set besides the safe ones, like "kernel.msg*,net.core.somaxconn"',
      )
      .addOption(
        oneOf("--log-level <level>", "least severe message of the log ($NSPOD_LOG_LEVEL)", [
          ...["trace", "debug", "info", "warn", "error", "fatal", "silent"],
        ]),
      )
      .option(
        "--listen <address>",
        "also serve the API on TCP with TLS, for kubectl ($NSPOD_LISTEN); see nspod kubeconfig",
      )
      .option(
        "--cluster-cidr <prefix>",
        "addresses of pods of other nodes, a /24 each (default: 10.87.0.0/16, $NSPOD_CLUSTER_CIDR)",
      )
      .option(
        "--node-ip <address>",
        "address of the node for others (default: by its routes, $NSPOD_NODE_IP)",
      )
      .option(
        "--node-monitor-grace-period <time>",
        'how long a node may be silent before its pods are replaced, like "40s" ($NSPOD_NODE_MONITOR_GRACE_PERIOD)',
      )
      .action(
        tree.asRoot(async (context, _args, options) => {
          const { runDaemon } = await import("./commands/daemon.ts");
          return runDaemon(context, options);
        }),
      ),
    ["nspod daemon --log-level debug", "nspod daemon --listen 127.0.0.1:6443"],
  );
  addAgent(program, tree);
  examples(
    program
      .command("kubeconfig")
      .description("Print a kubeconfig for kubectl: a daemon with --listen, its administrator")
      .option("--server <url>", "the address of the API, when clients reach it by another one")
      .option("--node <name>", "for nspod agent on another machine, which becomes this node")
      .action(
        tree.asRoot(async (context, _args, options) => {
          const { printKubeconfig } = await import("./commands/kubeconfig.ts");
          return await printKubeconfig(context, options);
        }),
      ),
    [
      "nspod kubeconfig > ~/.kube/config",
      "nspod kubeconfig --node worker-1 --server https://192.0.2.1:6443 > worker-1.yaml",
    ],
  );
  examples(
    program
      .command("doctor")
      .description("Check what this machine has and lacks for pods, and how to mend it")
      .addOption(oneOf("-o, --output <format>", "output format", ["json"]))
      .action(
        tree.asRoot(async (context, _args, options) => {
          const { runDoctor } = await import("./commands/doctor.ts");
          return runDoctor(context, options);
        }),
      ),
    ["nspod doctor"],
  );
  const system = program.command("system").description("Facts and clean-up of this instance");
  examples(system, ["nspod system info", "nspod system reset --yes"]);
  examples(
    system
      .command("info")
      .description("Print what the daemon knows about itself and the machine")
      .addOption(oneOf("-o, --output <format>", "output format", ["json", "yaml"]))
      .action(
        tree.asRoot(async (context, _args, options) => {
          const { showInfo } = await import("./commands/system.ts");
          return await showInfo(context, options);
        }),
      ),
    ["nspod system info -o json"],
  );
  examples(
    system
      .command("census")
      .description("List what this instance owns on the machine, and what has no owner")
      .addOption(oneOf("-o, --output <format>", "output format", ["json", "yaml"]))
      .action(
        tree.asRoot(async (context, _args, options) => {
          const { showCensus } = await import("./commands/census.ts");
          return await showCensus(context, options);
        }),
      ),
    ["nspod system census -o json"],
  );
  const sure = (command: Command): Command =>
    command.option("-y, --yes", "do not ask").option("-f, --force", "the same as --yes");
  examples(
    sure(system.command("prune"))
      .description("Remove pods that have ended and images without a name that no pod uses")
      .action(
        tree.asRoot(async (context, _args, options) => {
          const { pruneSystem } = await import("./commands/system.ts");
          return await pruneSystem(context, options);
        }),
      ),
    ["nspod system prune --yes"],
  );
  examples(
    sure(system.command("reset"))
      .description("Kill all pods and remove everything that belongs to this instance")
      .action(
        tree.asRoot(async (context, _args, options) => {
          const { resetSystem } = await import("./commands/system.ts");
          return await resetSystem(context, options);
        }),
      ),
    ["nspod system reset --yes"],
  );
  examples(
    program
      .command("version")
      .description("Print the version of the command line and of a running daemon")
      .option("--client", "of the command line only")
      .addOption(oneOf("-o, --output <format>", "output format", ["json", "yaml"]))
      .action(
        tree.asAnyone(async (context, _args, options) => {
          const { showVersion } = await import("./commands/version.ts");
          return await showVersion(context, options);
        }),
      ),
    ["nspod version"],
  );
  examples(
    program
      .command("completion")
      .description("Print a script that completes nspod commands in a shell")
      .addArgument(new Argument("<shell>").choices(["bash", "zsh", "fish"]))
      .action(
        tree.asAnyone(async (context, [shell]) => {
          const { completionScript } = await import("./completion-script.ts");
          context.screen.print(completionScript(program, text(shell)));
          return 0;
        }),
      ),
    [
      "source <(nspod completion bash)",
      "nspod completion fish > ~/.config/fish/completions/nspod.fish",
    ],
  );
  program
    .command("__complete", { hidden: true })
    .argument("<what>", "objects, pods or images")
    .argument("[words...]", "the line so far, without the name of the program")
    .action(
      tree.asAnyone(async (context, [what, words]) => {
        const { printCandidates } = await import("./commands/complete.ts");
        return await printCandidates(context, text(what), list(words));
      }),
    );
}

function addAgent(program: Command, tree: Tree): void {
  examples(
    program
      .command("agent")
      .description("Run pods of a cluster on this machine: a node of nspod's or any Kubernetes API")
      .requiredOption("--kubeconfig <file>", "where the API server is, and who the node is")
      .option("--node-name <name>", "name of the node (default: that of the host)")
      .option("--node-ip <address>", "address of the node for others (default: by its routes)")
      .option("--port <number>", "where the API server reaches the agent (default: 10250)")
      .option("--node-lease-duration <seconds>", "how long a sign of life lasts (default: 40)")
      .option("--pod-cidr <prefix>", "addresses of pods (default: as the control plane says)")
      .option("--client-ca-file <file>", "who signs for the API server (default: the same)")
      .option("--no-service-proxy", "another program keeps the rules and names of Services")
      .option("--enforce-limits", "refuse pods whose limits this machine cannot enforce")
      .addOption(
        oneOf("--log-level <level>", "least severe message of the log ($NSPOD_LOG_LEVEL)", [
          ...["trace", "debug", "info", "warn", "error", "fatal", "silent"],
        ]),
      )
      .action(
        tree.asRoot(async (context, _args, options) => {
          const { runAgent } = await import("./commands/agent.ts");
          return runAgent(context, options);
        }),
      ),
    ["nspod agent --kubeconfig worker-1.yaml --node-name worker-1"],
  );
}
