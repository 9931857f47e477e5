/** Small pods and records for the tests of the engine's pure parts. */
import type { ContainerId } from "../../../src/base/ids.ts";
import type { Attempt, ContainerRecord, PodRecord, SandboxState } from "../../../src/pod/record.ts";
import type { Container, Pod, PodSpec, PodStatus, RestartPolicy } from "../../../src/spec/pod.ts";

export interface PodOptions {
  readonly containers?: readonly string[];
  readonly initContainers?: readonly string[];
  /** Which of the init containers stay. */
  readonly sidecars?: readonly string[];
  readonly ephemeralContainers?: readonly string[];
  /** What every app container has beyond name and image. */
  readonly container?: Partial<Container>;
  readonly spec?: Partial<PodSpec>;
  readonly restartPolicy?: RestartPolicy;
  /** Set: the pod is being deleted. */
  readonly deletionGracePeriodSeconds?: number;
  readonly status?: PodStatus;
}

export function pod(options: PodOptions = {}): Pod {
  const { deletionGracePeriodSeconds, status } = options;
  const container = (name: string): Container => ({ name, image: "busybox" });
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: {
      name: "demo",
      namespace: "default",
      uid: "11111111-2222-4333-8444-555555555555",
      ...(deletionGracePeriodSeconds === undefined
        ? {}
        : { deletionTimestamp: "1970-01-01T00:00:00Z", deletionGracePeriodSeconds }),
    },
    spec: {
      containers: (options.containers ?? ["app"]).map((name) => ({
        ...container(name),
        ...options.container,
      })),
      initContainers: (options.initContainers ?? []).map((name) => ({
        ...container(name),
        ...(options.sidecars?.includes(name) && { restartPolicy: "Always" }),
      })),
      ...(options.ephemeralContainers && {
        ephemeralContainers: options.ephemeralContainers.map(container),
      }),
      restartPolicy: options.restartPolicy ?? "Always",
      ...options.spec,
    },
    ...(status === undefined ? {} : { status }),
  };
}

export function attempt(change: Partial<Attempt> = {}): Attempt {
  return {
    id: "ab".repeat(32) as ContainerId,
    number: 0,
    state: "running",
    sandbox: 1,
    image: "busybox",
    imageId: `sha256:${"cd".repeat(32)}`,
    pid: 100,
    startedAtMs: 0,
    finishedAtMs: 0,
    exitCode: 0,
    signal: 0,
    reason: "",
    message: "",
    ...change,
  };
}

export interface RecordOptions {
  readonly sandbox?: SandboxState;
  readonly generation?: number;
  readonly containers?: Readonly<Record<string, ContainerRecord>>;
}

export function record(options: RecordOptions = {}): PodRecord {
  return {
    uid: "11111111-2222-4333-8444-555555555555",
    namespace: "default",
    name: "demo",
    bootId: "boot",
    acceptedAtMs: 0,
    address: "10.85.0.2",
    sandbox: {
      state: options.sandbox ?? "ready",
      shimPid: 99,
      startedAtMs: 0,
      generation: options.generation ?? 1,
    },
    containers: options.containers ?? {},
  };
}
