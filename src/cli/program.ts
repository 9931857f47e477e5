/**
 * The tree of commands: names, options, help. What a command does is loaded when it runs, because
 * every command pays for what is imported here.
 */
import { Command } from "commander";
import { version } from "../daemon/version.ts";
import { examples, type ProgramOptions, Tree } from "./command-tree.ts";
import { addComfortCommands } from "./commands-comfort.ts";
import { addCreateCommands } from "./commands-create.ts";
import { addImageCommands } from "./commands-image.ts";
import { addNodeCommands } from "./commands-node.ts";
import { addObjectCommands } from "./commands-object.ts";
import { addPodCommands } from "./commands-pod.ts";
import { addRolloutCommands } from "./commands-rollout.ts";
import { addSetCommands } from "./commands-set.ts";
import { addSystemCommands } from "./commands-system.ts";

export function buildProgram(options: ProgramOptions): Command {
  const program = new Command("nspod")
    .exitOverride()
    .configureOutput({
      writeErr: (line) => options.screen.remark(line.trimEnd()),
      outputError: (line, write) => write(line.replace(/^error: /, "nspod: ")),
    })
    .description("Kubernetes pods on this machine, with nothing underneath")
    .option("-n, --namespace <name>", "namespace of the pods (default: default)")
    .option("--root <folder>", "durable state (default: /var/lib/nspod, $NSPOD_ROOT)")
    .option("--run <folder>", "runtime state and socket (default: /run/nspod, $NSPOD_RUN)")
    .option("--bridge <name>", "network bridge (default: nspod0, $NSPOD_BRIDGE)")
    .option("--subnet <prefix>", "addresses of pods (default: 10.85.0.0/16, $NSPOD_SUBNET)")
    .option(
      "--service-subnet <prefix>",
      "addresses of Services (default: 10.96.0.0/16, $NSPOD_SERVICE_SUBNET)",
    )
    .option("--cgroup <path>", "cgroup below the v2 mount (default: /nspod, $NSPOD_CGROUP)")
    .version(version, "-V, --version")
    .configureHelp({ showGlobalOptions: true, sortSubcommands: false })
    .helpCommand("help [command]", "help for a command")
    .showHelpAfterError('(see "nspod --help")')
    .enablePositionalOptions(false);
  examples(program, ["nspod image load app.tar", "nspod run pod.yaml", "nspod get pods -o wide"]);
  const tree = new Tree(options);
  addPodCommands(program, tree);
  addComfortCommands(program, tree);
  addObjectCommands(program, tree);
  addCreateCommands(program, tree);
  addNodeCommands(program, tree);
  addRolloutCommands(program, tree);
  addSetCommands(program, tree);
  addImageCommands(program, tree);
  addSystemCommands(program, tree);
  return program;
}
