// Pods for integration tests as JSON, which is YAML too; one place for what they all have.
import type { Pod, PodSpec } from "../../src/spec/pod.ts";
import type { Instance } from "./instance.ts";
import { testImage } from "./instance.ts";

/** A manifest that ends fast when it is deleted. */
export function manifest(name: string, spec: Partial<PodSpec>): string {
  return JSON.stringify({
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name },
    spec: { terminationGracePeriodSeconds: 0, ...spec },
  });
}

/** Loads images that `make` built, e.g. "busybox". */
export async function load(instance: Instance, ...names: readonly string[]): Promise<void> {
  for (const name of names) await instance.must(["image", "load", testImage(name)]);
}

/** Creates a pod and returns when its containers run or have ended. */
export async function start(instance: Instance, text: string): Promise<void> {
  await instance.must(["run", "-d", "--wait", "running", "-"], { input: text });
}

/** The pod as the API shows it. */
export async function getPod(instance: Instance, name: string): Promise<Pod> {
  return JSON.parse(await instance.must(["get", "pod", name, "-o", "json"])) as Pod;
}

/** All pods of the instance. */
export async function getPods(instance: Instance): Promise<readonly Pod[]> {
  const list = JSON.parse(await instance.must(["get", "pods", "-o", "json"])) as {
    items: readonly Pod[];
  };
  return list.items;
}

/** Pid of the daemon that serves the instance. */
export async function daemonPid(instance: Instance): Promise<number> {
  const info = JSON.parse(await instance.must(["system", "info", "-o", "json"])) as { pid: number };
  return info.pid;
}
