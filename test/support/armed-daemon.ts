// A daemon of an instance that is a child of the test: told where to fail or die, and its end is seen.
import { join } from "node:path";
import type { Instance } from "../../src/base/instance.ts";
import { instanceFlags } from "../../src/cli/daemon-process.ts";
import { LiveCommand } from "./live-command.ts";
import { daemonPid } from "./manifest.ts";
import { Pods } from "./pods.ts";

const program = join(import.meta.dirname, "../../dist/daemon.cjs");

export class ArmedDaemon implements AsyncDisposable {
  readonly #command: LiveCommand;

  private constructor(command: LiveCommand) {
    this.#command = command;
  }

  /**
   * Starts a daemon and waits until it listens; the one before has ended.
   * @param points - NSPOD_FAILPOINTS of it and of what it starts.
   * @param through - words before the command, which end in its exec.
   */
  static async start(
    instance: Instance,
    points = "",
    through: readonly string[] = [],
  ): Promise<ArmedDaemon> {
    const words = [...through, process.execPath, program, ...instanceFlags(instance)];
    const [file = "", ...args] = words;
    const command = new LiveCommand(file, args, { env: { NSPOD_FAILPOINTS: points } });
    await command.says(/"Listening"/, { on: "stderr", ms: 30_000 });
    return new ArmedDaemon(command);
  }

  get pid(): number {
    return this.#command.pid;
  }

  /** What it has logged, one JSON object a line. */
  get log(): string {
    return this.#command.stderr;
  }

  /** Its exit status, once it has ended; 137 after SIGKILL. */
  async ended(): Promise<number> {
    return await this.#command.exit(30_000);
  }

  /** kill -9. */
  async kill(): Promise<void> {
    this.#command.signal("SIGKILL");
    await this.ended();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#command[Symbol.asyncDispose]();
  }
}

/** Pods of an instance whose daemons are armed, one after the other. */
export class ArmedPods {
  readonly pods: Pods;
  daemon: ArmedDaemon;

  private constructor(pods: Pods, daemon: ArmedDaemon) {
    this.pods = pods;
    this.daemon = daemon;
  }

  /** An instance with these images and a daemon without points. */
  static async start(...images: readonly string[]): Promise<ArmedPods> {
    try {
      const pods = await Pods.start(...images);
      process.kill(await daemonPid(pods.instance), "SIGKILL");
      pods.startsDaemons = false;
      return new ArmedPods(pods, await ArmedDaemon.start(pods.instance));
    } catch (error) {
      // uvu counts what a hook throws as a failure and keeps the reason to itself.
      console.error(error);
      throw error;
    }
  }

  /** Kills the daemon and starts the next one. */
  async next(points = ""): Promise<ArmedDaemon> {
    await this.daemon.kill();
    this.daemon = await ArmedDaemon.start(this.pods.instance, points);
    return this.daemon;
  }

  /** @throws Error when the machine has something of the instance that nobody owns, or anything after its end. */
  async close(): Promise<void> {
    const { code, stdout } = await this.pods.instance.nspod(["system", "census"]);
    await this.pods.close();
    await this.daemon.ended();
    if (code !== 0) throw new Error(stdout);
  }
}
