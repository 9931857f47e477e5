// Pods in states that tests need.
import type { ContainerStatus, Pod, PodStatus } from "../../../src/spec/pod.ts";

export const uid = "11111111-2222-3333-4444-555555555555";

export function pod(status: PodStatus = {}, change: Partial<Pod> = {}): Pod {
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: {
      name: "web",
      namespace: "default",
      uid,
      resourceVersion: "7",
      creationTimestamp: "2026-01-01T00:00:00Z",
    },
    spec: { containers: [{ name: "app", image: "busybox" }], restartPolicy: "Never" },
    status,
    ...change,
  };
}

export function container(
  state: ContainerStatus["state"],
  change: Partial<ContainerStatus> = {},
): ContainerStatus {
  return {
    name: "app",
    ready: state?.running !== undefined,
    restartCount: 0,
    image: "busybox",
    imageID: "sha256:0",
    ...(state !== undefined && { state }),
    ...change,
  };
}

export function ended(
  exitCode: number,
  change: object = {},
): NonNullable<ContainerStatus["state"]> {
  return {
    terminated: {
      exitCode,
      reason: exitCode === 0 ? "Completed" : "Error",
      finishedAt: "2026-01-01T00:00:10Z",
      containerID: "nspod://a1",
      ...change,
    },
  };
}
