// A small pod and everything else that planContainer() takes, for tests to change one thing of.
import type { PlanInput } from "../../../src/container/plan.ts";
import { CAPABILITY_NAMES } from "../../../src/spec/capabilities.ts";
import type { Container, Pod, PodSpec } from "../../../src/spec/pod.ts";

export interface InputChanges {
  readonly container?: Partial<Container>;
  readonly spec?: Partial<PodSpec>;
  readonly image?: Partial<PlanInput["image"]>;
  readonly input?: Partial<PlanInput>;
}

/** Stands for a filter; plans only carry it. */
export const someFilter: { readonly program: Buffer; readonly logs: boolean } = {
  program: Buffer.alloc(8, 1),
  logs: false,
};

export function planInput(changes: InputChanges = {}): PlanInput {
  const container: Container = {
    name: "web",
    image: "busybox",
    command: ["sleep", "1d"],
    ...changes.container,
  };
  const pod: Pod = {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name: "pod", namespace: "default", uid: "1f" },
    spec: { containers: [container], ...changes.spec },
  };
  return {
    pod,
    container,
    list: "containers",
    index: 0,
    image: {
      entrypoint: [],
      cmd: [],
      env: [],
      user: "",
      workingDir: "",
      volumes: [],
      ...changes.image,
    },
    imageUser: { uid: 0, gid: 0, groups: [0], name: "root", home: "/root" },
    layers: ["/layers/a", "/layers/b"],
    skeleton: "/skeleton/1",
    folder: "/pods/1f/containers/web/0",
    mountPoint: "/run/root",
    files: { hosts: "/f/hosts", hostname: "/f/hostname", resolvConf: "/f/resolv.conf" },
    volumes: new Map(),
    shmFolder: "/run/shm",
    hostname: "pod",
    nodeMemoryBytes: 1 << 30,
    hostDevices: [
      { path: "fuse", type: "c", major: 10, minor: 229, mode: 0o666, uid: 0, gid: 0 },
      { path: "net/tun", type: "c", major: 10, minor: 200, mode: 0o600, uid: 0, gid: 5 },
    ],
    nodeCapabilities: CAPABILITY_NAMES,
    cpuNames: ["cpu0"],
    seccomp: () => someFilter,
    ...changes.input,
  };
}
