// nspod as the benchmark uses it: an instance of its own with the small image and a running daemon, made new for each
// measure, so that none inherits what another one left in memory.
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync } from "node:fs";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { ApiClient } from "../../src/cli/api-client.ts";
import type { PodFacts } from "../../src/pod/pod-facts.ts";
import type { Pod } from "../../src/spec/pod.ts";
import { eventually } from "../support/eventually.ts";
import { NSPOD } from "../support/instance.ts";
import { type InstanceNames, takeCensus } from "../support/leak-check.ts";
import { cgroup2MountPoint } from "../support/requires.ts";
import { sleeper } from "./peers/peer.ts";
import { untilItAnswers } from "./peers/until-it-answers.ts";
import { newCorner, type Place } from "./place.ts";
import { withDescendants } from "./process-memory.ts";
import { type Command, Room } from "./room.ts";

const podsPath = "/api/v1/namespaces/default/pods";

/** Environments of instances that are not closed yet, by their folder. */
const running = new Map<string, Readonly<Record<string, string>>>();

/** For the end of a run that was stopped: its daemons are on the host and would stay. */
export function resetAll(): void {
  for (const env of running.values()) {
    spawnSync(NSPOD, ["system", "reset", "--yes"], { env: { ...process.env, ...env } });
  }
}

export class Nspod implements InstanceNames {
  readonly base: string;
  readonly root: string;
  readonly run: string;
  readonly bridge: string;
  readonly cgroup: string;
  readonly client: ApiClient;
  readonly room: Room;
  readonly image: string;

  private constructor(
    names: InstanceNames,
    parts: { readonly room: Room; readonly image: string },
  ) {
    this.base = names.base;
    this.root = names.root;
    this.run = names.run;
    this.bridge = names.bridge;
    this.cgroup = names.cgroup;
    this.room = parts.room;
    this.image = parts.image;
    this.client = new ApiClient({ socketPath: join(this.run, "nspod.sock") });
  }

  /** Starts a daemon, loads the small image and runs a first pod: it makes the bridge, the rules and the filter. */
  static async open(place: Place): Promise<Nspod> {
    const { name, folder } = newCorner(place, "nspod");
    const base = join(folder, "state");
    mkdirSync(base);
    const slot = process.pid % 256;
    const names: InstanceNames = {
      base,
      root: join(base, "root"),
      run: join(base, "run"),
      bridge: `nspb${slot}`,
      cgroup: `/${name}`,
    };
    const env = {
      NSPOD_ROOT: names.root,
      NSPOD_RUN: names.run,
      NSPOD_BRIDGE: names.bridge,
      // Room for 1,000 pods.
      NSPOD_SUBNET: `10.${160 + Math.floor(slot / 16)}.${(slot % 16) * 16}.0/20`,
      NSPOD_SERVICE_SUBNET: `10.${176 + Math.floor(slot / 16)}.${(slot % 16) * 16}.0/20`,
      NSPOD_CGROUP: names.cgroup,
    };
    const room = await Room.open({ name, folder, stopwatch: place.stopwatch, env });
    running.set(names.base, env);
    // By hand, because one that a command starts ends when it has nothing to do.
    const log = join(folder, "log");
    await room.startDaemon([NSPOD, "daemon"], log);
    await untilItAnswers(room, [NSPOD, "image", "load", place.small.ociArchive], log);
    const image = place.small.name;
    const nspod = new Nspod(names, { room, image });
    await nspod.createRunning("warm");
    await nspod.delete("warm");
    return nspod;
  }

  /** A command line of this instance. */
  command(...args: readonly string[]): Command {
    return [NSPOD, ...args];
  }

  /** A pod like those of the peers, on the bridge. */
  pod(name: string, more: object = {}): object {
    const container = { name: "c", image: this.image, command: sleeper, ...more };
    return {
      apiVersion: "v1",
      kind: "Pod",
      metadata: { name },
      spec: { containers: [container] },
    };
  }

  /** Creates a pod by the socket. @returns as soon as the watch says that it runs. */
  async createRunning(name: string, pod: object = this.pod(name)): Promise<Pod> {
    const created = await this.client.json<Pod>("POST", podsPath, { body: pod });
    return await this.#until(created, ({ status }) => status?.phase === "Running");
  }

  /** Ends a pod by the socket. @returns as soon as the watch says that the object is gone. */
  async delete(name: string): Promise<void> {
    // With the revision of the change: that of an idle pod's last one may be too old for a watch.
    const pod = await this.client.json<Pod>("DELETE", `${podsPath}/${name}`);
    if (pod.kind === "Pod") await this.#until(pod, () => false);
  }

  /** Ends every pod, 4 at a time. */
  async deleteAll(): Promise<void> {
    const { items } = await this.client.json<{ readonly items: readonly Pod[] }>("GET", podsPath);
    await inParallel(items, 4, async ({ metadata: { name } }) => await this.delete(name));
  }

  /** Removes an image if it is there, and waits until nothing of it is left: its removal must not cost the next round. */
  async removeImage(image: string): Promise<void> {
    await this.room.time(this.command("image", "rm", image)).catch(() => undefined);
    const isEmpty = (folder: string): boolean => {
      const path = join(this.root, folder);
      return !existsSync(path) || readdirSync(path).length === 0;
    };
    const deadline = performance.now() + 60_000;
    while (!isEmpty("trash")) {
      if (performance.now() > deadline) throw new Error(`"${image}" was not removed in 60 s`);
      await sleep(20);
    }
  }

  /** From the request's head until the shim has said that execve succeeded, ms on the daemon's clock; and the steps. */
  async startOf(name: string): Promise<{ readonly ms: number; readonly steps: PodFacts["start"] }> {
    const path = `/nspod/v1/namespaces/default/pods/${name}/facts`;
    const { start: steps = [] } = await this.client.json<PodFacts>("GET", path);
    const ms = steps.at(-1)?.atMs;
    if (ms === undefined) throw new Error(`The daemon has no timings of pod "${name}"`);
    return { ms, steps };
  }

  /** Supervisors of pods: they have cgroups of their own (decision 0002). */
  shims(): readonly number[] {
    const folder = join(cgroup2MountPoint() ?? "", this.cgroup, "shims");
    return readdirSync(folder, { recursive: true, withFileTypes: true })
      .filter((each) => each.name === "cgroup.procs")
      .flatMap((each) => readFileSync(join(each.parentPath, each.name), "utf8").split("\n"))
      .filter(Boolean)
      .map(Number);
  }

  /** The daemon and what it started for itself. */
  daemons(): readonly number[] {
    // A shim may be the daemon's child, and containers are children of shims.
    const others = new Set(this.shims().flatMap(withDescendants));
    // Not the one of the beginning: a daemon that nobody asks for a minute ends, and the next command starts another.
    const daemon = Number(readFileSync(join(this.run, "daemon.lock"), "utf8"));
    return withDescendants(daemon).filter((pid) => !others.has(pid));
  }

  /**
   * What the instance still owns beside its image and its daemon, now that every pod was deleted.
   * @throws Error with a list when it is not nothing.
   */
  async assertEmpty(): Promise<void> {
    let left = await this.#leftOfPods();
    // Ends of pods whose last folders are on their way to the trash.
    const deadline = performance.now() + 5000;
    while (left.length > 0 && performance.now() < deadline) left = await this.#leftOfPods();
    if (left.length > 0) throw new Error(`${left.length} things are left: ${left.join(", ")}`);
  }

  /** Removes all of it. @throws Error with a list when something of it is left on the machine. */
  async close(): Promise<void> {
    await this.room.time(this.command("system", "reset", "--yes"), { deadlineMs: 120_000 });
    await this.room.close();
    running.delete(this.base);
    await eventually("nothing to be left on the machine", 10_000, async () =>
      (await this.#onMachine()).length === 0 ? true : undefined,
    ).catch(async (cause) => {
      throw new Error(`Left behind: ${(await this.#onMachine()).join(", ")}`, { cause });
    });
    await rm(this.base, { recursive: true, force: true });
  }

  async #leftOfPods(): Promise<readonly string[]> {
    const output = await this.room.read([
      "sh",
      "-c",
      // It ends with 1 when something has no owner.
      '"$@" || true',
      "sh",
      ...this.command("system", "census", "-o", "json"),
    ]);
    const { items } = JSON.parse(output) as {
      readonly items: readonly {
        readonly kind: string;
        readonly name: string;
        readonly owner?: string;
      }[];
    };
    return items
      .filter(({ owner }) => owner === undefined || owner.startsWith("pod "))
      .map(({ kind, name }) => `${kind} ${name}`);
  }

  /** What of the instance is on the machine; others may come and go meanwhile. */
  async #onMachine(): Promise<readonly string[]> {
    const census = await takeCensus(this);
    const shared = new Set(["host mounts", "links", "nft tables"]);
    return Object.entries(census).flatMap(([kind, all]) => {
      // Its folder is removed last.
      if (kind === "files") return [];
      const isOwn = (what: string): boolean =>
        what.includes(this.bridge) || what.includes(this.base);
      return shared.has(kind) ? all.filter(isOwn) : all;
    });
  }

  async #until(start: Pod, isThere: (pod: Pod) => boolean): Promise<Pod> {
    const { name, resourceVersion, uid } = start.metadata;
    const stop = new AbortController();
    const deadline = setTimeout(() => stop.abort(), 60_000);
    const query = { fieldSelector: `metadata.name=${name}`, resourceVersion };
    try {
      for await (const { type, object } of this.client.watch<Pod>(podsPath, query, stop.signal)) {
        if (type === "BOOKMARK" || object.metadata.uid !== uid) continue;
        if (type === "DELETED" || isThere(object)) return object;
      }
    } finally {
      clearTimeout(deadline);
      stop.abort();
    }
    throw new Error(`Nothing was heard of pod "${name}" for 60 s`);
  }
}

/** Works through a list with so many workers at once. */
export async function inParallel<T>(
  items: readonly T[],
  workers: number,
  work: (item: T) => Promise<void>,
): Promise<void> {
  const rest = items.values();
  const worker = async (): Promise<void> => {
    for (const item of rest) await work(item);
  };
  await Promise.all(Array.from({ length: workers }, worker));
}

/** Long enough that the network namespace of the pod before is taken apart: a new link needs the same lock. */
export async function untilQuiet(): Promise<void> {
  await sleep(150);
}
