// Whether a disk that a power cut left is as it must be: a daemon starts on it, has what was told as stored, runs what
// should run, and every image is whole.
import { createHash } from "node:crypto";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { messageOf } from "../../src/base/errors.ts";
import { apiSocketPath } from "../../src/base/instance.ts";
import { ApiClient } from "../../src/cli/api-client.ts";
import { followPod } from "../../src/cli/follow-pod.ts";
import { familiarName } from "../../src/image/reference.ts";
import type { StoredImage } from "../../src/image/store-types.ts";
import type { ConfigMap } from "../../src/spec/kubernetes.gen.ts";
import type { Pod } from "../../src/spec/pod.ts";
import { ArmedDaemon } from "../support/armed-daemon.ts";
import { eventually } from "../support/eventually.ts";
import { listTree } from "../support/file-listing.ts";
import { type Instance, NSPOD, testImage } from "../support/instance.ts";
import { statusOf } from "../support/pods.ts";
import { PrivateMount } from "../support/private-mount.ts";
import { runCommand } from "../support/run-command.ts";
import { absent, type States } from "./power-facts.ts";

/** What the workload loads; the first one stays. */
const archives = ["busybox", "testbox", "demo"];

interface List<T> {
  readonly items: readonly T[];
}

export class PowerCheck {
  readonly #instance: Instance;
  readonly #client: ApiClient;
  /** By the name of the folder: the digest of its listing. */
  readonly #whole: ReadonlyMap<string, string>;
  images = 0;
  layers = 0;

  private constructor(instance: Instance, whole: ReadonlyMap<string, string>) {
    this.#instance = instance;
    this.#client = new ApiClient({ socketPath: apiSocketPath(instance) });
    this.#whole = whole;
  }

  /** Learns how whole layers look; the instance is as new afterwards. */
  static async start(instance: Instance): Promise<PowerCheck> {
    for (const name of archives) await instance.must(["image", "load", testImage(name)]);
    const whole = await layersOf(instance.root);
    await instance.reset();
    return new PowerCheck(instance, whole);
  }

  /** @param file - an image of the disk, changed by this. @returns sentences. */
  async problemsOf(file: string, allowed: States): Promise<readonly string[]> {
    await using mount = await PrivateMount.start(this.#instance.root, ["-o", "loop", file]);
    try {
      return await this.#problems(mount, allowed);
    } catch (error) {
      // What runs by now must not be in the way of the next one.
      await this.#instance.nspod(["system", "reset", "--yes"]);
      return [messageOf(error)];
    }
  }

  async #problems(mount: PrivateMount, allowed: States): Promise<readonly string[]> {
    // Kubernetes has whole seconds.
    const bootMs = Math.floor(Date.now() / 1000) * 1000;
    await using daemon = await ArmedDaemon.start(this.#instance, "", mount.enter);
    const problems = [
      ...(await this.#wrongStates(allowed)),
      ...(await this.#wrongImages(mount.view)),
      ...(await this.#wrongPods(bootMs)),
      ...(await this.#strays(mount.enter)),
      ...errorsIn(daemon.log),
    ];
    await this.#instance.reset();
    await daemon.ended();
    const left = readdirSync(mount.view).filter((name) => name !== "lost+found");
    return [...problems, ...left.map((name) => `${name} is left after the reset`)];
  }

  async #wrongStates(allowed: States): Promise<string[]> {
    const maps = await this.#list<ConfigMap>("configmaps");
    const pods = await this.#list<Pod>("pods");
    const images = await this.#images();
    const found = new Map<string, string>([
      ...maps.map((map) => [`configMap/${map.metadata?.name}`, map.data?.["v"] ?? ""] as const),
      ...pods.map((pod) => [`pod/${pod.metadata.name}`, stateOf(pod)] as const),
      ...images.flatMap(({ names }) =>
        names.map(
          (name) => [`image/${familiarName(name).replace(/:latest$/, "")}`, "there"] as const,
        ),
      ),
    ]);
    return [...allowed].flatMap(([key, states]) => {
      const state = found.get(key) ?? absent;
      // Nobody asks for the end of a pod: it may come after the boot.
      const isAllowed =
        states.includes(state) || (state.startsWith("ended") && states.includes("there"));
      return isAllowed ? [] : [`${key} is "${state}" and must be "${states.join('" or "')}"`];
    });
  }

  async #wrongImages(view: string): Promise<string[]> {
    const problems: string[] = [];
    const images = await this.#images();
    for (const { id } of images) {
      try {
        const query = { name: id, format: "oci" };
        for await (const _ of await this.#client.stream("GET", "/nspod/v1/images/save", {
          query,
        })) {
          void _;
        }
        this.images += 1;
      } catch (error) {
        problems.push(`image ${id} cannot be saved: ${messageOf(error)}`);
      }
    }
    const layers = await layersOf(view);
    for (const [name, digest] of layers) {
      this.layers += 1;
      if (digest !== this.#whole.get(name)) problems.push(`layer ${name} is not whole`);
    }
    const wanted = images.flatMap(({ layers: diffIds }) => diffIds);
    for (const diffId of wanted) {
      if (!layers.has(diffId.replace("sha256:", ""))) problems.push(`layer ${diffId} is not there`);
    }
    return problems;
  }

  /** The pod that always runs, where it is stored, runs again, on this machine. */
  async #wrongPods(bootMs: number): Promise<string[]> {
    let [steady] = (await this.#list<Pod>("pods")).filter(
      ({ metadata }) => metadata.name === "steady",
    );
    if (steady === undefined) return [];
    const runsAgain = (pod: Pod): boolean => {
      const { startedAt } = statusOf(pod, "main").state?.running ?? {};
      return startedAt !== undefined && Date.parse(startedAt) >= bootMs;
    };
    if (runsAgain(steady)) return [];
    const signal = AbortSignal.timeout(30_000);
    for await (steady of followPod(this.#client, steady, signal)) {
      if (runsAgain(steady)) return [];
    }
    return [`pod steady does not run again: ${JSON.stringify(steady.status)}`];
  }

  async #strays(enter: readonly string[]): Promise<string[]> {
    const [file = "", ...args] = enter;
    const command = [...args, NSPOD, "system", "census"];
    try {
      await eventually("a census without strays", 10_000, async () => {
        const { code, stdout } = await runCommand(file, command, { env: this.#instance.env });
        if (code !== 0) throw new Error(stdout);
        return true;
      });
      return [];
    } catch (error) {
      return [messageOf(error instanceof Error ? error.cause : error)];
    }
  }

  async #images(): Promise<readonly StoredImage[]> {
    const { images } = await this.#client.json<{ readonly images: readonly StoredImage[] }>(
      "GET",
      "/nspod/v1/images",
    );
    return images;
  }

  async #list<T>(kind: string): Promise<readonly T[]> {
    const path = `/api/v1/namespaces/default/${kind}`;
    return (await this.#client.json<List<T>>("GET", path)).items;
  }
}

/** "there", or "ended CODE". */
function stateOf({ status }: Pod): string {
  const code = status?.containerStatuses?.[0]?.state?.terminated?.exitCode;
  const hasEnded = status?.phase === "Succeeded" || status?.phase === "Failed";
  return hasEnded ? `ended ${code ?? "without a code"}` : "there";
}

/** Unpacked layers that are not on their way out or in. */
async function layersOf(root: string): Promise<Map<string, string>> {
  const folder = join(root, "layers");
  const names = readdirSync(folder).filter((name) => !name.startsWith("tmp-"));
  const digests = await Promise.all(
    names.map(async (name) => {
      const listing = JSON.stringify(await listTree(join(folder, name)));
      return [name, createHash("sha256").update(listing).digest("hex")] as const;
    }),
  );
  return new Map(digests);
}

/** What a daemon logged as an error, level 50 of pino. */
function errorsIn(log: string): string[] {
  return log.split("\n").filter((line) => /"level":[56]0/.test(line));
}
