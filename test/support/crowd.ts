// Many clients that create, delete, look at and enter pods of the same few names, and a model of what must come of it:
// a name belongs to one pod at a time, an answer is about a pod that had the name, and who is deleted is gone for good.
import { isPodError } from "../../src/base/errors.ts";
import { podsPath } from "../../src/cli/context.ts";
import type { Pod } from "../../src/spec/pod.ts";
import { execByApi } from "./exec-by-api.ts";
import { type Pods, podOf, shell, statusOf } from "./pods.ts";

/** The errors that a client may get for a name that others use as well; anything else is a mistake. */
const usual = {
  create: ["AlreadyExists"],
  delete: ["NotFound"],
  get: [],
  list: [],
  log: ["NotFound", "FailedPrecondition"],
  // Unavailable: the pod was killed while the command ran, its shim with it.
  exec: ["NotFound", "FailedPrecondition", "Unavailable"],
} as const;

type Action = keyof typeof usual;

/** In the numbers in which clients do it. */
const actions: readonly Action[] = [
  ...Array<Action>(6).fill("create"),
  ...Array<Action>(5).fill("delete"),
  ...Array<Action>(4).fill("get"),
  ...Array<Action>(2).fill("exec"),
  "log",
  "list",
];

const spec = {
  containers: [
    shell("main", 'echo "$POD_UID"; trap "exit 0" TERM; sleep infinity & wait', {
      env: [{ name: "POD_UID", valueFrom: { fieldRef: { fieldPath: "metadata.uid" } } }],
    }),
  ],
};

export class Crowd {
  readonly #pods: Pods;
  readonly #names: readonly string[];
  /** uid → name of every pod whose creation was answered. */
  readonly #created = new Map<string, string>();
  readonly #deleted = new Set<string>();
  /** Somebody has seen its name without it. */
  readonly #gone = new Set<string>();
  /** Action and outcome, such as "create AlreadyExists" → how often. */
  readonly outcomes: Map<string, number> = new Map();
  readonly mistakes: string[] = [];
  /** Said of pods whose creation was not answered yet, by uid; looked at in the end. */
  readonly #early = new Map<string, string>();

  constructor(pods: Pods, names: readonly string[]) {
    this.#pods = pods;
    this.#names = names;
  }

  /** @param count - of actions of all clients together. */
  async run(clients: number, count: number): Promise<void> {
    let left = count;
    const client = async (): Promise<void> => {
      while (left-- > 0) await this.#act(any(actions), any(this.#names));
    };
    await Promise.all(Array.from({ length: clients }, client));
  }

  /** Actions that were never granted. */
  get untried(): readonly string[] {
    return actions.filter((action) => !this.outcomes.has(`${action} done`));
  }

  /** The pods that are there are those that were created and not deleted; waits `ms` for each of them and until the others have gone. */
  async settle(ms = 20_000): Promise<void> {
    const alive = [...this.#created].filter(([uid]) => !this.#deleted.has(uid));
    for (const [uid, name] of alive) {
      const isReady = (each: Pod): boolean => statusOf(each, "main").ready;
      const pod = await this.#pods.until(name, "it to run", isReady, ms);
      if (pod.metadata.uid !== uid) this.#mistake(`"${name}" is ${pod.metadata.uid}, not ${uid}`);
      const said = await this.#enter(name);
      if (said !== `${uid}\n`) this.#mistake(`"${name}" says it is ${said}, not ${uid}`);
    }
    const wanted = new Set(alive.map(([, name]) => name));
    if (wanted.size < alive.length) this.#mistake("a name has two pods");
    for (const name of this.#names) {
      if (!wanted.has(name)) await this.#untilFree(name);
    }
    const found = (await this.#pods.list()).map(({ metadata }) => metadata.uid);
    const uids = alive.map(([uid]) => uid);
    if (found.sort().join() !== uids.sort().join()) this.#mistake(`${found} and not ${uids}`);
    for (const [uid, name] of this.#early) this.#check(uid, name, "of an unknown pod");
  }

  async #untilFree(name: string): Promise<void> {
    try {
      await this.#pods.until(name, "its end", () => false);
    } catch (error) {
      const isGone = isPodError(error, "NotFound") || String(error).includes(" is gone ");
      if (!isGone) throw error;
    }
  }

  async #act(action: Action, name: string): Promise<void> {
    let outcome = "done";
    try {
      outcome = (await this.#do(action, name)) ?? outcome;
    } catch (error) {
      const kinds: readonly string[] = usual[action];
      outcome = isPodError(error) ? error.kind : "error";
      if (!kinds.includes(outcome)) this.#mistake(`${action} "${name}": ${String(error)}`);
    }
    const key = `${action} ${outcome}`;
    this.outcomes.set(key, (this.outcomes.get(key) ?? 0) + 1);
  }

  async #do(action: Action, name: string): Promise<string | undefined> {
    const { client } = this.#pods;
    const path = podsPath("default", name);
    switch (action) {
      case "create": {
        const body = podOf(name, spec);
        const pod = await client.json<Pod>("POST", podsPath("default"), { body });
        this.#created.set(pod.metadata.uid, name);
        return;
      }
      case "delete": {
        const body = { kind: "DeleteOptions", apiVersion: "v1", gracePeriodSeconds: any([0, 1]) };
        const { metadata, details } = await client.json<{
          readonly metadata?: { readonly uid?: string };
          readonly details?: { readonly uid?: string };
        }>("DELETE", path, { body });
        const uid = metadata?.uid ?? details?.uid;
        if (uid === undefined) throw new Error("The answer to a deletion names no pod");
        this.#deleted.add(uid);
        return;
      }
      case "get":
        return await this.#get(name);
      case "list":
        await this.#list();
        return;
      case "log": {
        const text = await this.#pods.log(name);
        if (text !== "") this.#check(text.trimEnd(), name, "in the log");
        return;
      }
      case "exec": {
        const said = await this.#enter(name);
        // Nothing: it ended meanwhile.
        if (said !== "") this.#check(said.trimEnd(), name, "in the container");
        return said === "" ? "ended" : undefined;
      }
    }
  }

  async #get(name: string): Promise<string | undefined> {
    const before = [...this.#created].filter(([, each]) => each === name).map(([uid]) => uid);
    const gone = new Set(this.#gone);
    const pod = await this.#pods.get(name).catch((error: unknown) => {
      if (isPodError(error, "NotFound")) return undefined;
      throw error;
    });
    const now = pod?.metadata.uid;
    if (now !== undefined && gone.has(now)) this.#mistake(`${now} has come back as "${name}"`);
    // The name has another pod, or none: those that had it before are gone.
    for (const uid of before) if (uid !== now) this.#gone.add(uid);
    return pod === undefined ? "NotFound" : undefined;
  }

  async #list(): Promise<void> {
    const gone = new Set(this.#gone);
    const pods = await this.#pods.list();
    const names = pods.map(({ metadata }) => metadata.name);
    if (new Set(names).size < names.length) this.#mistake(`a list has a name twice: ${names}`);
    const ghosts = pods.filter(({ metadata }) => gone.has(metadata.uid));
    if (ghosts.length > 0) this.#mistake(`a list has ${ghosts.length} pods that are gone`);
    const addresses = pods.flatMap(({ status }) => status?.podIP ?? []);
    if (new Set(addresses).size < addresses.length)
      this.#mistake(`one address twice: ${addresses}`);
  }

  /** What a command in its container says. */
  async #enter(name: string): Promise<string> {
    const command = ["sh", "-c", 'echo "$POD_UID"'];
    const { text } = await execByApi(this.#pods.client, name, command);
    return text;
  }

  /** A pod that had the name said so; its creation may not have been answered yet. */
  #check(uid: string, name: string, where: string): void {
    const owner = this.#created.get(uid);
    if (owner === undefined && where !== "of an unknown pod") this.#early.set(uid, name);
    else if (owner !== name) this.#mistake(`"${name}" has ${uid} ${where}`);
  }

  #mistake(sentence: string): void {
    this.mistakes.push(sentence);
  }
}

function any<T>(list: readonly T[]): T {
  const one = list[Math.floor(Math.random() * list.length)];
  if (one === undefined) throw new Error("A choice of nothing");
  return one;
}
