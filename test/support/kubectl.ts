// Tests that every kubectl there is runs: Debian's oldest one and a newer one (`make kubectls`), or those that
// NSPOD_TEST_KUBECTL names, separated by ":".
// Invariant: each has a home, a kubeconfig and a namespace of its own, so they run side by side.
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { LiveCommand } from "./live-command.ts";
import { Pods } from "./pods.ts";
import { firstMissing, kubectlPath, requires } from "./requires.ts";
import { type CommandOptions, type CommandResult, runCommand } from "./run-command.ts";
import { withDeadline } from "./with-deadline.ts";

const versions = ["1.20", "1.32"] as const;

export class Kubectl {
  /** `1.20`. */
  readonly version: string;
  readonly namespace: string;
  readonly home: string;
  readonly #program: string;

  constructor(program: string, version: string, home: string) {
    this.#program = program;
    this.version = version;
    this.namespace = `v${version.replaceAll(".", "-")}`;
    this.home = home;
  }

  /** Whether this kubectl is at least of a version: `since(1.32)`. */
  since(minor: number): boolean {
    return Number(this.version.split(".")[1]) >= minor;
  }

  get env(): Record<string, string> {
    return { HOME: this.home, KUBECONFIG: join(this.home, "config"), KUBE_EDITOR: "false" };
  }

  /** A file of this kubectl's own. */
  async file(name: string, content: string | Uint8Array | object): Promise<string> {
    const path = join(this.home, name);
    const isText = typeof content === "string" || content instanceof Uint8Array;
    await writeFile(path, isText ? content : JSON.stringify(content), { mode: 0o700 });
    return path;
  }

  /** Runs it; a non-zero status is a result. */
  async run(args: readonly string[], options: CommandOptions = {}): Promise<CommandResult> {
    const env = { ...this.env, ...options.env };
    // Longer than the timeouts that tests give to kubectl itself: its own words are the better ones.
    return await runCommand(this.#program, args, { timeoutMs: 50_000, ...options, env });
  }

  /** Its stdout. @throws when its status is not 0. */
  async must(args: readonly string[], options: CommandOptions = {}): Promise<string> {
    const { code, stdout, stderr } = await this.run(args, options);
    assert.is(code, 0, `kubectl ${args.join(" ")}: ${stderr}${stdout}`);
    return stdout;
  }

  /** What it says on stderr when it fails. @throws when it does not. */
  async fails(args: readonly string[], options: CommandOptions = {}): Promise<string> {
    const { code, stdout, stderr } = await this.run(args, options);
    assert.is.not(code, 0, `kubectl ${args.join(" ")} did not fail: ${stdout}`);
    return stderr;
  }

  /** Starts it, to talk with it. */
  live(args: readonly string[]): LiveCommand {
    return new LiveCommand(this.#program, args, { env: this.env });
  }

  /** Starts it on a terminal of its own. */
  onTerminal(args: readonly string[]): LiveCommand {
    const words = [this.#program, ...args].map((word) => `'${word}'`).join(" ");
    return new LiveCommand("script", ["-qec", words, "/dev/null"], { env: this.env });
  }
}

export interface KubectlSuite {
  /** Adds a test that all kubectls run at the same time. */
  readonly test: (
    name: string,
    body: (kubectl: Kubectl, pods: Pods) => Promise<void>,
    ms?: number,
  ) => void;
  /** Adds a test that one runs after the other: it is about the node, which they share. */
  readonly inTurn: KubectlSuite["test"];
  /** Adds the leak census and runs. */
  readonly run: () => void;
}

/** A suite on one instance that listens on TCP, with these images. */
export function kubectlSuite(promise: string, ...images: readonly string[]): KubectlSuite {
  requires("root");
  const programs = programsHere();
  // Daemons that a command starts read it, too.
  process.env["NSPOD_LISTEN"] = "127.0.0.1:0";
  const tests = suite(promise);
  const open = new AbortController();
  let pods: Pods | undefined;
  let kubectls: readonly Kubectl[] = [];
  tests.before(async () => {
    pods = await Pods.start(...images);
    await keepAwake(pods, open.signal);
    kubectls = await prepare(pods, programs);
  });
  const started = (): Pods => {
    if (pods !== undefined) return pods;
    throw new Error("The instance did not start");
  };
  const named = async (kubectl: Kubectl, work: Promise<void>): Promise<void> => {
    try {
      await work;
    } catch (cause) {
      const details = cause instanceof Error && "details" in cause ? cause.details : "";
      throw new Error(`kubectl ${kubectl.version}: ${String(cause)}${String(details)}`, { cause });
    }
  };
  return {
    test: (name, body, ms = 60_000) => {
      const work = async (): Promise<void> => {
        const all = kubectls.map((each) => named(each, body(each, started())));
        // All of them end before the next test begins.
        await Promise.allSettled(all);
        await Promise.all(all);
      };
      tests(name, withDeadline(ms, work));
    },
    inTurn: (name, body, ms = 60_000) => {
      const work = async (): Promise<void> => {
        for (const each of kubectls) await named(each, body(each, started()));
      };
      tests(name, withDeadline(ms, work));
    },
    run: () => {
      const close = async (): Promise<void> => {
        open.abort();
        await started().close();
      };
      tests("leaves nothing on the machine", withDeadline(60_000, close));
      tests.run();
    },
  };
}

interface Program {
  readonly path: string;
  readonly version: string;
}

/** Version by file; prints what is not there, and ends this test file when nothing is. */
function programsHere(): readonly Program[] {
  const given = process.env["NSPOD_TEST_KUBECTL"];
  if (given !== undefined) {
    return given.split(":").map((word) => {
      const [version = "", path = ""] = word.split("=");
      return { version, path };
    });
  }
  const needs = versions.map((version) => `kubectl:${version}` as const);
  const here = versions.filter((version) => firstMissing([`kubectl:${version}`]) === undefined);
  if (here.length === 0) requires(...needs);
  for (const version of versions) {
    if (!here.includes(version)) process.stdout.write(`SKIP kubectl:${version}: was not fetched\n`);
  }
  return here.map((version) => ({ version, path: kubectlPath(version) }));
}

/** An empty instance would end itself while a kubectl starts: a watch holds it. */
async function keepAwake({ client }: Pods, signal: AbortSignal): Promise<void> {
  const path = "/api/v1/namespaces";
  const stream = await client.stream("GET", path, { query: { watch: true }, signal });
  // It ends with the suite.
  stream.on("error", () => undefined).resume();
}

async function prepare(pods: Pods, programs: readonly Program[]): Promise<readonly Kubectl[]> {
  const config = await pods.instance.must(["kubeconfig"]);
  return await Promise.all(
    programs.map(async ({ path, version }) => {
      const home = join(pods.instance.base, `kubectl-${version}`);
      const kubectl = new Kubectl(path, version, home);
      await mkdir(home, { recursive: true });
      const own = config.replace(
        "    context:\n",
        `    context:\n      namespace: ${kubectl.namespace}\n`,
      );
      await writeFile(join(home, "config"), own, { mode: 0o600 });
      await pods.client.json("POST", "/api/v1/namespaces", {
        body: { metadata: { name: kubectl.namespace } },
      });
      return kubectl;
    }),
  );
}
