/**
 * Small changes of the containers of an object that makes pods, as strategic merge patches. Pure.
 * Source: Kubernetes, "kubectl set".
 */
import { PodError } from "../base/errors.ts";
import type { Container, EnvVar, PodSpec } from "../spec/pod.ts";
import type { KubernetesObject } from "../spec/resources.ts";

/** A document of strategic merge patch. */
export type Patch = Readonly<Record<string, unknown>>;

/** Where the spec of its pods stands in an object. */
function pathOf({ kind }: KubernetesObject): readonly string[] {
  if (kind === "Pod") return ["spec"];
  const template = ["spec", "template", "spec"];
  return kind === "CronJob" ? ["spec", "jobTemplate", ...template] : template;
}

/** The spec of its pods. @throws PodError InvalidArgument for an object that makes no pods. */
export function podSpecOf(object: KubernetesObject): PodSpec {
  let found: unknown = object;
  for (const field of pathOf(object)) found = (found as Patch | undefined)?.[field];
  if ((found as PodSpec | undefined)?.containers !== undefined) return found as PodSpec;
  throw new PodError("InvalidArgument", `${object.kind} "${object.metadata.name}" makes no pods`);
}

/** What changes of a container; undefined: nothing. */
type Change = (container: Container) => Patch | undefined;

/** The patch that changes containers, also init containers; undefined when nothing changes. */
function patchContainers(object: KubernetesObject, change: Change): Patch | undefined {
  const { containers, initContainers = [] } = podSpecOf(object);
  const changed: Record<string, readonly Patch[]> = {};
  for (const [list, members] of Object.entries({ containers, initContainers })) {
    const patches = members.flatMap((container) => {
      const patch = change(container);
      return patch === undefined ? [] : [{ name: container.name, ...patch }];
    });
    if (patches.length > 0) changed[list] = patches;
  }
  if (Object.keys(changed).length === 0) return undefined;
  return pathOf(object).reduceRight<Patch>((inner, field) => ({ [field]: inner }), changed);
}

/** @param images - by name of container; `*` is every one. @throws PodError NotFound for a name that is none. */
export function patchImages(
  object: KubernetesObject,
  images: ReadonlyMap<string, string>,
): Patch | undefined {
  const { containers, initContainers = [] } = podSpecOf(object);
  const names = [...containers, ...initContainers].map(({ name }) => name);
  for (const name of images.keys()) {
    if (name !== "*" && !names.includes(name)) throw noContainer(object, name);
  }
  return patchContainers(object, ({ name }) => {
    const image = images.get(name) ?? images.get("*");
    return image === undefined ? undefined : { image };
  });
}

/** Variables to set, and names of those to remove. */
export interface EnvChange {
  readonly set: readonly EnvVar[];
  readonly remove: readonly string[];
  /** False: a variable that has another value already is an error. */
  readonly overwrite: boolean;
}

/** @param which - names of containers, `*` for any letters. @throws PodError NotFound, AlreadyExists. */
export function patchEnv(
  object: KubernetesObject,
  which: string,
  { set, remove, overwrite }: EnvChange,
): Patch | undefined {
  const isChosen = chosen(object, which);
  return patchContainers(object, (container) => {
    if (!isChosen(container)) return undefined;
    const present = container.env ?? [];
    const written = set.filter((variable) => {
      const old = present.find(({ name }) => name === variable.name);
      if (old === undefined || sameVariable(old, variable)) return old === undefined;
      if (overwrite) return true;
      throw new PodError(
        "AlreadyExists",
        `Container "${container.name}" has a variable "${variable.name}" already, and --overwrite is false`,
      );
    });
    const gone = present.filter(({ name }) => remove.includes(name));
    const isKnown = (name: string): boolean => present.some((each) => each.name === name);
    const env = [
      // What a variable may not have together is taken away.
      ...written.map((each) => ({
        ...each,
        ...(isKnown(each.name) && (each.valueFrom ? { value: null } : { valueFrom: null })),
      })),
      ...gone.map(({ name }) => ({ name, $patch: "delete" })),
    ];
    return env.length === 0 ? undefined : { env };
  });
}

function sameVariable(one: EnvVar, other: EnvVar): boolean {
  const text = ({ value = "", valueFrom }: EnvVar): string => JSON.stringify([value, valueFrom]);
  return text(one) === text(other);
}

export type Quantities = Readonly<Record<string, string>>;

/** @param which - as of `patchEnv`. */
export function patchResources(
  object: KubernetesObject,
  which: string,
  resources: { readonly limits?: Quantities; readonly requests?: Quantities },
): Patch | undefined {
  const isChosen = chosen(object, which);
  return patchContainers(object, (container) => (isChosen(container) ? { resources } : undefined));
}

/** Names of containers with commas between them, `*` for any letters. @throws PodError NotFound. */
export function chosen(
  object: KubernetesObject,
  which: string,
): (container: Pick<Container, "name">) => boolean {
  const { containers, initContainers = [] } = podSpecOf(object);
  const patterns = which.split(",").map((text) => ({
    text,
    pattern: new RegExp(`^${text.replace(/[^\w*-]/g, "").replaceAll("*", ".*")}$`),
  }));
  for (const { text, pattern } of patterns) {
    const isKnown = [...containers, ...initContainers].some(({ name }) => pattern.test(name));
    if (!isKnown) throw noContainer(object, text);
  }
  return ({ name }) => patterns.some(({ pattern }) => pattern.test(name));
}

function noContainer({ kind, metadata }: KubernetesObject, name: string): PodError {
  return new PodError(
    "NotFound",
    `Unable to find container named "${name}" in ${kind} "${metadata.name}"`,
  );
}
