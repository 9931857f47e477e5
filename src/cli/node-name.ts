/** Arguments that name a node. */
import { PodError } from "../base/errors.ts";
import { parseObjects, parseResource } from "./object-arguments.ts";
import type { ObjectName } from "./objects.ts";

/** `NAME`, `node/NAME`. @throws PodError InvalidArgument for another kind. */
export function nodeName(word: string): ObjectName {
  const [found] = word.includes("/") ? parseObjects([word]) : [];
  const resource = found?.resource ?? parseResource("nodes");
  if (resource.kind === "Node") return { resource, namespace: "", name: found?.name ?? word };
  throw new PodError("InvalidArgument", `"${word}" is no node: this command works on nodes only`);
}
