/** `nspod taint nodes NAME… KEY=VALUE:EFFECT… KEY-…` */
import { PodError } from "../../base/errors.ts";
import type { Node } from "../../spec/kubernetes.gen.ts";
import type { Context } from "../context.ts";
import { parseObjects, parseResource } from "../object-arguments.ts";
import { getObject, listObjects, patchObject } from "../objects.ts";
import { changeTaints, isTaintWord, parseTaints } from "../taint-words.ts";

export interface TaintOptions {
  readonly all?: boolean;
  readonly overwrite?: boolean;
}

export async function taintNodes(
  context: Context,
  words: readonly string[],
  { all = false, overwrite = false }: TaintOptions,
): Promise<number> {
  const changes = parseTaints(words.filter(isTaintWord));
  const names = words.filter((word) => !isTaintWord(word));
  const { add, remove } = changes;
  if (add.length + remove.length === 0) {
    throw new PodError("InvalidArgument", "at least one taint update is required");
  }
  const done = remove.length === 0 ? "tainted" : add.length === 0 ? "untainted" : "modified";
  for (const node of await findNodes(context, names, all)) {
    const { name, resourceVersion } = node.metadata;
    const taints = changeTaints(node.spec?.taints ?? [], changes, { name, overwrite });
    const body = {
      // Somebody else's change in between is not undone.
      metadata: { resourceVersion },
      spec: { taints: taints.length === 0 ? null : taints },
    };
    const object = { resource: parseResource("nodes"), namespace: "", name };
    await patchObject(context.client, object, { type: "merge", body });
    context.screen.print(`node/${name} ${done}`);
  }
  return 0;
}

async function findNodes(
  { client }: Context,
  words: readonly string[],
  all: boolean,
): Promise<readonly Node[]> {
  const resource = parseResource("nodes");
  if (all) return (await listObjects<Node>(client, { resource, namespace: "" })).items;
  const names = parseObjects(words).flatMap(({ resource: { kind }, name }) => {
    if (kind === "Node" && name !== undefined) return [name];
    throw new PodError("InvalidArgument", "write nodes and their names, or --all");
  });
  return await Promise.all(
    names.map((name) => getObject<Node>(client, { resource, namespace: "", name })),
  );
}
