// A real shim in new namespaces for the tests of src/shim, without daemon, image or network.
// Invariant: `close()` kills what still runs and fails when anything of the test is left.
import { closeSync, existsSync, mkdirSync, openSync, readFileSync, rmSync } from "node:fs";
import { basename, join } from "node:path";
import { type ExitRecord, ShimClient, type StartRequest } from "../../src/shim/client.ts";
import { launchShim, reapShim } from "../../src/shim/launch.ts";
import { type ExecRequest, openSession, type Session } from "../../src/shim/session.ts";
import { K } from "../../src/sys/abi.ts";
import { Program, register } from "../../src/sys/program.ts";
import { eventually } from "./eventually.ts";
import { type Census, compareCensus, takeCensus } from "./leak-check.ts";

const namespaces = K.CLONE_NEWNS | K.CLONE_NEWIPC | K.CLONE_NEWUTS | K.CLONE_NEWNET;

/** A program that runs a busybox shell script on the streams of the shim. */
export function shell(script: string, options: { tty?: boolean } = {}): Program {
  return busybox(["sh", "-c", script], options);
}

/** A program that runs a command of busybox on the streams of the shim. */
export function busybox(args: readonly string[], options: { tty?: boolean } = {}): Program {
  const program = new Program(`test ${args[0]}`, 8).from("streams");
  for (const stream of [0, 1, 2]) program.call("dup3", [register(stream), stream, 0]);
  program.call("setsid", []);
  if (options.tty) program.from("terminal").call("ioctl", [0, K.TIOCSCTTY, 0]);
  program.from("descriptors").call("close_range", [3, 0xffff_ffff, 0]);
  const argv = program.pointers(args);
  const envp = program.pointers(["PATH=/bin:/usr/bin"]);
  return program.from("start").call("execve", ["/bin/busybox", argv, envp]);
}

/** Prelude of a container with a terminal: a devpts of its own in register 4, and a pty from it. */
export function terminalPrelude(): Program {
  const program = new Program("test terminal", 8).from("devpts");
  const filesystem = program.open("fsopen", ["devpts", K.FSOPEN_CLOEXEC]);
  program.call("fsconfig", [filesystem, K.FSCONFIG_SET_FLAG, "newinstance", 0, 0]);
  program.call("fsconfig", [filesystem, K.FSCONFIG_SET_STRING, "ptmxmode", "0666", 0]);
  program.call("fsconfig", [filesystem, K.FSCONFIG_CMD_CREATE, 0, 0, 0]);
  program.call("fsmount", [filesystem, K.FSMOUNT_CLOEXEC, 0], { into: register(4) });
  program.close(filesystem);
  return addTerminal(program);
}

/** Prelude of an exec with a terminal: from the devpts that its target has in register 4. */
export function execTerminalPrelude(): Program {
  return addTerminal(new Program("test exec terminal", 8));
}

function addTerminal(program: Program): Program {
  const flags = K.O_RDWR | K.O_NOCTTY | K.O_CLOEXEC;
  program.from("terminal");
  program.call("openat", [register(4), "ptmx", flags], { into: register(5) });
  program.call("ioctl", [register(5), K.TIOCSPTLCK, program.bytes(new Uint8Array(8))]);
  for (const stream of [0, 1, 2]) {
    program.call("ioctl", [register(5), K.TIOCGPTPEER, flags], { into: register(stream) });
  }
  return program;
}

type Extras = Partial<Omit<StartRequest, "id" | "programs">> & {
  readonly prelude?: Program;
  readonly postlude?: Program;
};

export class ShimPod {
  readonly base: string;
  readonly folder: string;
  readonly pid: number;
  client: ShimClient;
  /** Connections that the shim (not we) has closed. */
  closed = 0;
  readonly #exits = new Map<string, ExitRecord>();
  #wake = Promise.withResolvers<void>();
  readonly #before: Census;

  private constructor(base: string, before: Census, client: ShimClient, pid: number) {
    this.base = base;
    this.folder = join(base, "run/pod");
    this.client = client;
    this.pid = pid;
    this.#before = before;
  }

  static async start(): Promise<ShimPod> {
    // In memory, as /run is: on a disk the fsync of every exit record takes milliseconds.
    const base = `/dev/shm/nspod-shim-${process.pid}`;
    rmSync(base, { recursive: true, force: true });
    const before = await ownCensus(base);
    const folder = join(base, "run/pod");
    mkdirSync(join(base, "root"), { recursive: true });
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    const { pid } = await launchShim({
      podUid: "test",
      folder,
      cloneFlags: namespaces,
      prepare: (program) => program.from("host name").call("sethostname", ["shim-test", 9]),
    });
    let pod: ShimPod | undefined;
    const client = await ShimClient.connect(folder, {
      onExit: (exit) => pod?.onExit(exit),
      onClose: () => pod?.onClose(),
    });
    pod = new ShimPod(base, before, client, pid);
    return pod;
  }

  async reconnect(): Promise<void> {
    await this.client[Symbol.asyncDispose]();
    this.client = await ShimClient.connect(this.folder, {
      onExit: (exit) => this.onExit(exit),
      onClose: () => this.onClose(),
    });
  }

  onExit(exit: ExitRecord): void {
    this.#exits.set(exit.id, exit);
    this.#notify();
  }

  onClose(): void {
    this.closed++;
    this.#notify();
  }

  #notify(): void {
    this.#wake.resolve();
    this.#wake = Promise.withResolvers();
  }

  /** Path of the log of a process. */
  logPath(id: string): string {
    return join(this.base, `${id}.log`);
  }

  /** Starts a script as process `id`, with a log that does not rotate unless `extras` say so. */
  async run(id: string, program: Program | string, extras: Extras = {}): Promise<number> {
    const { prelude, postlude, ...rest } = extras;
    const { pid } = await this.client.start(`Cannot start "${id}"`, {
      id,
      programs: {
        program: typeof program === "string" ? shell(program) : program,
        ...(prelude === undefined ? {} : { prelude }),
        ...(postlude === undefined ? {} : { postlude }),
      },
      cloneFlags: 0,
      cgroup: "",
      tty: false,
      stdin: false,
      stdinOnce: false,
      log: { path: this.logPath(id), maxBytes: 0, maxFiles: 1 },
      ...rest,
    });
    return pid;
  }

  /** The exit of a process, as soon as the shim reports it. */
  async exitOf(id: string): Promise<ExitRecord> {
    for (;;) {
      const exit = this.#exits.get(id);
      if (exit) return exit;
      await this.#wake.promise;
    }
  }

  async untilClosed(count: number): Promise<void> {
    while (this.closed < count) await this.#wake.promise;
  }

  async exec(id: string, script: string, extras: Partial<ExecRequest> = {}): Promise<Session> {
    return await openSession(this.folder, `Cannot exec "${id}"`, {
      kind: "exec",
      id,
      programs: { program: shell(script) },
      cloneFlags: 0,
      cgroup: "",
      target: "",
      tty: false,
      stdin: false,
      ...extras,
    });
  }

  async attach(target: string, stdin = false): Promise<Session> {
    const action = `Cannot attach to "${target}"`;
    return await openSession(this.folder, action, { kind: "attach", target, stdin });
  }

  /** Pids of the shim's children, in the order of their start; none when it is gone. */
  children(): number[] {
    const path = `/proc/${this.pid}/task/${this.pid}/children`;
    if (!existsSync(path)) return [];
    return readFileSync(path, "utf8").split(" ").filter(Boolean).map(Number);
  }

  /** Kilobytes of one line of the shim's smaps_rollup, e.g. "Pss". */
  memoryKb(key: string): number {
    const text = readFileSync(`/proc/${this.pid}/smaps_rollup`, "utf8");
    return Number(new RegExp(`^${key}:\\s+(\\d+) kB`, "m").exec(text)?.[1]);
  }

  /** Kills what runs, ends the shim, and looks for leaks. */
  async close(): Promise<void> {
    try {
      // Also sessions of exec that a failed test left open, which list() does not show.
      for (const child of this.children()) process.kill(child, "SIGKILL");
      await eventually("the shim to end", 3000, async () => {
        if (this.closed === 0) await this.client.shutdown();
        return true;
      });
      await reapShim(this.pid);
    } finally {
      await this.client[Symbol.asyncDispose]();
      rmSync(this.base, { recursive: true, force: true });
    }
    await eventually("nothing to be left of the shim", 5000, async () => {
      const differences = compareCensus(this.#before, await ownCensus(this.base));
      if (differences.length > 0) throw new Error(differences.join("\n"));
      return true;
    });
  }
}

/** What carries our name. A shim without network and image cannot touch the rest of the machine. */
async function ownCensus(base: string): Promise<Census> {
  const name = basename(base);
  const census = await takeCensus({
    base,
    root: join(base, "root"),
    run: join(base, "run"),
    bridge: `${name}-bridge`,
    cgroup: `/${name}`,
  });
  return { ...census, "host mounts": [], links: [], "nft tables": [] };
}

/** Whether a file can be opened for writing. */
export function canWrite(path: string): boolean {
  try {
    closeSync(openSync(path, "r+"));
    return true;
  } catch {
    // Any refusal will do: which one depends on the kernel (ETXTBSY, EPERM, EACCES).
    return false;
  }
}
