/** How a command of the tree becomes an action: root, context, exit code; and words that its options share. */
import { type Command, Option } from "commander";
import { PodError } from "../base/errors.ts";
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

/** Makes actions. */
export class Tree {
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
      const context = new Context({
        screen,
        instance: selectInstance(global, env),
        givenNamespace: global.namespace ?? (env["NSPOD_NAMESPACE"] || undefined),
      });
      const args = all.slice(0, -2) as (string | readonly string[] | undefined)[];
      // With those of its parents: `create` knows -o, and takes it also when it stands behind `create job`.
      finish(await work(context, args, global));
    };
  }
}

export const text = (value: string | readonly string[] | undefined): string =>
  typeof value === "string" ? value : "";
export const list = (value: string | readonly string[] | undefined): readonly string[] =>
  typeof value === "string" ? [value] : (value ?? []);
export const collect = (
  value: string,
  before: readonly string[] | undefined,
): readonly string[] => [...(before ?? []), value];
export const oneOf = (flags: string, description: string, choices: readonly string[]): Option =>
  new Option(flags, description).choices(choices);

export const examples = (command: Command, lines: readonly string[]): Command =>
  command.addHelpText(
    "after",
    `\n${lines.length > 1 ? "Examples" : "Example"}:\n${lines.map((line) => `  ${line}`).join("\n")}`,
  );
