// A disk of its own for an instance: a tmpfs at its root folder, in a mount namespace that only its daemons enter, so
// that it can be full while the machine's is not.
import { mkdirSync, statfsSync } from "node:fs";
import { eventually } from "./eventually.ts";
import type { Instance } from "./instance.ts";
import { LiveCommand } from "./live-command.ts";
import { runCommand } from "./run-command.ts";

/** Enough that a node has no disk pressure; memory is taken only for what is written. */
const roomyBytes = 1 << 30;

const roomyInodes = 100_000;

export class SmallDisk implements AsyncDisposable {
  readonly #holder: LiveCommand;
  readonly #folder: string;

  private constructor(holder: LiveCommand, folder: string) {
    this.#holder = holder;
    this.#folder = folder;
  }

  /** Before the first daemon of the instance. */
  static async start({ root }: Instance): Promise<SmallDisk> {
    mkdirSync(root, { recursive: true, mode: 0o700 });
    const script = `mount -t tmpfs -o size=${roomyBytes},mode=700 none ${root} && echo ready && exec cat`;
    const holder = new LiveCommand("unshare", ["--mount", "sh", "-c", script]);
    await holder.says(/^ready$/m);
    return new SmallDisk(holder, root);
  }

  /** The words before a command that runs it where the disk is. */
  get enter(): readonly string[] {
    return ["nsenter", "--target", String(this.#holder.pid), "--mount"];
  }

  /** Where its files are seen from here. */
  get view(): string {
    return `/proc/${this.#holder.pid}/root${this.#folder}`;
  }

  /** From now on there is not one byte left. */
  async fill(): Promise<void> {
    await eventually("the disk to be full", 10_000, async () => {
      const { blocks, bfree, bsize } = statfsSync(this.view);
      // 0 would be no limit at all; what is written meanwhile makes the kernel refuse.
      await this.#resize(Math.max(1, blocks - bfree) * bsize);
      return statfsSync(this.view).bfree === 0 ? true : undefined;
    });
  }

  /** From now on no file can be made; there is room in those that are there. */
  async fillInodes(): Promise<void> {
    await eventually("the inodes to be taken", 10_000, async () => {
      const { files, ffree } = statfsSync(this.view);
      // What is made meanwhile makes the kernel refuse.
      await this.#remount(`nr_inodes=${files - ffree}`);
      return statfsSync(this.view).ffree === 0 ? true : undefined;
    });
  }

  async empty(): Promise<void> {
    await this.#resize(roomyBytes);
    await this.#remount(`nr_inodes=${roomyInodes}`);
  }

  async #resize(bytes: number): Promise<void> {
    await this.#remount(`size=${bytes}`);
  }

  async #remount(option: string): Promise<void> {
    const [file = "", ...args] = this.enter;
    const mount = ["mount", "-o", `remount,${option}`, this.#folder];
    const { code, stderr } = await runCommand(file, [...args, ...mount]);
    if (code !== 0) throw new Error(stderr);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#holder[Symbol.asyncDispose]();
  }
}
