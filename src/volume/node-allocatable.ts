/** What this node can give to pods: as its Node object says, else all that the machine has. */
import { availableParallelism, totalmem } from "node:os";
import type { Node } from "../spec/kubernetes.gen.ts";
import type { ResourceList } from "../spec/pod.ts";
import type { VolumeHost } from "./volume-kind.ts";

export function nodeAllocatable({
  objects,
  nodeName,
}: Pick<VolumeHost, "objects" | "nodeName">): ResourceList {
  const machine = { cpu: String(availableParallelism()), memory: String(totalmem()) };
  return { ...machine, ...objects.get<Node>("Node", "", nodeName)?.status?.allocatable };
}
