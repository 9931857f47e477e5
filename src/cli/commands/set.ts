/** `nspod set image|env|resources`: changes of the containers of objects that make pods. */
import { readFileSync } from "node:fs";
import { PodError } from "../../base/errors.ts";
import type { ConfigMap, Secret } from "../../spec/kubernetes.gen.ts";
import type { EnvVar } from "../../spec/pod.ts";
import type { KubernetesObject } from "../../spec/resources.ts";
import type { Context } from "../context.ts";
import { environmentVariable } from "../environment-variable.ts";
import { wishOf } from "../last-applied.ts";
import { objectLabel, parseObjects } from "../object-arguments.ts";
import { getObject, patchObject } from "../objects.ts";
import { type ObjectForm, printObjects } from "../output-format.ts";
import {
  chosen,
  type Patch,
  patchEnv,
  patchImages,
  patchResources,
  podSpecOf,
  type Quantities,
} from "../pod-template-patch.ts";
import { type Subject, type SubjectOptions, subjectsOf } from "../set-subjects.ts";
import { type DryRun, dryRunRemark } from "./apply.ts";

export interface SetOptions extends SubjectOptions {
  /** Names of containers, `*` for any letters. */
  readonly containers?: string;
  readonly dryRun?: DryRun;
  readonly output?: ObjectForm;
}

/** @param words - objects, then `container=image`; `*` is every container. */
export async function setImages(
  context: Context,
  words: readonly string[],
  options: SetOptions,
): Promise<number> {
  const pairs = words.filter((word) => word.includes("=")).map(imagePair);
  const objects = words.filter((word) => !word.includes("="));
  if (pairs.length === 0) {
    throw new PodError("InvalidArgument", "Write TYPE/NAME and CONTAINER=IMAGE");
  }
  const images = new Map(pairs);
  const change = (object: KubernetesObject): Patch | undefined => patchImages(object, images);
  return await changeAll(context, objects, options, { change, done: "image updated" });
}

function imagePair(word: string): readonly [name: string, image: string] {
  const at = word.indexOf("=");
  const [name, image] = [word.slice(0, at), word.slice(at + 1)];
  if (name !== "" && image !== "") return [name, image];
  throw new PodError("InvalidArgument", `"${word}" is no CONTAINER=IMAGE`);
}

export interface EnvOptions extends SetOptions {
  /** `NAME=VALUE`, `NAME-`, or "-": such lines from standard input. */
  readonly env?: readonly string[];
  readonly from?: string;
  readonly prefix?: string;
  readonly keys?: string;
  readonly list?: boolean;
  readonly overwrite?: boolean | string;
}

/** @param words - objects, then `NAME=VALUE` to set and `NAME-` to remove. */
export async function setEnv(
  context: Context,
  words: readonly string[],
  options: EnvOptions,
): Promise<number> {
  const isChange = (word: string): boolean => /^[^=/]+=|^[\w.]+-$/.test(word);
  const given = (options.env ?? []).flatMap((word) => (word === "-" ? stdinLines() : [word]));
  const changes = [...words.filter(isChange), ...given];
  const objects = words.filter((word) => !isChange(word));
  if (options.list === true) return await listEnv(context, objects, options);
  const imported = options.from === undefined ? [] : await variablesOf(context, options);
  if (changes.length === 0 && imported.length === 0) {
    throw new PodError("InvalidArgument", "at least one environment variable must be provided");
  }
  const isRemoval = (word: string): boolean => /^[^=]+-$/.test(word);
  const change = {
    set: [...changes.filter((word) => !isRemoval(word)).map(environmentVariable), ...imported],
    remove: changes.filter(isRemoval).map((word) => word.slice(0, -1)),
    overwrite: options.overwrite !== false && options.overwrite !== "false",
  };
  return await changeAll(context, objects, options, {
    change: (object) => patchEnv(object, options.containers ?? "*", change),
    done: "env updated",
  });
}

function stdinLines(): readonly string[] {
  return readFileSync(0, "utf8")
    .split("\n")
    .filter((line) => line.includes("="));
}

/** A variable for each key of a ConfigMap or Secret, that takes its value from there. */
async function variablesOf(
  { client, namespace }: Context,
  { from = "", prefix = "", keys }: EnvOptions,
): Promise<readonly EnvVar[]> {
  const [found] = parseObjects([from]);
  const kind = found?.resource.kind;
  if (found?.name === undefined || (kind !== "ConfigMap" && kind !== "Secret")) {
    throw new PodError(
      "InvalidArgument",
      `--from: must be configmap/NAME or secret/NAME: got "${from}"`,
    );
  }
  const { resource, name } = found;
  const source = await getObject<ConfigMap | Secret>(client, { resource, namespace, name });
  const wanted = keys?.split(",");
  return Object.keys(source.data ?? {})
    .filter((key) => wanted === undefined || wanted.includes(key))
    .map((key) => {
      const reference = { name, key };
      return {
        name: `${prefix}${key.replace(/\W/g, "_").toUpperCase()}`,
        valueFrom: kind === "Secret" ? { secretKeyRef: reference } : { configMapKeyRef: reference },
      };
    });
}

async function listEnv(
  context: Context,
  objects: readonly string[],
  options: EnvOptions,
): Promise<number> {
  const { screen } = context;
  for (const { target, object } of await subjectsOf(context, objects, options)) {
    const { containers, initContainers = [] } = podSpecOf(object);
    const isChosen = chosen(object, options.containers ?? "*");
    for (const { name, env = [] } of [...containers, ...initContainers].filter(isChosen)) {
      screen.print(`# ${target.resource.plural} ${target.name}, container ${name}`);
      for (const each of env) screen.print(variableLine(each));
    }
  }
  return 0;
}

function variableLine({ name, value = "", valueFrom }: EnvVar): string {
  const { configMapKeyRef, secretKeyRef, fieldRef, resourceFieldRef } = valueFrom ?? {};
  if (secretKeyRef) return `# ${name} from secret ${secretKeyRef.name}, key ${secretKeyRef.key}`;
  if (configMapKeyRef) {
    return `# ${name} from configmap ${configMapKeyRef.name}, key ${configMapKeyRef.key}`;
  }
  if (fieldRef) return `# ${name} from field path ${fieldRef.fieldPath}`;
  if (resourceFieldRef) return `# ${name} from resource field ${resourceFieldRef.resource}`;
  return valueFrom === undefined ? `${name}=${value}` : `# ${name} from a file`;
}

export interface ResourcesOptions extends SetOptions {
  readonly limits?: string;
  readonly requests?: string;
}

export async function setResources(
  context: Context,
  words: readonly string[],
  options: ResourcesOptions,
): Promise<number> {
  const { limits, requests, containers = "*" } = options;
  if (limits === undefined && requests === undefined) {
    throw new PodError(
      "InvalidArgument",
      "you must specify an update to requests or limits (in the form of --requests/--limits)",
    );
  }
  const resources = {
    ...(limits !== undefined && { limits: quantities(limits, "--limits") }),
    ...(requests !== undefined && { requests: quantities(requests, "--requests") }),
  };
  return await changeAll(context, words, options, {
    change: (object) => patchResources(object, containers, resources),
    done: "resource requirements updated",
  });
}

/** `cpu=200m,memory=512Mi`. */
function quantities(text: string, option: string): Quantities {
  const pairs = text.split(",").map((word) => word.split("="));
  if (pairs.every((pair) => pair.length === 2 && pair.every((part) => part !== ""))) {
    return Object.fromEntries(pairs) as Record<string, string>;
  }
  throw new PodError("InvalidArgument", `${option}: must be NAME=QUANTITY,…: got "${text}"`);
}

async function changeAll(
  context: Context,
  words: readonly string[],
  options: SetOptions,
  {
    change,
    done,
  }: {
    readonly change: (object: KubernetesObject) => Patch | undefined;
    readonly done: string;
  },
): Promise<number> {
  const { screen } = context;
  const { dryRun = "none", output, local = false } = options;
  for (const subject of await subjectsOf(context, words, options)) {
    const body = change(subject.object);
    // kubectl, too, says nothing of an object that is so already.
    if (body === undefined) continue;
    const after = local
      ? await changedHere(subject.object, body)
      : await changedThere(context, subject, { body, isDryRun: dryRun !== "none" });
    if (output !== undefined) await printObjects(screen, [after], output, true);
    else {
      const label = objectLabel(subject.target.resource, subject.target.name);
      screen.print(`${label} ${done}${local ? " (local)" : dryRunRemark(dryRun)}`);
    }
  }
  return 0;
}

/** The manifest as it would be. */
async function changedHere(object: KubernetesObject, patch: Patch): Promise<KubernetesObject> {
  const { strategicMerge } = await import("../../spec/strategic-merge.ts");
  return strategicMerge(wishOf(object), patch, object.kind) as unknown as KubernetesObject;
}

async function changedThere(
  { client }: Context,
  { target }: Subject,
  { body, isDryRun }: { readonly body: Patch; readonly isDryRun: boolean },
): Promise<KubernetesObject> {
  const patch = { type: "strategic", body } as const;
  return await patchObject<KubernetesObject>(client, target, patch, { isDryRun });
}
