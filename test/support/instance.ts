// A fully separate nspod for one test: own state and run folder, bridge, subnet and cgroup.
// Invariant: two instances that live at the same time, in this or another process, never share a
// name. A slot number gives all names; holding a slot = listening on an abstract socket of that
// name, so the kernel frees it whenever the process ends, even by SIGKILL.
//
//   /tmp/nspod-test-<slot>/root   --root     /tmp/nspod-test-<slot>/run   --run
//   nspt<slot>                    --bridge   10.<200+slot/256>.<slot%256>.0/24  --subnet
//   10.<204+slot/256>.<slot%256>.0/24  --service-subnet     /nspod-test-<slot>  --cgroup
import { mkdir, rm } from "node:fs/promises";
import { createServer, type Server } from "node:net";
import { join } from "node:path";
import { assertNoLeaks, type Census, type InstanceNames, takeCensus } from "./leak-check.ts";
import { type CommandOptions, type CommandResult, runCommand } from "./run-command.ts";

const REPOSITORY = join(import.meta.dirname, "../..");
const SLOTS = 1024;

/** The program under test; `make` builds it. */
export const NSPOD: string = join(REPOSITORY, "dist/nspod");

/** Path of a test image that `make` built, e.g. `testImage("busybox")`. */
export function testImage(name: string): string {
  return join(REPOSITORY, "dist/images", `${name}.tar`);
}

/** One separate nspod; dispose of it (`await using`, or `close()` in `after`) to check for leaks. */
export class Instance implements InstanceNames {
  readonly base: string;
  readonly root: string;
  readonly run: string;
  readonly bridge: string;
  readonly subnet: string;
  readonly serviceSubnet: string;
  readonly cgroup: string;
  readonly #slot: Server;
  #before: Census | undefined;

  private constructor(number: number, slot: Server) {
    this.#slot = slot;
    this.base = `/tmp/nspod-test-${number}`;
    this.root = join(this.base, "root");
    this.run = join(this.base, "run");
    this.bridge = `nspt${number}`;
    this.subnet = `10.${200 + Math.floor(number / 256)}.${number % 256}.0/24`;
    this.serviceSubnet = `10.${204 + Math.floor(number / 256)}.${number % 256}.0/24`;
    this.cgroup = `/nspod-test-${number}`;
  }

  /** Takes a free slot, makes empty folders and counts what the machine holds before the test. */
  static async start(): Promise<Instance> {
    const first = process.pid % SLOTS;
    for (let step = 0; step < SLOTS; step++) {
      const number = (first + step) % SLOTS;
      const slot = await holdSlot(number);
      if (slot === undefined) continue;
      const instance = new Instance(number, slot);
      await rm(instance.base, { recursive: true, force: true });
      await mkdir(instance.base, { mode: 0o755 });
      instance.#before = await takeCensus(instance);
      return instance;
    }
    throw new Error(`All ${SLOTS} slots for test instances are taken`);
  }

  /** The environment that selects this instance. */
  get env(): Record<string, string> {
    return {
      NSPOD_ROOT: this.root,
      NSPOD_RUN: this.run,
      NSPOD_BRIDGE: this.bridge,
      NSPOD_SUBNET: this.subnet,
      NSPOD_SERVICE_SUBNET: this.serviceSubnet,
      NSPOD_CGROUP: this.cgroup,
    };
  }

  /** Runs `dist/nspod ARGS` against this instance; a non-zero status is a result. */
  async nspod(args: readonly string[], options: CommandOptions = {}): Promise<CommandResult> {
    return await runCommand(NSPOD, args, { ...options, env: { ...this.env, ...options.env } });
  }

  /**
   * Runs `dist/nspod ARGS` and returns its stdout.
   * @throws Error with the whole output when the status is not 0.
   */
  async must(args: readonly string[], options: CommandOptions = {}): Promise<string> {
    const result = await this.nspod(args, options);
    if (result.code === 0) return result.stdout;
    throw new Error(
      `"nspod ${args.join(" ")}" ended with ${result.code}: ${result.stderr}${result.stdout}`,
    );
  }

  /** Removes every pod, image, address and rule of the instance, and ends its daemon. */
  async reset(): Promise<void> {
    await this.must(["system", "reset", "--yes"], { timeoutMs: 60_000 });
  }

  /** Resets, then fails with a list when anything of the instance is left on the machine. */
  async close(): Promise<void> {
    try {
      await this.reset();
      if (this.#before !== undefined) await assertNoLeaks(this.#before, this);
    } catch (error) {
      // uvu counts what a hook throws as a failure and keeps the reason to itself.
      console.error(error);
      throw error;
    } finally {
      await rm(this.base, { recursive: true, force: true });
      this.#slot.close();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}

async function holdSlot(number: number): Promise<Server | undefined> {
  const server = createServer();
  const { promise, resolve, reject } = Promise.withResolvers<Server | undefined>();
  server.once("error", (error: NodeJS.ErrnoException) => {
    if (error.code === "EADDRINUSE") resolve(undefined);
    else reject(error);
  });
  server.listen(`\0nspod-test-slot-${number}`, () => resolve(server.unref()));
  return await promise;
}
