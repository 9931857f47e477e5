// In the guest: work on a disk that records, until the power goes; every line of the output is a fact (power-facts.ts).
//
//   power-workload.ts ARCHIVES     the instance by NSPOD_*; /dev/vdb is its root
import { execFileSync } from "node:child_process";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { apiSocketPath } from "../../src/base/instance.ts";
import { ApiClient } from "../../src/cli/api-client.ts";
import { podsPath } from "../../src/cli/context.ts";
import { deletePod, waitUntilGone } from "../../src/cli/delete-pod.ts";
import { followPod } from "../../src/cli/follow-pod.ts";
import { selectInstance } from "../../src/cli/instance-options.ts";
import { readJsonLines } from "../../src/cli/json-lines.ts";
import type { Pod } from "../../src/spec/pod.ts";
import { ArmedDaemon } from "../support/armed-daemon.ts";
import { podOf, shell, sleeper, statusOf } from "../support/pods.ts";
import { absent, type Fact } from "./power-facts.ts";

const [archives = ""] = process.argv.slice(2);
const instance = selectInstance({}, process.env);
const client = new ApiClient({ socketPath: apiSocketPath(instance) });
const configMaps = "/api/v1/namespaces/default/configmaps";
const images = "/nspod/v1/images";

function say(fact: Fact): void {
  process.stdout.write(`${JSON.stringify(fact)}\n`);
}

/** One state of a key after the other. */
class Story {
  readonly #key: string;
  #number = 0;

  constructor(key: string) {
    this.#key = key;
  }

  async go(state: string, work: () => Promise<void>): Promise<void> {
    const fact = { key: this.#key, number: this.#number++, state };
    say({ step: "begun", ...fact });
    await work();
    say({ step: "done", ...fact });
  }
}

async function load(name: string): Promise<void> {
  const query = { path: join(archives, `${name}.tar`) };
  for await (const line of readJsonLines(
    await client.stream("POST", `${images}/load`, { query }),
  )) {
    const report = line as { error?: unknown };
    if (report.error !== undefined) throw new Error(JSON.stringify(report.error));
  }
}

async function create(name: string, spec: Pod["spec"]): Promise<Pod> {
  return await client.json("POST", podsPath("default"), { body: podOf(name, spec) });
}

async function until(pod: Pod, check: (pod: Pod) => boolean): Promise<void> {
  for await (const now of followPod(client, pod, new AbortController().signal)) {
    if (check(now)) return;
  }
  throw new Error(`Pod ${pod.metadata.name} is gone`);
}

async function remove(pod: Pod): Promise<void> {
  await deletePod(client, pod, 0);
  await waitUntilGone(client, pod, new AbortController().signal);
}

/** Objects that come, change and, every third, go. */
async function objects(): Promise<never> {
  for (let index = 0; ; index++) {
    const name = `map-${index}`;
    const story = new Story(`configMap/${name}`);
    const body = { apiVersion: "v1", kind: "ConfigMap", metadata: { name }, data: { v: "1" } };
    await story.go("1", async () => void (await client.json("POST", configMaps, { body })));
    for (const v of ["2", "3"]) {
      const options = { body: { data: { v } }, contentType: "application/merge-patch+json" };
      await story.go(
        v,
        async () => void (await client.json("PATCH", `${configMaps}/${name}`, options)),
      );
    }
    if (index % 3 > 0) continue;
    await story.go(absent, async () => void (await client.json("DELETE", `${configMaps}/${name}`)));
  }
}

/** Pods that end with a code of their own; of them a few stay. */
async function jobs(): Promise<never> {
  const kept: (() => Promise<void>)[] = [];
  for (let index = 0; ; index++) {
    const name = `job-${index}`;
    const code = index % 4;
    const story = new Story(`pod/${name}`);
    let pod: Pod | undefined;
    const make = async (): Promise<void> => {
      pod = await create(name, { containers: [shell("main", `echo ${name}; exit ${code}`)] });
    };
    // The end is begun with the beginning: nobody asks for it.
    const ended = Promise.withResolvers<void>();
    const created = story.go("there", make);
    const told = story.go(`ended ${code}`, () => ended.promise);
    await created;
    if (pod === undefined) throw new Error("A pod was created");
    const made: Pod = pod;
    await until(made, ({ status }) => ["Succeeded", "Failed"].includes(status?.phase ?? ""));
    ended.resolve();
    await told;
    kept.push(() => story.go(absent, () => remove(made)));
    if (kept.length > 3) await kept.shift()?.();
  }
}

/** Pods that run until they are deleted. */
async function sleepers(): Promise<never> {
  for (let index = 0; ; index++) {
    const name = `sleeper-${index}`;
    const story = new Story(`pod/${name}`);
    let pod: Pod | undefined;
    const spec = { containers: [sleeper("main")], restartPolicy: "Always" } as const;
    await story.go("there", async () => {
      pod = await create(name, spec);
    });
    if (pod === undefined) throw new Error("A pod was created");
    const made: Pod = pod;
    await until(made, (now) => statusOf(now, "main").state?.running !== undefined);
    await story.go(absent, () => remove(made));
  }
}

/** Images that come and go. */
async function archivesOf(...names: readonly string[]): Promise<never> {
  const stories = names.map((name) => ({ name, story: new Story(`image/nspod/${name}`) }));
  for (;;) {
    for (const { name, story } of stories) await story.go("there", () => load(name));
    for (const { name, story } of stories) {
      const query = { name: `nspod/${name}` };
      await story.go(absent, async () => void (await client.json("DELETE", images, { query })));
    }
  }
}

mkdirSync(instance.root, { recursive: true });
execFileSync("mount", ["/dev/vdb", instance.root]);
await using _daemon = await ArmedDaemon.start(instance);
await new Story("image/busybox").go("there", () => load("busybox"));
await new Story("pod/steady").go("there", async () => {
  const script = 'i=0; while :; do echo "line $i"; i=$((i+1)); usleep 200000; done';
  const pod = await create("steady", {
    containers: [shell("main", script)],
    restartPolicy: "Always",
  });
  await until(pod, (now) => statusOf(now, "main").state?.running !== undefined);
});
await Promise.all([objects(), jobs(), sleepers(), archivesOf("testbox", "demo")]);
