// One instance with images and short words for what tests of pods do all the time.
// The API does what no test is about: a command costs a start of Node, and a slow guest has many.
// Invariant: waiting follows the watch of the API, never the clock; what is waited for in vain is
// reported with the last status of the pod.
import { readFile } from "node:fs/promises";
import { ApiClient } from "../../src/cli/api-client.ts";
import { podsPath } from "../../src/cli/context.ts";
import { deletePod, waitUntilGone } from "../../src/cli/delete-pod.ts";
import { currentPod, followPod } from "../../src/cli/follow-pod.ts";
import type { Event } from "../../src/spec/event.ts";
import type { Container, ContainerStatus, Pod, PodSpec } from "../../src/spec/pod.ts";
import { type KubernetesObject, resourceOfKind, resourcePath } from "../../src/spec/resources.ts";
import { Instance, testImage } from "./instance.ts";
import { readManifests } from "./manifest-file.ts";
import { patient } from "./patience.ts";
import { cgroup2MountPoint } from "./requires.ts";
import type { CommandOptions, CommandResult } from "./run-command.ts";

type Extras = Omit<Partial<Container>, "name" | "command">;

/** A container of busybox that runs a shell script. */
export function shell(name: string, script: string, extras: Extras = {}): Container {
  return { name, image: "busybox", command: ["sh", "-c", script], ...extras };
}

/** A container that stays until it is stopped, and stops at once. */
export function sleeper(name: string, extras: Extras = {}): Container {
  return shell(name, "trap 'exit 0' TERM; sleep infinity & wait", extras);
}

/** A manifest; `restartPolicy: Never` and one second of grace unless `spec` says otherwise. */
export function podOf(name: string, spec: PodSpec): object {
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name },
    spec: { restartPolicy: "Never", terminationGracePeriodSeconds: 1, ...spec },
  };
}

/** The status of a container or init container by name; empty when nothing is reported of it yet. */
export function statusOf(pod: Pod, container: string): ContainerStatus {
  const { initContainerStatuses = [], containerStatuses = [] } = pod.status ?? {};
  const { ephemeralContainerStatuses = [] } = pod.status ?? {};
  const all = [...initContainerStatuses, ...containerStatuses, ...ephemeralContainerStatuses];
  const status = all.find(({ name }) => name === container);
  return status ?? { name: container, ready: false, restartCount: 0, image: "", imageID: "" };
}

function objectPath(kind: string, name?: string): string {
  const resource = resourceOfKind(kind);
  if (resource === undefined) throw new Error(`"${kind}" is no kind that nspod serves`);
  return resourcePath(resource, resource.isNamespaced ? "default" : "", name);
}

/** An instance in which a test file makes its pods. */
export class Pods {
  readonly instance: Instance;
  readonly client: ApiClient;
  /** Whether a request starts a daemon when none listens; false where the test starts its own. */
  startsDaemons = true;

  private constructor(instance: Instance) {
    this.instance = instance;
    this.client = new ApiClient({
      socketPath: `${instance.run}/nspod.sock`,
      start: async () => {
        if (!this.startsDaemons) throw new Error("No daemon listens");
        await instance.must(["get", "pods"]);
      },
    });
  }

  /** Starts an instance and loads images of dist/images. */
  static async start(...images: readonly string[]): Promise<Pods> {
    const instance = await Instance.start();
    for (const image of images) await instance.must(["image", "load", testImage(image)]);
    return new Pods(instance);
  }

  /** Creates a pod and returns at once. */
  async create(name: string, spec: PodSpec): Promise<void> {
    await this.createFrom(podOf(name, spec));
  }

  async createFrom(manifest: object): Promise<void> {
    await this.client.json("POST", podsPath("default"), { body: manifest });
  }

  /** Creates the objects of a manifest of test/manifests. */
  async createManifest(name: string): Promise<void> {
    for (const object of readManifests(name)) await this.createObject(object);
  }

  /** Creates an object of any kind; in namespace "default" where it has one. */
  async createObject(object: Pick<KubernetesObject, "kind">): Promise<void> {
    await this.client.json("POST", objectPath(object.kind), { body: object });
  }

  /** Changes fields of an object by a JSON merge patch. */
  async patch(kind: string, name: string, patch: object): Promise<void> {
    await this.client.json("PATCH", objectPath(kind, name), {
      body: patch,
      contentType: "application/merge-patch+json",
    });
  }

  async deleteObject(kind: string, name: string): Promise<void> {
    await this.client.json("DELETE", objectPath(kind, name));
  }

  /** Creates a pod and waits until all its containers run. */
  async up(name: string, spec: PodSpec): Promise<Pod> {
    await this.create(name, spec);
    return await this.until(name, "all containers to run", ({ status }) =>
      spec.containers.every(({ name: container }) =>
        status?.containerStatuses?.some((each) => each.name === container && each.state?.running),
      ),
    );
  }

  /** Creates a pod, waits until it has ended, and returns it. */
  async ended(name: string, spec: PodSpec): Promise<Pod> {
    await this.create(name, spec);
    return await this.untilEnded(name);
  }

  /** Runs a pod of one container to its end and returns what it wrote; fails when it failed. */
  async output(name: string, spec: PodSpec): Promise<string> {
    const pod = await this.ended(name, spec);
    const log = await this.log(name, spec.containers[0]?.name);
    if (pod.status?.phase === "Succeeded") return log;
    throw new Error(`Pod "${name}" failed: ${JSON.stringify(pod.status)}\n${log}`);
  }

  async get(name: string): Promise<Pod> {
    return await this.client.json<Pod>("GET", podsPath("default", name));
  }

  /** All pods of the namespace. */
  async list(): Promise<readonly Pod[]> {
    const { items } = await this.client.json<{ readonly items: readonly Pod[] }>(
      "GET",
      podsPath("default"),
    );
    return items;
  }

  /** The events about a pod, oldest first. */
  async events(name: string): Promise<readonly Event[]> {
    const { items } = await this.client.json<{ readonly items: readonly Event[] }>(
      "GET",
      "/api/v1/namespaces/default/events",
      { query: { fieldSelector: `involvedObject.name=${name}` } },
    );
    return items;
  }

  /** Follows a pod until `check` is content; @throws Error with its last status after `ms`. */
  async until(
    name: string,
    what: string,
    check: (pod: Pod) => boolean | undefined,
    ms = 20_000,
  ): Promise<Pod> {
    let pod = await this.get(name);
    if (check(pod) === true) return pod;
    for await (pod of followPod(this.client, pod, AbortSignal.timeout(patient(ms)))) {
      if (check(pod) === true) return pod;
    }
    const now = (await currentPod(this.client, pod)) === undefined ? "is gone" : "has the status";
    const status = JSON.stringify(pod.status, undefined, 1);
    throw new Error(`Waited ${ms} ms for ${what}; pod "${name}" ${now} ${status}`);
  }

  async untilEnded(name: string, ms?: number): Promise<Pod> {
    const ends = ["Succeeded", "Failed"];
    return await this.until(
      name,
      "its end",
      ({ status }) => ends.includes(status?.phase ?? ""),
      ms,
    );
  }

  /** What a container wrote. */
  async log(name: string, container?: string): Promise<string> {
    return await this.client.text("GET", podsPath("default", name, "log"), {
      query: { container },
    });
  }

  /** Follows the log of a container until a line holds `text`. */
  async untilLogged(name: string, container: string, text: string, ms = 20_000): Promise<void> {
    await this.until(name, `"${container}" to have started`, (pod) => {
      const { state } = statusOf(pod, container);
      return state?.running !== undefined || state?.terminated !== undefined;
    });
    const signal = AbortSignal.timeout(patient(ms));
    const stream = await this.client.stream("GET", podsPath("default", name, "log"), {
      query: { container, follow: true },
      signal,
    });
    let seen = "";
    try {
      for await (const chunk of stream.setEncoding("utf8")) {
        seen += chunk;
        if (seen.includes(text)) return;
      }
    } catch (cause) {
      if (!signal.aborted) throw cause;
    } finally {
      stream.destroy();
    }
    throw new Error(`Container "${container}" of "${name}" did not say "${text}" but: ${seen}`);
  }

  /** `nspod exec` of a shell script in a container (the first, when none is named). */
  async exec(
    name: string,
    script: string,
    options: CommandOptions & { readonly container?: string } = {},
  ): Promise<CommandResult> {
    const which = options.container === undefined ? [] : ["-c", options.container];
    const stdin = options.input === undefined ? [] : ["-i"];
    return await this.instance.nspod(
      ["exec", name, ...which, ...stdin, "--", "sh", "-c", script],
      options,
    );
  }

  /** The stdout of a script in a container, without the newline at its end. */
  async ask(name: string, script: string, container?: string): Promise<string> {
    const result = await this.exec(name, script, container === undefined ? {} : { container });
    if (result.code === 0) return result.stdout.trimEnd();
    throw new Error(`"${script}" ended with ${result.code}: ${result.stderr}${result.stdout}`);
  }

  /** PIDs on the host of the processes of a container, oldest first. */
  async pids(name: string, container: string): Promise<number[]> {
    const { metadata } = await this.get(name);
    const folder = `${cgroup2MountPoint()}${this.instance.cgroup}/pod${metadata.uid}/${container}`;
    const text = await readFile(`${folder}/cgroup.procs`, "utf8");
    return text
      .split("\n")
      .filter(Boolean)
      .map(Number)
      .sort((a, b) => a - b);
  }

  /** Deletes pods without grace and waits until they are gone. */
  async delete(...names: readonly string[]): Promise<void> {
    const pods = await Promise.all(names.map((name) => this.get(name)));
    await Promise.all(
      pods.map(async (pod) => {
        await deletePod(this.client, pod, 0);
        await waitUntilGone(this.client, pod, AbortSignal.timeout(patient(20_000)));
      }),
    );
  }

  /** Ends the instance and fails when anything of it is left. */
  async close(): Promise<void> {
    await this.instance.close();
  }
}
