// A file system in a mount namespace that only its users enter: the machine's mount table never has it, and it goes
// with the last of them.
import { mkdirSync } from "node:fs";
import { LiveCommand } from "./live-command.ts";

export class PrivateMount implements AsyncDisposable {
  readonly #holder: LiveCommand;
  readonly #folder: string;

  private constructor(holder: LiveCommand, folder: string) {
    this.#holder = holder;
    this.#folder = folder;
  }

  /** @param words - of mount(8), without the folder; the folder is made. */
  static async start(folder: string, words: readonly string[]): Promise<PrivateMount> {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    const script = 'mount "$@" && echo ready && exec cat';
    const args = ["--mount", "sh", "-c", script, "sh", ...words, folder];
    const holder = new LiveCommand("unshare", args);
    await holder.says(/^ready$/m);
    return new PrivateMount(holder, folder);
  }

  /** The words before a command that runs it where the file system is. */
  get enter(): readonly string[] {
    return ["nsenter", "--target", String(this.#holder.pid), "--mount"];
  }

  /** Where its files are seen from here. */
  get view(): string {
    return `/proc/${this.#holder.pid}/root${this.#folder}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#holder[Symbol.asyncDispose]();
  }
}
