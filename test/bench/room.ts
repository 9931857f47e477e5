// Where the commands of one peer run and are timed: a stopwatch (stopwatch.c) in mount, PID, network and cgroup
// namespaces of its own, or on the host itself for nspod. Whatever a peer makes (bridges, mounts, daemons, processes
// that it forgets) lives in those namespaces and ends with them.
import { type ChildProcessByStdio, spawn } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { Readable, Writable } from "node:stream";
import { type CgroupView, makeCgroupView, type ViewKind } from "./cgroup-view.ts";
import { type ProcessMemory, processesBelow } from "./process-memory.ts";

export type Command = readonly string[];

export interface RoomOptions {
  /** Unique on this machine, e.g. "nspod-bench-123-podman". */
  readonly name: string;
  /** Files of the room; exists. */
  readonly folder: string;
  /** Path of the compiled stopwatch. */
  readonly stopwatch: string;
  /** Absent: no namespaces at all. */
  readonly view?: ViewKind;
  readonly env?: Readonly<Record<string, string | undefined>>;
}

/** A command that did not end with 0, or not in time; `message` has its last words. */
export class CommandFailure extends Error {}

interface Pending {
  readonly resolve: (answer: { readonly code: number; readonly ms: number }) => void;
  readonly reject: (error: Error) => void;
}

export class Room {
  readonly folder: string;
  readonly #child: ChildProcessByStdio<Writable, Readable, null>;
  readonly #view: CgroupView | undefined;
  readonly #pending = new Map<string, Pending>();
  readonly #ended: Promise<void>;
  #count = 0;

  private constructor(options: RoomOptions, view: CgroupView | undefined) {
    this.folder = options.folder;
    this.#view = view;
    const command = view === undefined ? [options.stopwatch] : enter(view, options.stopwatch);
    const [file = "", ...args] = command;
    this.#child = spawn(file, args, {
      stdio: ["pipe", "pipe", "inherit"],
      env: { ...process.env, NODE_EXTRA_CA_CERTS: undefined, ...options.env },
    });
    this.#ended = new Promise((resolve) => this.#child.once("close", () => resolve()));
    this.#child.once("close", () => this.#failAll("its stopwatch ended"));
    this.#child.once("error", (error) => this.#failAll(error.message));
    this.#child.stdin.on("error", () => undefined);
  }

  /** Makes the namespaces. @throws CommandFailure when they cannot be made. */
  static async open(options: RoomOptions): Promise<Room> {
    const view = options.view && makeCgroupView(options.view, options.name);
    const room = new Room(options, view);
    const ready = new Promise<void>((resolve, reject) => {
      room.#pending.set("ready", { resolve: () => resolve(), reject });
    });
    createInterface(room.#child.stdout).on("line", (line) => room.#take(line));
    try {
      await ready;
    } catch (error) {
      await room.close();
      throw error;
    }
    return room;
  }

  /**
   * Runs a command to its end.
   * @returns milliseconds from before its fork until its end was seen.
   * @throws CommandFailure when it ended with something else than 0, or was killed after `deadlineMs`.
   */
  async time(
    command: Command,
    options: { deadlineMs?: number; input?: string } = {},
  ): Promise<number> {
    const { deadlineMs = 60_000, input } = options;
    const id = String(++this.#count);
    const output = join(this.folder, `output-${id}`);
    writeFileSync(output, "");
    const inputFile = input === undefined ? "/dev/null" : join(this.folder, `input-${id}`);
    if (input !== undefined) writeFileSync(inputFile, input);
    const words = [id, String(deadlineMs), inputFile, output, ...command];
    const body = Buffer.from(words.map((word) => `${word}\0`).join(""));
    const length = Buffer.alloc(4);
    length.writeUInt32LE(body.length);
    const answer = new Promise<{ readonly code: number; readonly ms: number }>(
      (resolve, reject) => {
        this.#pending.set(id, { resolve, reject });
      },
    );
    this.#child.stdin.write(Buffer.concat([length, body]));
    const { code, ms } = await answer;
    if (code === 0) return ms;
    const why = code < 0 ? `did not end in ${deadlineMs / 1000} s` : `ended with ${code}`;
    const said = readFileSync(output, "utf8").trim().split("\n").slice(-2).join(" ").slice(0, 300);
    throw new CommandFailure(`"${command.slice(0, 5).join(" ")}" ${why}${said && `: ${said}`}`);
  }

  /** One after the other. @returns the sum of their milliseconds. */
  async timeAll(commands: readonly Command[], deadlineMs?: number): Promise<number> {
    let sum = 0;
    for (const command of commands) {
      sum += await this.time(command, deadlineMs === undefined ? {} : { deadlineMs });
    }
    return sum;
  }

  /** What a command printed. @throws CommandFailure as `time` does. */
  async read(command: Command): Promise<string> {
    const output = join(this.folder, `output-${this.#count + 1}`);
    await this.time(command);
    return readFileSync(output, "utf8");
  }

  /** Starts a program that stays: it ends with the room. `$0` and what follows are the command. */
  async startDaemon(command: Command, log: string): Promise<void> {
    await this.time(["sh", "-c", `"$0" "$@" >${log} 2>&1 </dev/null &`, ...command]);
  }

  /** Every process in the room but the stopwatch, with its memory. */
  memory(): readonly ProcessMemory[] {
    return processesBelow(this.#child.pid ?? 0).filter(
      ({ command }) => command !== "stopwatch" && command !== "unshare",
    );
  }

  /** Ends everything in the room. @returns what stayed behind. */
  async close(): Promise<readonly string[]> {
    this.#child.stdin.end();
    await this.#ended;
    return (await this.#view?.remove()) ?? [];
  }

  #take(line: string): void {
    const [id = "", code, micros] = line.split(" ");
    this.#pending.get(id)?.resolve({ code: Number(code), ms: Number(micros) / 1000 });
    this.#pending.delete(id);
  }

  #failAll(why: string): void {
    for (const { reject } of this.#pending.values()) {
      reject(new CommandFailure(`The room is gone: ${why}`));
    }
    this.#pending.clear();
  }
}

// The shell joins the cgroups first, because the root of a cgroup namespace is where its maker is. The PID namespace
// comes last: a process outside of it could not be moved within the new tree.
function enter(view: CgroupView, stopwatch: string): Command {
  const outside = [
    ...view.procs.map((file) => `echo $$ >${file}`),
    'exec unshare --mount --net --cgroup --propagation private sh -ec "$1" "$0" "$2"',
  ];
  const inside = [
    "mount -t sysfs sysfs /sys",
    view.mountScript,
    // Sockets, locks and lists of containers that runtimes keep at fixed places.
    "mount -t tmpfs none /run",
    "ip link set lo up",
    'exec unshare --pid --fork --kill-child --mount-proc sh -ec "$1" "$0"',
  ];
  return ["sh", "-ec", outside.join("\n"), stopwatch, inside.join("\n"), 'exec "$0"'];
}
