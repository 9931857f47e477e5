/** A command whose errors name its own help: `nspod get --help`, not that of all commands. */
import { Command } from "commander";

export class CommandWithHelp extends Command {
  override createCommand(name?: string): Command {
    return new CommandWithHelp(name);
  }

  /** Called when a command is added to its parent, which hands its settings down. */
  override copyInheritedSettings(parent: Command): this {
    super.copyInheritedSettings(parent);
    return this.showHelpAfterError(`(see "${pathOf(parent)} ${this.name()} --help")`);
  }
}

function pathOf(command: Command): string {
  return command.parent === null ? command.name() : `${pathOf(command.parent)} ${command.name()}`;
}
