/**
 * The tree of commands: names, options, help. What a command does is loaded when it runs, because
 * every command pays for what is imported here.
 */
import { Argument, Command, Option } from "commander";
import { PodError } from "../base/errors.ts";
import { version } from "../daemon/version.ts";
import { Context } from "./context.ts";
import { type InstanceFlags, selectInstance } from "./instance-options.ts";
import type { Screen } from "./screen.ts";

export interface ProgramOptions {
  readonly screen: Screen;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly isRoot: boolean;
  /** Takes the exit code of the command that ran. */
  readonly finish: (exitCode: number) => void;
}

/** The work of a command: gets its arguments and options as commander decoded them. */
type Work = (
  context: Context,
  args: readonly (string | readonly string[] | undefined)[],
  // biome-ignore lint/suspicious/noExplicitAny: each command states the shape of its options.
  options: any,
) => Promise<number>;

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
    .option("--cgroup <path>", "cgroup below the v2 mount (default: /nspod, $NSPOD_CGROUP)")
    .version(version, "-V, --version")
    .configureHelp({ showGlobalOptions: true, sortSubcommands: false })
    .helpCommand("help [command]", "help for a command")
    .showHelpAfterError('(see "nspod --help")')
    .enablePositionalOptions(false);
  examples(program, ["nspod image load app.tar", "nspod run pod.yaml", "nspod get pods -o wide"]);
  const tree = new Tree(options);
  addPodCommands(program, tree);
  addImageCommands(program, tree);
  addSystemCommands(program, tree);
  return program;
}

/** Knows how a command becomes an action: root, context, exit code. */
class Tree {
  readonly #options: ProgramOptions;

  constructor(options: ProgramOptions) {
    this.#options = options;
  }

  /** An action that needs root, as all that touch pods do. */
  asRoot(work: Work): (...all: unknown[]) => Promise<void> {
    return this.#action(work, true);
  }

  asAnyone(work: Work): (...all: unknown[]) => Promise<void> {
    return this.#action(work, false);
  }

  #action(work: Work, needsRoot: boolean): (...all: unknown[]) => Promise<void> {
    return async (...all) => {
      const { screen, env, isRoot, finish } = this.#options;
      if (needsRoot && !isRoot) {
        throw new PodError("PermissionDenied", "nspod needs root: run it with sudo");
      }
      // commander hands over: arguments…, options of the command, the command.
      const command = all.at(-1) as Command;
      const global = command.optsWithGlobals<InstanceFlags & { readonly namespace?: string }>();
      using context = new Context({
        screen,
        instance: selectInstance(global, env),
        givenNamespace: global.namespace ?? (env["NSPOD_NAMESPACE"] || undefined),
      });
      const args = all.slice(0, -2) as (string | readonly string[] | undefined)[];
      finish(await work(context, args, command.opts()));
    };
  }
}

const text = (value: string | readonly string[] | undefined): string =>
  typeof value === "string" ? value : "";
const list = (value: string | readonly string[] | undefined): readonly string[] =>
  typeof value === "string" ? [value] : (value ?? []);
const collect = (value: string, before: readonly string[] | undefined): readonly string[] => [
  ...(before ?? []),
  value,
];
const oneOf = (flags: string, description: string, choices: readonly string[]): Option =>
  new Option(flags, description).choices(choices);

const examples = (command: Command, lines: readonly string[]): Command =>
  command.addHelpText(
    "after",
    `\n${lines.length > 1 ? "Examples" : "Example"}:\n${lines.map((line) => `  ${line}`).join("\n")}`,
  );

function addPodCommands(program: Command, tree: Tree): void {
  examples(
    program
      .command("run")
      .description("Run the pods of a manifest and stay with them: logs, Ctrl-C, exit code")
      .argument("<file...>", 'manifests or folders of them; "-" is standard input')
      .option("-d, --detach", "return as soon as the pods are created")
      .option("--rm", "delete the pods when they have ended")
      .addOption(
        oneOf("--wait <goal>", "return when the pods are there (implies -d)", ["running", "ready"]),
      )
      .option("--timeout <duration>", "longest --wait", "60s")
      .option("--image-archive <tar>", "load this image archive first (repeatable)", collect)
      .option("--explain", "print the system calls instead of running them")
      .option("--name <name>", "name of the pod, instead of the manifest's")
      .option("--raw", "print logs on a terminal as they are")
      .action(
        tree.asRoot(async (context, [files], options) => {
          const { runPods } = await import("./commands/run.ts");
          return await runPods(context, list(files), options);
        }),
      ),
    [
      "nspod run pod.yaml",
      "nspod run --image-archive app.tar --rm pod.yaml",
      "nspod run pod.yaml --wait ready --timeout 30s && nspod get pods",
      "nspod run --explain pod.yaml",
    ],
  );
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
      .option("-A, --all-namespaces", "pods of all namespaces")
      .option("-l, --selector <labels>", "only those with these labels, e.g. app=web")
      .option(
        "--field-selector <fields>",
        "only those with these fields, e.g. status.phase=Running",
      )
      .addOption(oneOf("-o, --output <format>", "output format", ["wide", "json", "yaml", "name"]))
      .option("-w, --watch", "print changes as they happen")
      .option("--no-headers", "leave out the heading")
      .option("--ignore-not-found", "a missing pod is no error")
      .action(
        tree.asRoot(async (context, [words], options) => {
          const { getObjects } = await import("./commands/get.ts");
          return await getObjects(context, [...first, ...list(words)], options);
        }),
      );
  examples(
    get("get", [])
      .description("List pods or events")
      .argument("[resource...]", "pods [NAME…], pod/NAME or events"),
    ["nspod get pods -o wide", "nspod get pod web -o yaml", "nspod get events -w"],
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
      .command("logs")
      .description("Print what the containers of a pod wrote")
      .argument("<pod>")
      .argument("[container]")
      .option("-c, --container <name>", "container of the pod")
      .option("-f, --follow", "print new lines as they come")
      .option("-p, --previous", "the attempt before the last restart")
      .option("--tail <lines>", "only the last lines")
      .option("--since <duration>", "only what is newer, e.g. 10m")
      .option("--since-time <time>", "only what is newer than an RFC 3339 time")
      .option("--timestamps", "begin each line with its time")
      .option("--all-containers", "all containers of the pod")
      .option("--prefix", "begin each line with pod and container")
      .option("--limit-bytes <bytes>", "stop after so many bytes")
      .option("--raw", "print on a terminal as it is, control characters included")
      .action(
        tree.asRoot(async (context, [pod, container], options) => {
          const { showLogs } = await import("./commands/logs.ts");
          const words = [text(pod), ...(container === undefined ? [] : [text(container)])];
          return await showLogs(context, words, options);
        }),
      ),
    ["nspod logs -f web", "nspod logs web -c sidecar --tail 20 --timestamps"],
  );
  examples(
    program
      .command("exec")
      .description("Run a command in a container")
      .argument("<pod>")
      .argument("[command...]", 'the command and its arguments, after "--"')
      .usage("[options] <pod> -- <command> [argument...]")
      .showHelpAfterError('(options of the command come after "--": nspod exec web -- ls -l)')
      .option("-c, --container <name>", "container of the pod")
      .option("-i, --stdin", "pass standard input to the command")
      .option("-t, --tty", "give the command a terminal")
      .action(
        tree.asRoot(async (context, [pod, command], options) => {
          const { execCommand } = await import("./commands/exec.ts");
          return await execCommand(context, text(pod), list(command), options);
        }),
      ),
    ["nspod exec web -- ls -l /", "nspod exec -it web -c app -- sh"],
  );
  examples(
    program
      .command("attach")
      .description("Connect to the streams of a running container")
      .argument("<pod>")
      .option("-c, --container <name>", "container of the pod")
      .option("-i, --stdin", "pass standard input to the container")
      .option("-t, --tty", "standard input is a terminal")
      .action(
        tree.asRoot(async (context, [pod], options) => {
          const { attachContainer } = await import("./commands/exec.ts");
          return await attachContainer(context, text(pod), options);
        }),
      ),
    ["nspod attach -it web"],
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

function addImageCommands(program: Command, tree: Tree): void {
  const image = program.command("image").description("Load, list and remove images");
  examples(image, ["nspod image load app.tar", "nspod image ls"]);
  examples(
    image
      .command("load")
      .description("Load an OCI or docker archive; plain, gzip or zstd")
      .argument("[file...]", 'archives or OCI layout folders; "-" is standard input', ["-"])
      .option("-i, --input <file>", "archive (repeatable)", collect)
      .option("-q, --quiet", "print nothing")
      .action(
        tree.asRoot(async (context, [files], options) => {
          const { loadArchive } = await import("./commands/image-load.ts");
          for (const file of options.input ?? list(files)) {
            await loadArchive(context, file, { isQuiet: options.quiet === true });
          }
          return 0;
        }),
      ),
    ["nspod image load app.tar", "docker save app | nspod image load -"],
  );
  examples(
    image
      .command("import")
      .description("Make an image of the files in a tar archive")
      .argument("<file>", 'archive of a root file system; "-" is standard input')
      .argument("<name>", "name of the new image")
      .action(
        tree.asRoot(async (context, [file, name]) => {
          const { importRootfs } = await import("./commands/image-load.ts");
          return await importRootfs(context, text(file), text(name));
        }),
      ),
    ["nspod image import rootfs.tar.gz my/base:1"],
  );
  examples(
    image
      .command("ls")
      .alias("list")
      .description("List images")
      .option("-q, --quiet", "print ids only")
      .option("--no-trunc", "print whole ids")
      .addOption(oneOf("-o, --output <format>", "output format", ["json", "yaml"]))
      .action(
        tree.asRoot(async (context, _args, options) => {
          const { listImages } = await import("./commands/image.ts");
          return await listImages(context, options);
        }),
      ),
    ["nspod image ls"],
  );
  examples(
    image
      .command("inspect")
      .description("Print what is known about images, as JSON")
      .argument("<image...>", "names or ids")
      .action(
        tree.asRoot(async (context, [names]) => {
          const { inspectImages } = await import("./commands/image.ts");
          return await inspectImages(context, list(names));
        }),
      ),
    ["nspod image inspect busybox"],
  );
  examples(
    image
      .command("tag")
      .description("Give an image another name")
      .argument("<source>", "name or id")
      .argument("<target>", "the new name")
      .action(
        tree.asRoot(async (context, [source, target]) => {
          const { tagImage } = await import("./commands/image.ts");
          return await tagImage(context, text(source), text(target));
        }),
      ),
    ["nspod image tag busybox my/busybox:1"],
  );
  examples(
    image
      .command("rm")
      .description("Remove names of images, and images without a name")
      .argument("<image...>", "names or ids")
      .option("-f, --force", "remove all names of an id, also when a pod that ended uses it")
      .action(
        tree.asRoot(async (context, [names], options) => {
          const { removeImages } = await import("./commands/image.ts");
          return await removeImages(context, list(names), options);
        }),
      ),
    ["nspod image rm busybox"],
  );
  examples(
    image
      .command("prune")
      .description("Remove images that have no name and that no pod uses")
      .option("-a, --all", "those with a name, too")
      .option("-f, --force", "do not ask")
      .action(
        tree.asRoot(async (context, _args, options) => {
          const { pruneImages } = await import("./commands/image.ts");
          return await pruneImages(context, options);
        }),
      ),
    ["nspod image prune --all --force"],
  );
  examples(
    image
      .command("save")
      .description("Write images into one archive")
      .argument("<image...>", "names or ids")
      .option("-o, --output <file>", "file to write (default: standard output)")
      .addOption(oneOf("--format <format>", "kind of archive", ["oci", "docker"]).default("oci"))
      .action(
        tree.asRoot(async (context, [names], options) => {
          const { saveImages } = await import("./commands/image.ts");
          return await saveImages(context, list(names), options);
        }),
      ),
    ["nspod image save -o app.tar app:1"],
  );
}

function addSystemCommands(program: Command, tree: Tree): void {
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
      .action(
        tree.asRoot(async (context, _args, options) => {
          const { runDaemon } = await import("./commands/daemon.ts");
          return await runDaemon(context, options);
        }),
      ),
    ["nspod daemon --log-level debug"],
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
    .argument("<what>", "pods or images")
    .action(
      tree.asAnyone(async (context, [what]) => {
        const { printCandidates } = await import("./commands/complete.ts");
        return await printCandidates(context, text(what));
      }),
    );
}
