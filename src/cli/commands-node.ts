/** Commands that work with nodes: cordon, uncordon, drain, taint. */
import type { Command } from "commander";
import { examples, list, type Tree, text } from "./command-tree.ts";

export function addNodeCommands(program: Command, tree: Tree): void {
  for (const [name, isCordon] of [
    ["cordon", true],
    ["uncordon", false],
  ] as const) {
    examples(
      program
        .command(name)
        .description(isCordon ? "Let no new pods onto a node" : "Let new pods onto a node again")
        .argument("<node>", "NAME or node/NAME")
        .action(
          tree.asRoot(async (context, [node]) => {
            const { cordonNode } = await import("./commands/cordon.ts");
            return await cordonNode(context, text(node), isCordon);
          }),
        ),
      [`nspod ${name} $(hostname)`],
    );
  }
  examples(
    program
      .command("drain")
      .description("Cordon a node and evict its pods, as their budgets allow")
      .argument("<node>", "NAME or node/NAME")
      .option("--ignore-daemonsets", "leave pods of DaemonSets where they are")
      .option("--delete-emptydir-data", "evict pods with emptyDir volumes, too: their data is lost")
      .option("--force", "evict pods that nobody replaces, too")
      .option("--grace-period <seconds>", "time to end by itself (default: the pod's own)")
      .option("--timeout <duration>", "longest wait (default: for ever)", "0")
      .option("-l, --pod-selector <labels>", "only pods with these labels")
      .option("--disable-eviction", "delete the pods, past all budgets")
      .action(
        tree.asRoot(async (context, [node], options) => {
          const { drainNode } = await import("./commands/drain.ts");
          return await drainNode(context, text(node), options);
        }),
      ),
    ["nspod drain $(hostname) --ignore-daemonsets --delete-emptydir-data --force"],
  );
  examples(
    program
      .command("taint")
      .description("Add taints to nodes, or remove them")
      .argument("<words...>", "nodes NAME… KEY[=VALUE]:EFFECT… or KEY[:EFFECT]-…")
      .option("--all", "all nodes")
      .option("--overwrite", "change taints that are there")
      .action(
        tree.asRoot(async (context, [words], options) => {
          const { taintNodes } = await import("./commands/taint.ts");
          return await taintNodes(context, list(words), options);
        }),
      ),
    ["nspod taint nodes $(hostname) dedicated=db:NoSchedule", "nspod taint nodes --all dedicated-"],
  );
}
