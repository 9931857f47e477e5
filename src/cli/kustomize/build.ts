/**
 * `-k FOLDER`: what `kustomize build FOLDER` prints, for the fields that `kustomization.ts` takes.
 *
 *   resources and components of other folders → generators → patches → namespace, affixes, labels,
 *   annotations → JSON patches → replicas, images → hashes → references follow their names
 *
 * Files are read in the folder of the kustomization and below it only; folders may be anywhere.
 */
import { existsSync, readFileSync, realpathSync, statSync } from "node:fs";
import { join, relative } from "node:path";
import { parseAllDocuments } from "yaml";
import { messageOf, PodError } from "../../base/errors.ts";
import { isObject } from "../../spec/schema.ts";
import { generate } from "./generate.ts";
import {
  decodeKustomization,
  type Generator,
  type Kustomization,
  type Patch,
} from "./kustomization.ts";
import { contentHash, followNames, type Item, type Renamed } from "./names.ts";
import {
  matches,
  patched,
  withAffixes,
  withAnnotations,
  withImages,
  withLabels,
  withNamespace,
  withReplicas,
} from "./transform.ts";

const fileNames = ["kustomization.yaml", "kustomization.yml", "Kustomization"];

interface Gathered extends Renamed {
  /** Its name gets the hash of its content at the end. */
  readonly isHashed: boolean;
}

/**
 * The objects of a kustomization.
 * @throws PodError NotFound, InvalidArgument with file and place.
 */
export function buildKustomization(folder: string): readonly Item[] {
  const gathered = gather(folder, [], []).map((each) =>
    each.isHashed ? rename(each, `${each.item.metadata.name}-${contentHash(each.item)}`) : each,
  );
  return followNames(gathered);
}

/** @param inherited - what stands already when the folder is a component. */
function gather(
  folder: string,
  parents: readonly string[],
  inherited: readonly Gathered[],
): readonly Gathered[] {
  const path = realpathOf(folder);
  if (parents.includes(path)) {
    throw new PodError("InvalidArgument", `Kustomization "${folder}" includes itself`);
  }
  const name = fileNames.find((each) => existsSync(join(path, each)));
  if (name === undefined) {
    throw new PodError("NotFound", `Folder "${folder}" holds no ${fileNames.join(", ")}`);
  }
  const source = join(folder, name);
  const rules = decodeKustomization(readFileSync(join(path, name), "utf8"), source);
  const place: Place = { folder, path, source, parents: [...parents, path] };
  let items: readonly Gathered[] = [
    ...inherited,
    ...[...(rules.resources ?? []), ...(rules.bases ?? [])].flatMap((each) =>
      resource(place, each),
    ),
  ];
  for (const component of rules.components ?? []) {
    items = gather(join(folder, component), place.parents, items);
  }
  items = withGenerated(items, rules, place);
  return transformed(items, rules, place);
}

interface Place {
  readonly folder: string;
  readonly path: string;
  readonly source: string;
  readonly parents: readonly string[];
}

function resource(place: Place, name: string): readonly Gathered[] {
  if (/^[a-z]+:\/\/|^git@/.test(name)) {
    throw new PodError(
      "Unimplemented",
      `${place.source}: "${name}" is on the network, which nspod does not use: download it first`,
    );
  }
  const path = join(place.folder, name);
  if (statSync(path, { throwIfNoEntry: false })?.isDirectory())
    return gather(path, place.parents, []);
  return items(readText(place, name), path).map((item) => ({
    item,
    before: [item.metadata.name ?? ""],
    isHashed: false,
  }));
}

function items(text: string, source: string): readonly Item[] {
  return documents(text, source).flatMap((value) => {
    if (!isObject(value)) return [];
    const list = value["kind"] === "List" ? value["items"] : [value];
    return (Array.isArray(list) ? list : []).map((each: unknown) => {
      const item = isObject(each) ? each : {};
      const { apiVersion, kind, metadata } = item;
      if (typeof apiVersion === "string" && typeof kind === "string" && isObject(metadata)) {
        return { ...item, apiVersion, kind, metadata } as Item;
      }
      throw new PodError(
        "InvalidArgument",
        `${source}: an object needs apiVersion, kind and metadata`,
      );
    });
  });
}

function documents(text: string, source: string): readonly unknown[] {
  return parseAllDocuments(text, { version: "1.1" }).flatMap((document) => {
    const [error] = document.errors;
    if (error) throw new PodError("InvalidArgument", `${source}: ${error.message}`);
    const value: unknown = document.toJS({ maxAliasCount: 100 });
    return value === null || value === undefined ? [] : [value];
  });
}

function withGenerated(
  before: readonly Gathered[],
  rules: Kustomization,
  place: Place,
): readonly Gathered[] {
  let all = before;
  const add = (kind: "ConfigMap" | "Secret", generator: Generator): void => {
    const options = rules.generatorOptions ?? {};
    const item = generate(kind, generator, options, (path) => readFile(place, path));
    const isHashed = !(generator.options?.disableNameSuffixHash ?? options.disableNameSuffixHash);
    const { behavior = "create", name } = generator;
    const known = all.find((each) => each.item.kind === kind && each.before.includes(name));
    if (behavior === "create") {
      if (known)
        throw new PodError(
          "AlreadyExists",
          `${place.source}: ${kind} "${name}" exists already: use behavior merge or replace`,
        );
      all = [...all, { item, before: [name], isHashed }];
      return;
    }
    if (!known)
      throw new PodError(
        "NotFound",
        `${place.source}: there is no ${kind} "${name}" to ${behavior}`,
      );
    const merged =
      behavior === "merge"
        ? mergedData(known.item, item)
        : { ...item, metadata: { ...item.metadata, name: known.item.metadata.name ?? name } };
    all = all.map((each) => (each === known ? { ...each, item: merged } : each));
  };
  for (const generator of rules.configMapGenerator ?? []) add("ConfigMap", generator);
  for (const generator of rules.secretGenerator ?? []) add("Secret", generator);
  return all;
}

function mergedData(base: Item, addition: Item): Item {
  const both = (field: string): object => {
    const values = {
      ...(base[field] as object | undefined),
      ...(addition[field] as object | undefined),
    };
    return Object.keys(values).length > 0 ? { [field]: values } : {};
  };
  return { ...base, ...both("data"), ...both("binaryData") };
}

function transformed(
  before: readonly Gathered[],
  rules: Kustomization,
  place: Place,
): readonly Gathered[] {
  let all = before;
  for (const patch of rules.patchesStrategicMerge ?? []) {
    const isInline = patch.includes("\n");
    all = applyPatch(all, isInline ? { patch } : { path: patch }, place);
  }
  for (const patch of rules.patches ?? []) all = applyPatch(all, patch, place);
  const change = (work: (item: Item) => Item): void => {
    all = all.map((each) => ({ ...each, item: work(each.item) }));
  };
  const { namespace, namePrefix = "", nameSuffix = "", commonLabels, commonAnnotations } = rules;
  if (namespace !== undefined) change((item) => withNamespace(item, namespace));
  if (namePrefix !== "" || nameSuffix !== "") {
    all = all.map((each) =>
      rename(each, withAffixes(each.item, namePrefix, nameSuffix).metadata.name ?? ""),
    );
  }
  if (commonLabels)
    change((item) => withLabels(item, { pairs: commonLabels, includeSelectors: true }));
  for (const rule of rules.labels ?? []) change((item) => withLabels(item, rule));
  if (commonAnnotations) change((item) => withAnnotations(item, commonAnnotations));
  for (const patch of rules.patchesJson6902 ?? []) all = applyPatch(all, patch, place);
  const { replicas = [], images = [] } = rules;
  if (replicas.length > 0) {
    all = all.map((each) => {
      const rule = replicas.find(
        ({ name }) => each.before.includes(name) || each.item.metadata.name === name,
      );
      if (rule === undefined) return each;
      const named = { ...rule, name: each.item.metadata.name ?? "" };
      return { ...each, item: withReplicas(each.item, [named]) };
    });
  }
  if (images.length > 0) change((item) => withImages(item, images));
  return all;
}

function applyPatch(
  before: readonly Gathered[],
  { path, patch, target }: Patch,
  place: Place,
): readonly Gathered[] {
  const text = patch ?? readText(place, path ?? "");
  const source = path === undefined ? place.source : join(place.folder, path);
  let all = before;
  for (const content of documents(text, source)) {
    const isChosen = (each: Gathered): boolean =>
      target === undefined ? isNamedBy(each, content) : isTarget(each, target);
    if (!all.some(isChosen)) {
      const whom = target === undefined ? "" : ` (target ${JSON.stringify(target)})`;
      throw new PodError("NotFound", `${source}: no object matches this patch${whom}`);
    }
    try {
      all = all.flatMap((each) => {
        if (!isChosen(each)) return [each];
        const item = patched(each.item, content);
        return item === undefined ? [] : [{ ...each, item }];
      });
    } catch (error) {
      throw new PodError("InvalidArgument", `${source}: ${messageOf(error)}`, { cause: error });
    }
  }
  return all;
}

/** By any name that the object had: a patch of an overlay may name it as its base does. */
function isTarget(each: Gathered, target: NonNullable<Patch["target"]>): boolean {
  const { item } = each;
  const names = [item.metadata.name ?? "", ...each.before];
  return names.some((name) => matches({ ...item, metadata: { ...item.metadata, name } }, target));
}

function isNamedBy({ item, before }: Gathered, patch: unknown): boolean {
  if (!isObject(patch) || !isObject(patch["metadata"])) return false;
  const { name, namespace } = patch["metadata"];
  return (
    patch["kind"] === item.kind &&
    patch["apiVersion"] === item.apiVersion &&
    (name === item.metadata.name || before.includes(String(name))) &&
    (namespace === undefined || namespace === item.metadata.namespace)
  );
}

function rename(each: Gathered, name: string): Gathered {
  const { item, before } = each;
  const old = item.metadata.name ?? "";
  return {
    ...each,
    item: { ...item, metadata: { ...item.metadata, name } },
    before: before.includes(old) ? before : [...before, old],
  };
}

function realpathOf(folder: string): string {
  try {
    return realpathSync(folder);
  } catch (cause) {
    throw new PodError("NotFound", `No such folder: "${folder}"`, { cause });
  }
}

function readText(place: Place, name: string): string {
  return readFile(place, name).toString("utf8");
}

/** @throws PodError PermissionDenied for a file that is not below the kustomization's folder. */
function readFile({ folder, path, source }: Place, name: string): Buffer {
  const file = join(folder, name);
  let real: string;
  try {
    real = realpathSync(file);
  } catch (cause) {
    throw new PodError("NotFound", `${source}: no such file: "${file}"`, { cause });
  }
  if (relative(path, real).startsWith("..")) {
    throw new PodError(
      "PermissionDenied",
      `${source}: file "${file}" is outside the folder of the kustomization: put it below, or make its folder a base`,
    );
  }
  return readFileSync(real);
}
