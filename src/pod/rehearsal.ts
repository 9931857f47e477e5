/**
 * A rehearsal of a pod's start: its pure part, a few times, on a pod that does not exist. V8 runs code
 * that it sees for the first time ten times slower, and a start runs a lot of code once: decoding,
 * planning and writing down two programs take 29 ms the first time, 7 ms the second, 1 ms the twentieth
 * (decision 0207).
 *
 * Nothing is made, and nothing of it reaches the store, the kernel or the disk.
 */
import { setImmediate as breathe } from "node:timers/promises";
import { compileContainer } from "../container/compile.ts";
import { planContainer } from "../container/plan.ts";
import { attachmentFor, compileAttach } from "../net/attach.ts";
import { placePod } from "../scheduler/place-pod.ts";
import { compileLaunch } from "../shim/launch.ts";
import { encodeStart } from "../shim/protocol.ts";
import { decodePod } from "../spec/decode-json.ts";
import { defaultPod } from "../spec/default-pod.ts";
import type { Node } from "../spec/kubernetes.gen.ts";
import type { Pod } from "../spec/pod.ts";
import { validatePod } from "../spec/validate-pod.ts";
import type { EngineContext } from "./context.ts";
import { attemptFolder, podFolders, rootMountPoint } from "./folders.ts";
import { hostFilePaths } from "./host-files.ts";
import { launchRequest } from "./sandbox.ts";

/** Measured: the times fall until about here. */
const rounds = 20;

/** Room for the pod that does not exist. */
const exampleNode: Node = {
  apiVersion: "v1",
  kind: "Node",
  metadata: { name: "rehearsal", namespace: "", uid: "rehearsal" },
  status: { allocatable: { cpu: "1", memory: "1Gi", pods: "2" } },
};

/** Text, because decoding it is a part of the work. */
const manifest = JSON.stringify({
  apiVersion: "v1",
  kind: "Pod",
  metadata: { name: "rehearsal", namespace: "default" },
  spec: {
    containers: [
      {
        name: "main",
        image: "rehearsal",
        command: ["/bin/sh", "-c", "exit"],
        env: [{ name: "NAME", value: "value" }],
      },
    ],
  },
});

/**
 * Rehearses in the pauses between other work; a request waits for one round at most.
 * @param filter - the compiled default seccomp filter.
 * @param isOver - ends it early: a pod has come that is not to wait, or the daemon ends.
 */
export async function rehearse(
  context: EngineContext,
  filter: Buffer,
  isOver: () => boolean,
): Promise<void> {
  for (let round = 0; round < rounds && !isOver(); round++) {
    rehearseOnce(context, filter);
    await breathe();
  }
}

/** @returns the bytes that a shim and a container would be started with. */
export function rehearseOnce(context: EngineContext, filter: Buffer): readonly Buffer[] {
  const pod = decoded();
  placePod(pod, { nodes: [{ node: exampleNode, pods: [pod] }], namespaceLabels: () => ({}) });
  const { uid } = pod.metadata;
  const folders = podFolders(context.instance, uid);
  const launch = compileLaunch(
    launchRequest(context, pod, {
      compile: (program) => {
        const pool = { gateway: "192.0.2.1", prefixLength: 24 };
        compileAttach(program, attachmentFor("192.0.2.2", { index: 1 }, pool), -1);
      },
    }),
    -1,
  );
  return [launch.encode(), encodedStart(context, pod, folders, filter)];
}

function decoded(): Pod {
  const wish = decodePod(JSON.parse(manifest));
  const pod = defaultPod(wish, { randomSuffix: () => "" });
  validatePod(pod);
  return { ...pod, metadata: { ...pod.metadata, uid: "rehearsal" } };
}

function encodedStart(
  context: EngineContext,
  pod: Pod,
  folders: ReturnType<typeof podFolders>,
  filter: Buffer,
): Buffer {
  const [container] = pod.spec.containers;
  if (container === undefined) return Buffer.alloc(0);
  const folder = attemptFolder(folders, container.name, 0);
  const plan = planContainer({
    pod,
    container,
    index: 0,
    list: "containers",
    image: {
      entrypoint: [],
      cmd: ["/bin/sh"],
      env: ["PATH=/bin"],
      user: "",
      workingDir: "",
      volumes: [],
    },
    imageUser: { uid: 0, gid: 0, groups: [0], name: "root", home: "/root" },
    layers: ["/layer"],
    skeleton: "/skeleton",
    folder,
    mountPoint: rootMountPoint(context.instance),
    files: { ...hostFilePaths(folders), terminationLog: `${folder}/termination-log` },
    volumes: new Map(),
    shmFolder: folders.shm,
    hostname: "rehearsal",
    nodeMemoryBytes: context.nodeMemoryBytes,
    hostDevices: [],
    nodeCapabilities: context.nodeCapabilities,
    cpuNames: ["cpu0"],
    seccomp: () => ({ program: filter, logs: false }),
  });
  const { programs, cloneFlags } = compileContainer(plan);
  return encodeStart({
    id: "rehearsal",
    prelude: programs.prelude?.encode(),
    program: programs.program.encode(),
    postlude: programs.postlude?.encode(),
    cloneFlags,
    cgroup: "",
    tty: false,
    stdin: false,
    stdinOnce: false,
  });
}
