/**
 * The tree of commands: names, options, help. What a command does is loaded when it runs, and of the tree only the
 * part that the words name is made, because every command pays for what happens here.
 */
import type { Command } from "commander";
import { version } from "../daemon/version.ts";
import { examples, type ProgramOptions, Tree } from "./command-tree.ts";
import { CommandWithHelp } from "./command-with-help.ts";
import { commandWord } from "./command-word.ts";
import { addApiCommands } from "./commands-api.ts";
import { addAppCommands } from "./commands-app.ts";
import { addComfortCommands } from "./commands-comfort.ts";
import { addCreateCommands } from "./commands-create.ts";
import { addImageCommands } from "./commands-image.ts";
import { addManifestCommands } from "./commands-manifest.ts";
import { addNodeCommands } from "./commands-node.ts";
import {
  addChangeCommands,
  addDescribeCommands,
  addGetCommands,
  addWatchCommands,
} from "./commands-object.ts";
import { addPodCommands } from "./commands-pod.ts";
import { addRolloutCommands } from "./commands-rollout.ts";
import { addSetCommands } from "./commands-set.ts";
import { addSystemCommands } from "./commands-system.ts";

type AddCommands = (program: Command, tree: Tree) => void;

/** Parts of the tree by the commands that they add. A command that is missing here costs the whole tree. */
export const parts: ReadonlyMap<AddCommands, readonly string[]> = new Map([
  [addPodCommands, ["run", "logs", "exec", "attach"]],
  [addAppCommands, ["up", "down"]],
  [addComfortCommands, ["port-forward", "cp", "top", "stats", "debug"]],
  [addManifestCommands, ["apply", "create", "replace", "diff", "delete"]],
  [addGetCommands, ["get", "ps"]],
  [addDescribeCommands, ["describe", "export"]],
  [addWatchCommands, ["why", "events", "wait"]],
  [addChangeCommands, ["patch", "edit", "label", "annotate"]],
  [addApiCommands, ["explain", "api-resources", "api-versions"]],
  [addCreateCommands, ["create", "expose"]],
  [addNodeCommands, ["cordon", "uncordon", "drain", "taint"]],
  [addRolloutCommands, ["rollout", "scale"]],
  [addSetCommands, ["set"]],
  [addImageCommands, ["image"]],
  [
    addSystemCommands,
    ["daemon", "agent", "kubeconfig", "doctor", "system", "version", "completion", "__complete"],
  ],
]);

/** @param words - of the command line, without the name of the program; absent: the whole tree is wanted. */
export function buildProgram(options: ProgramOptions, words: readonly string[] = []): Command {
  const program = new CommandWithHelp("nspod")
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
  for (const add of wantedParts(program, words)) add(program, tree);
  return program;
}

/** All of them for help, for a word that is no command, and for options that only commander can read. */
function wantedParts(program: Command, words: readonly string[]): Iterable<AddCommands> {
  const word = commandWord(program, words);
  const wanted = [...parts].filter(([, names]) => word !== undefined && names.includes(word));
  return wanted.length === 0 ? parts.keys() : wanted.map(([add]) => add);
}
