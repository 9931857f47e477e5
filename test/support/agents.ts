// Agents beside an instance: each in a network namespace of its own on one bridge, with root, run folder and cgroup of
// its own, as machines on one network. Their names begin as those of the instance, so the census counts them.
//
//   host: nspt<slot>l 10.<208+slot/256>.<slot%256>.1 ── nspt<slot>v1 ══ eth0 .11 in nspt<slot>n1 ── agent w1 ── pods
//                                                    └─ nspt<slot>v2 ══ eth0 .12 in nspt<slot>n2 ── agent w2 ── pods
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { type Instance, NSPOD, testImage } from "./instance.ts";
import { patient } from "./patience.ts";
import { Pods } from "./pods.ts";
import { cgroup2MountPoint } from "./requires.ts";
import { type CommandResult, mustRun, runCommand } from "./run-command.ts";

/** How the control plane of agents is to be started: set before the instance starts. */
export function agentVariables(graceSeconds: number): Readonly<Record<string, string>> {
  return {
    NSPOD_LISTEN: "0.0.0.0:0",
    NSPOD_NODE_MONITOR_GRACE_PERIOD: `${graceSeconds}s`,
  };
}

export interface Machines {
  readonly pods: Pods;
  readonly network: AgentNetwork;
  readonly agents: readonly TestAgent[];
}

/** A control plane with two agents; all of them have the image busybox. */
export async function startMachines(): Promise<Machines> {
  try {
    const pods = await Pods.start("busybox");
    const network = await AgentNetwork.open(pods.instance);
    const agents = [1, 2].map((each) => TestAgent.join(network, each, "busybox"));
    return { pods, network, agents: await Promise.all(agents) };
  } catch (error) {
    // uvu counts what a hook throws as a failure and keeps the reason to itself.
    console.error(error);
    throw error;
  }
}

async function ip(...words: readonly string[]): Promise<void> {
  await mustRun("ip", words);
}

/** The network that the agents share. */
export class AgentNetwork {
  readonly instance: Instance;
  readonly link: string;
  readonly prefix: string;

  private constructor(instance: Instance) {
    this.instance = instance;
    const slot = Number(instance.bridge.replace(/\D/g, ""));
    this.link = `${instance.bridge}l`;
    this.prefix = `10.${208 + Math.floor(slot / 256)}.${slot % 256}`;
  }

  static async open(instance: Instance): Promise<AgentNetwork> {
    const network = new AgentNetwork(instance);
    await ip("link", "add", network.link, "type", "bridge");
    await ip("address", "add", `${network.prefix}.1/24`, "dev", network.link);
    await ip("link", "set", network.link, "up");
    return network;
  }

  /** Where agents reach the API. */
  async server(): Promise<string> {
    const url = new URL((await readFile(join(this.instance.root, "pki/server"), "utf8")).trim());
    return `https://${this.prefix}.1:${url.port}`;
  }

  async close(): Promise<void> {
    await ip("link", "delete", this.link);
  }
}

export class TestAgent {
  readonly name: string;
  readonly base: string;
  readonly #number: number;
  readonly #network: AgentNetwork;
  #child: ChildProcess | undefined;
  #log = "";

  private constructor(network: AgentNetwork, number: number) {
    this.#network = network;
    this.#number = number;
    this.name = `w${number}`;
    this.base = join(network.instance.base, `agent${number}`);
  }

  /** Makes its network and its credentials, starts it and loads images. */
  static async join(
    network: AgentNetwork,
    number: number,
    ...images: readonly string[]
  ): Promise<TestAgent> {
    const agent = new TestAgent(network, number);
    await agent.#connect();
    await mkdir(agent.base);
    const { instance } = network;
    const words = ["kubeconfig", "--node", agent.name, "--server", await network.server()];
    await writeFile(agent.#kubeconfig, await instance.must(words), { mode: 0o600 });
    await agent.start();
    for (const image of images) await agent.must(["image", "load", testImage(image)]);
    return agent;
  }

  get root(): string {
    return join(this.base, "root");
  }

  get cgroup(): string {
    return `${cgroup2MountPoint()}${this.#cgroup}`;
  }

  /** Resolves when its socket is open. */
  async start(): Promise<void> {
    const flags = ["--kubeconfig", this.#kubeconfig, "--node-name", this.name];
    const child = spawn(
      "nsenter",
      [
        `--net=/run/netns/${this.#namespace}`,
        NSPOD,
        "agent",
        ...flags,
        "--node-lease-duration",
        "4",
      ],
      { env: { ...process.env, ...this.#env }, stdio: ["ignore", "ignore", "pipe"] },
    );
    this.#child = child;
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const late = setTimeout(
      () => reject(new Error(`Agent "${this.name}" does not listen: ${this.#log}`)),
      patient(20_000),
    );
    child.once("exit", () => reject(new Error(`Agent "${this.name}" ended: ${this.#log}`)));
    createInterface({ input: child.stderr }).on("line", (line) => {
      this.#log += `${line}\n`;
      if (line.includes('"msg":"Listening"')) resolve();
    });
    try {
      await promise;
    } finally {
      clearTimeout(late);
    }
  }

  /** As if the machine had lost its power: the agent, its shims and everything in its pods. */
  async kill(): Promise<void> {
    const child = this.#child;
    if (child === undefined) return;
    const ended = new Promise((resolve) => child.once("exit", resolve));
    child.kill("SIGKILL");
    await ended;
    await writeFile(join(this.cgroup, "cgroup.kill"), "1");
    this.#child = undefined;
  }

  /** Runs `nspod` against the socket of the agent. @throws Error with its words. */
  async must(words: readonly string[]): Promise<CommandResult> {
    const result = await runCommand(NSPOD, words, { env: this.#env, timeoutMs: 60_000 });
    if (result.code === 0) return result;
    throw new Error(`"nspod ${words.join(" ")}" of ${this.name} failed: ${result.stderr}`);
  }

  /** Resets it. @returns what is left of it: words for a person. */
  async leave(): Promise<readonly string[]> {
    const child = this.#child;
    const ended = new Promise((resolve) => child?.once("exit", resolve));
    await this.must(["system", "reset", "--yes"]);
    await ended;
    const routes = await runCommand("ip", ["-n", this.#namespace, "route"]);
    const inside = await runCommand("nsenter", [
      `--net=/run/netns/${this.#namespace}`,
      ...["nft", "list", "tables"],
    ]);
    const links = await runCommand("ip", ["-n", this.#namespace, "-brief", "link"]);
    const left = [
      ...[this.root, join(this.base, "run"), this.cgroup].filter((path) => existsSync(path)),
      ...routes.stdout
        .split("\n")
        .filter((line) => line !== "" && !line.includes(this.#network.prefix)),
      ...routes.stdout.split("\n").filter((line) => /\bvia\b/.test(line) && !/^default/.test(line)),
      ...inside.stdout.split("\n").filter((line) => line !== ""),
      ...links.stdout.split("\n").filter((line) => line !== "" && !/^(?:lo|eth0)\b/.test(line)),
    ];
    // The kernel takes a namespace and its links apart in its own time.
    await ip("link", "delete", this.#veth);
    await ip("netns", "delete", this.#namespace);
    await rm(this.base, { recursive: true, force: true });
    return left;
  }

  get #namespace(): string {
    return `${this.#network.instance.bridge}n${this.#number}`;
  }

  /** The host's end of its link. */
  get #veth(): string {
    return `${this.#network.instance.bridge}v${this.#number}`;
  }

  get #kubeconfig(): string {
    return join(this.base, "kubeconfig");
  }

  get #cgroup(): string {
    return `${this.#network.instance.cgroup}-a${this.#number}`;
  }

  get #env(): Record<string, string> {
    const { serviceSubnet, bridge } = this.#network.instance;
    return {
      NSPOD_ROOT: this.root,
      NSPOD_RUN: join(this.base, "run"),
      NSPOD_BRIDGE: `${bridge}b${this.#number}`,
      NSPOD_SERVICE_SUBNET: serviceSubnet,
      NSPOD_CGROUP: this.#cgroup,
    };
  }

  async #connect(): Promise<void> {
    const { link, prefix } = this.#network;
    const veth = this.#veth;
    const inside = ["-n", this.#namespace];
    await ip("netns", "add", this.#namespace);
    await ip("link", "add", veth, "type", "veth", "peer", "name", "eth0", "netns", this.#namespace);
    await ip("link", "set", veth, "master", link, "up");
    await ip(...inside, "link", "set", "lo", "up");
    await ip(...inside, "address", "add", `${prefix}.1${this.#number}/24`, "dev", "eth0");
    await ip(...inside, "link", "set", "eth0", "up");
    await ip(...inside, "route", "add", "default", "via", `${prefix}.1`);
  }
}
