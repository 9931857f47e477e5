/** Commands of workloads: rollout, scale. */
import type { Command } from "commander";
import { examples, list, type Tree } from "./command-tree.ts";

const objects = "TYPE/NAME or TYPE NAME…";

export function addRolloutCommands(program: Command, tree: Tree): void {
  const rollout = program
    .command("rollout")
    .description("Follow, undo and pause the way to a new template");
  const add = (name: string, description: string): Command =>
    examples(rollout.command(name).description(description).argument("<object...>", objects), [
      `nspod rollout ${name} deploy/web`,
    ]);
  add("status", "Wait until the rollout is over, and tell how far it is")
    .option("--no-watch", "tell once, do not wait")
    .option("--timeout <duration>", "wait at most this long, e.g. 60s")
    .action(
      tree.asRoot(async (context, [words], options) => {
        const { rolloutStatus } = await import("./commands/rollout.ts");
        return await rolloutStatus(context, list(words), options);
      }),
    );
  add("history", "List the templates that there were")
    .option("--revision <number>", "show this one")
    .action(
      tree.asRoot(async (context, [words], options) => {
        const { rolloutHistory } = await import("./commands/rollout.ts");
        return await rolloutHistory(context, list(words), options);
      }),
    );
  add("undo", "Go back to an earlier template")
    .option("--to-revision <number>", "this one (default: the one before)")
    .action(
      tree.asRoot(async (context, [words], options) => {
        const { rolloutUndo } = await import("./commands/rollout.ts");
        return await rolloutUndo(context, list(words), options);
      }),
    );
  for (const name of ["pause", "resume"] as const) {
    const isPaused = name === "pause";
    const description = isPaused
      ? "Let changes of a deployment wait until it is resumed"
      : "Let a paused deployment roll out what has changed";
    add(name, description).action(
      tree.asRoot(async (context, [words]) => {
        const { rolloutPause } = await import("./commands/rollout.ts");
        return await rolloutPause(context, list(words), isPaused);
      }),
    );
  }
  add("restart", "Replace all pods by new ones of the same template").action(
    tree.asRoot(async (context, [words]) => {
      const { rolloutRestart } = await import("./commands/rollout.ts");
      return await rolloutRestart(context, list(words));
    }),
  );
  examples(
    program
      .command("scale")
      .description("Set how many pods there are to be")
      .argument("<object...>", objects)
      .option("--replicas <number>", "so many")
      .option("--current-replicas <number>", "only if there are so many to be now")
      .action(
        tree.asRoot(async (context, [words], options) => {
          const { scaleObjects } = await import("./commands/scale.ts");
          return await scaleObjects(context, list(words), options);
        }),
      ),
    ["nspod scale deploy/web --replicas=5"],
  );
}
