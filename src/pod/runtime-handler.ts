/**
 * The runtime that a pod's class names: this node has one, under the names of `runtimeHandlers`.
 * Source: Kubernetes, "Runtime Class"; sentences of the kubelet and of container runtimes.
 */
import { PodError } from "../base/errors.ts";
import type { RuntimeClass } from "../spec/kubernetes.gen.ts";
import type { Pod } from "../spec/pod.ts";
import { runtimeHandlers } from "../spec/runtime-handlers.ts";
import type { EngineContext } from "./context.ts";

/** @throws PodError FailedPrecondition when the class is gone or names another runtime. */
export function checkRuntimeHandler(
  { objects }: Pick<EngineContext, "objects">,
  { spec }: Pick<Pod, "spec">,
): void {
  const { runtimeClassName } = spec;
  if (!runtimeClassName) return;
  const found = objects.get<RuntimeClass>("RuntimeClass", "", runtimeClassName);
  if (found === undefined) {
    throw new PodError(
      "FailedPrecondition",
      `Failed to create pod sandbox: RuntimeClass "${runtimeClassName}" not found`,
    );
  }
  if (runtimeHandlers.includes(found.handler)) return;
  const known = runtimeHandlers.map((name) => `"${name}"`).join(" and ");
  throw new PodError(
    "FailedPrecondition",
    `Failed to create pod sandbox: no runtime for "${found.handler}" is configured: this node has ${known}`,
  );
}
