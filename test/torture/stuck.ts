// Containers that stand still: one is frozen, one waits for a disk and does not even end by SIGKILL. The others start,
// answer and go meanwhile (security: C-21).
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { deletePod, waitUntilGone } from "../../src/cli/delete-pod.ts";
import type { ArmedPods } from "../support/armed-daemon.ts";
import { eventually } from "../support/eventually.ts";
import { type Pods, shell, sleeper } from "../support/pods.ts";
import { cgroup2MountPoint } from "../support/requires.ts";
import { runCommand } from "../support/run-command.ts";
import { type Figures, share } from "./figures.ts";

const others = share(20);

export async function stuck(figures: Figures, { pods }: ArmedPods): Promise<void> {
  await frozen(figures, pods);
  await unkillable(figures, pods);
}

async function frozen(figures: Figures, pods: Pods): Promise<void> {
  const { metadata } = await pods.up("frozen", { containers: [sleeper("main")] });
  const { cgroup } = pods.instance;
  const folder = `${cgroup2MountPoint()}${cgroup}/pod${metadata.uid}/main`;
  writeFileSync(join(folder, "cgroup.freeze"), "1");
  await live(figures, pods, "beside one that is frozen");
  const begin = performance.now();
  await pods.delete("frozen");
  const ms = Math.round(performance.now() - begin);
  figures.add("C-21", "a frozen pod is deleted", "10 s", `${ms} ms`, ms < 10_000);
}

async function unkillable(figures: Figures, pods: Pods): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "nspod-stuck-"));
  const disk = join(folder, "disk");
  const mount = join(folder, "mount");
  mkdirSync(mount);
  const must = async (file: string, ...args: readonly string[]): Promise<void> => {
    const { code, stderr } = await runCommand(file, args);
    if (code !== 0) throw new Error(`${file}: ${stderr}`);
  };
  await must("truncate", "-s", "64M", disk);
  await must("mkfs.ext4", "-q", disk);
  await must("mount", "-o", "loop", disk, mount);
  let isFrozen = false;
  try {
    const script = "echo ready; while :; do date > /disk/file; sync; done";
    const pod = await pods.up("waiting", {
      volumes: [{ name: "disk", hostPath: { path: mount } }],
      containers: [shell("main", script, { volumeMounts: [{ name: "disk", mountPath: "/disk" }] })],
    });
    await pods.untilLogged("waiting", "main", "ready");
    await must("fsfreeze", "--freeze", mount);
    isFrozen = true;
    // Before that SIGKILL would end it.
    await eventually("a process to wait for the disk", 20_000, async () => {
      const states = (await pods.pids("waiting", "main")).map(stateOf);
      return states.includes("D") ? true : undefined;
    });
    await deletePod(pods.client, pod, 0);
    const begin = performance.now();
    const told = eventually("the event that says so", 60_000, async () => {
      const events = await pods.events("waiting");
      return events.find(({ reason }) => reason === "FailedKillPod");
    });
    await live(figures, pods, "beside one that waits for a disk");
    await told;
    const seconds = (performance.now() - begin) / 1000;
    figures.add("C-21", "what it waits for is told", "event", `${seconds.toFixed(1)} s`, true);
    await must("fsfreeze", "--unfreeze", mount);
    isFrozen = false;
    const isGone = await waitUntilGone(pods.client, pod, AbortSignal.timeout(60_000));
    figures.add(
      "C-21",
      "it goes by itself when the disk answers",
      "gone",
      isGone ? "gone" : "there",
      isGone,
    );
  } finally {
    if (isFrozen) await must("fsfreeze", "--unfreeze", mount);
    await eventually("the disk to be let go", 30_000, async () => {
      await must("umount", mount);
      return true;
    });
    rmSync(folder, { recursive: true });
  }
}

/** "D" in uninterruptible sleep, "" when it has ended. */
function stateOf(pid: number): string {
  try {
    return /^State:\t(\w)/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1] ?? "";
  } catch {
    // ENOENT, ESRCH: ended meanwhile.
    return "";
  }
}

/** Pods that start, answer and go. */
async function live(figures: Figures, pods: Pods, where: string): Promise<void> {
  let slowest = 0;
  for (let number = 0; number < others; number++) {
    const begin = performance.now();
    await pods.up(`other-${number}`, { containers: [sleeper("main")] });
    await pods.ask(`other-${number}`, "echo here");
    await pods.delete(`other-${number}`);
    slowest = Math.max(slowest, performance.now() - begin);
  }
  const ms = `${Math.round(slowest)} ms`;
  figures.add(
    "C-21",
    `${others} pods start, answer and go ${where}`,
    "10 s each",
    ms,
    slowest < 10_000,
  );
}
