/** `nspod cordon` and `uncordon`: whether new pods may come to a node. */
import type { Node } from "../../spec/kubernetes.gen.ts";
import type { Context } from "../context.ts";
import { nodeName } from "../node-name.ts";
import { getObject, patchObject } from "../objects.ts";

export async function cordonNode(
  context: Context,
  word: string,
  isCordon: boolean,
): Promise<number> {
  const object = nodeName(word);
  const { name } = object;
  const node = await getObject<Node>(context.client, object);
  const done = isCordon ? "cordoned" : "uncordoned";
  if ((node.spec?.unschedulable ?? false) === isCordon) {
    context.screen.print(`node/${name} already ${done}`);
    return 0;
  }
  const body = { spec: { unschedulable: isCordon ? true : null } };
  await patchObject(context.client, object, { type: "merge", body });
  context.screen.print(`node/${name} ${done}`);
  return 0;
}
