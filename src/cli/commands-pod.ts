/** Commands that work with the containers of a pod: run, logs, exec, attach. */
import type { Command } from "commander";
import { collect, examples, list, oneOf, type Tree, text } from "./command-tree.ts";
import { dryRunOption } from "./commands-manifest.ts";
import { outputOption } from "./output-format.ts";

export function addPodCommands(program: Command, tree: Tree): void {
  addRun(program, tree);
  examples(
    program
      .command("logs")
      .description("Print what containers wrote; several in the order of time")
      .argument("[pod]", "NAME, or TYPE/NAME of what has pods")
      .argument("[container]")
      .option("-c, --container <name>", "container of the pod")
      .option("-f, --follow", "print new lines as they come")
      .option("-p, --previous", "the attempt before the last restart")
      .option("--tail <lines>", "only the last lines")
      .option("--since <duration>", "only what is newer, e.g. 10m")
      .option("--since-time <time>", "only what is newer than an RFC 3339 time")
      .option("--timestamps", "begin each line with its time")
      .option("--all-containers", "all containers of the pod")
      .option("-l, --selector <labels>", "of all pods with these labels")
      .option("--all-pods", "of all pods of the namespace")
      .option("--max-log-requests <count>", "most logs to follow at the same time (default: 5)")
      .option("--ignore-errors", "go on with the other logs when one cannot be read")
      .option("--prefix", "begin each line with pod and container")
      .option("--limit-bytes <bytes>", "stop after so many bytes")
      .option("--raw", "print on a terminal as it is, control characters included")
      .action(
        tree.asRoot(async (context, [pod, container], options) => {
          const { showLogs } = await import("./commands/logs.ts");
          const words = [pod, container].flatMap((word) =>
            word === undefined ? [] : [text(word)],
          );
          return await showLogs(context, words, options);
        }),
      ),
    [
      "nspod logs -f web",
      "nspod logs deployment/web",
      "nspod logs web -c sidecar --tail 20 --timestamps",
      "nspod logs -f -l app=web --all-containers",
    ],
  );
  examples(
    program
      .command("exec")
      .description("Run a command in a container")
      .argument("<pod>", "NAME, or TYPE/NAME of what has pods")
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
      .argument("<pod>", "NAME, or TYPE/NAME of what has pods")
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
}

function addRun(program: Command, tree: Tree): void {
  const run = program
    .command("run")
    .description(
      "Run the pods of a manifest, or of an image, and stay with them: logs, Ctrl-C, exit code",
    )
    .usage("[options] <file...> | <name> --image=<image> [-- <word>...]")
    .argument(
      "<word...>",
      'manifests or folders of them, "-" is standard input; with --image a name',
    )
    .option("-d, --detach", "return as soon as the pods are created")
    .option("--rm", "delete the pods when they have ended")
    .addOption(
      oneOf("--wait <goal>", "return when the pods are there (implies -d)", ["running", "ready"]),
    )
    .option("--timeout <duration>", "longest --wait", "60s")
    .option("--image-archive <tar>", "load this image archive first (repeatable)", collect)
    .option("--explain", "print the system calls instead of running them")
    .option("--timings", "say where the start spent its time (implies --wait running)")
    .option("--name <name>", "name of the pod, instead of the manifest's")
    .option("--raw", "print logs on a terminal as they are");
  run
    .optionsGroup("Options of pods of an image:")
    .option("--image <image>", "run this image in a pod, without a manifest")
    .option("-i, --stdin", "pass standard input to the container")
    .option("-t, --tty", "give the container a terminal")
    .option("--command", "the words after -- are the command, not its arguments")
    .option("--env <name=value>", "a variable of the container (repeatable)", collect)
    .option("--port <port>", "port that the container serves")
    .option("-l, --labels <labels>", "labels of the pod (default: run=NAME)")
    .addOption(
      oneOf("--restart <policy>", "when it ends (default: Never, with -d Always)", [
        ...["Always", "OnFailure", "Never"],
      ]),
    )
    .option("--privileged", "the container may do everything")
    .addOption(
      oneOf("--image-pull-policy <policy>", "whether its image may come from a registry", [
        ...["Always", "IfNotPresent", "Never"],
      ]),
    )
    .addOption(dryRunOption())
    .addOption(outputOption(["name", "json", "yaml"]))
    .action(
      tree.asRoot(async (context, [words], options) => {
        const { runCommand } = await import("./commands/run-image.ts");
        return await runCommand(context, list(words), options);
      }),
    );
  examples(run, [
    "nspod run pod.yaml",
    "nspod run --image-archive app.tar --rm pod.yaml",
    "nspod run pod.yaml --wait ready --timeout 30s && nspod get pods",
    "nspod run --explain pod.yaml",
    "nspod run -it --rm shell --image=busybox -- sh",
    "nspod run web --image=shop:1 --dry-run=client -o yaml >pod.yaml",
  ]);
}
