/** Which command a command line names, before the commands are known. Pure. */
import type { Command } from "commander";

/**
 * The first word that is neither an option of `program` nor the value of one.
 * @param words - of the command line, without the name of the program
 * @returns undefined when there is none, or an option comes first that is not the program's
 */
export function commandWord(program: Command, words: readonly string[]): string | undefined {
  for (let index = 0; index < words.length; index++) {
    const word = words[index] ?? "";
    if (!word.startsWith("-")) return word;
    // "--root=/x" and "-nweb" carry their value.
    const name = word.startsWith("--") ? word.split("=", 1)[0] : word.slice(0, 2);
    const option = program.options.find(({ long, short }) => long === name || short === name);
    if (option === undefined || !option.required) return undefined;
    if (word === name) index++;
  }
  return undefined;
}
