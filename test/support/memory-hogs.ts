// A pod whose containers all end in one moment: some take more memory than they may, the others are killed or leave with
// the same exit code by themselves.
import { closeSync, constants, mkdtempSync, openSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Container } from "../../src/spec/pod.ts";
import { type Pods, shell, statusOf } from "./pods.ts";
import { mustRun } from "./run-command.ts";

interface Kind {
  /** What a container does when it is let go. */
  readonly script: string;
  readonly reason: "OOMKilled" | "Error";
  /** SIGKILL comes from the host. */
  readonly isKilled?: boolean;
}

const hogs: readonly Kind[] = [
  { script: "exec tail /dev/zero", reason: "OOMKilled" },
  // The child is what grows; its parent would go on.
  { script: "tail /dev/zero; exec sleep 100000", reason: "OOMKilled" },
  { script: "sleep 100000 & tail /dev/zero | cat; wait", reason: "OOMKilled" },
];
const strangers: readonly Kind[] = [
  { script: "exec sleep 100000", reason: "Error", isKilled: true },
  { script: "exit 137", reason: "Error" },
  { script: "sleep 100000 & kill -9 $!; wait $!; exit $?", reason: "Error" },
];

export interface WrongEnd {
  readonly container: string;
  readonly script: string;
  readonly reason: string | undefined;
  readonly exitCode: number | undefined;
}

/**
 * Runs such a pod to its end. Needs the memory controller of cgroup v2.
 * @param count - of containers that take too much; beside them is one of each other kind.
 * @param meanwhile - runs when they have been let go.
 * @returns whose reason or exit code is not what it should be.
 */
export async function endHogs(
  pods: Pods,
  name: string,
  count: number,
  meanwhile: () => Promise<unknown> = async () => undefined,
): Promise<readonly WrongEnd[]> {
  const kinds = [...Array.from({ length: count }, (_, n) => nth(hogs, n)), ...strangers];
  const named = kinds.map((kind, n) => ({ ...kind, container: `c${n}` }));
  const gate = mkdtempSync(join(tmpdir(), "nspod-gate-"));
  const fifo = join(gate, "open");
  let writer: number | undefined;
  try {
    await mustRun("mkfifo", [fifo]);
    await pods.up(name, {
      volumes: [{ name: "gate", hostPath: { path: gate } }],
      containers: named.map(({ container, script }) => gated(container, script)),
    });
    const victims = named.filter(({ isKilled }) => isKilled).map(({ container }) => container);
    const pids = (await Promise.all(victims.map((each) => pods.pids(name, each)))).flat();
    writer = openSync(fifo, constants.O_RDWR);
    for (const pid of pids) process.kill(pid, "SIGKILL");
    await meanwhile();
    const pod = await pods.untilEnded(name, 60_000);
    const ends = named.map(({ container, script, reason: wanted }) => {
      const { reason, exitCode } = statusOf(pod, container).state?.terminated ?? {};
      return { container, script, reason, exitCode, isRight: reason === wanted };
    });
    await pods.delete(name);
    return ends
      .filter(({ isRight, exitCode }) => !isRight || exitCode !== 137)
      .map(({ isRight: _, ...end }) => end);
  } finally {
    if (writer !== undefined) closeSync(writer);
    rmSync(gate, { recursive: true });
  }
}

/**
 * A container that stands before the gate, a FIFO without a writer (fifo(7)): in the shell itself, so that whoever kills
 * its processes meets none that ends meanwhile.
 */
function gated(name: string, script: string): Container {
  return shell(name, `: </gate/open; ${script}`, {
    resources: { limits: { memory: "16Mi" } },
    volumeMounts: [{ name: "gate", mountPath: "/gate" }],
  });
}

function nth<T>(list: readonly T[], index: number): T {
  const found = list[index % list.length];
  if (found === undefined) throw new Error("The list is empty");
  return found;
}
