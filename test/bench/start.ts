// How long a pod takes to start, in parts, and against a process that does nothing.
//
//   prompt → first output   `nspod run -d` as a user types it, until the container's first byte is in
//                           its log (the shim stamps it with the wall clock)
//   request → first output  a bare HTTP request on the socket, until the container's first byte
//   request → exec done     the daemon's own part of that, on its own clock: from the request's head until the
//                           shim has said that execve succeeded (what `nspod run --timings` shows)
//   node                    an empty script: the floor under every command
//
// Medians and minima of ROUNDS; only ratios within one run mean something, machines are noisy.
import { execFileSync, spawnSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { request } from "node:http";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { setTimeout as sleep } from "node:timers/promises";
import type { PodFacts } from "../../src/pod/pod-facts.ts";
import { Instance, NSPOD } from "../support/instance.ts";
import { load, manifest } from "../support/manifest.ts";
import { shell } from "../support/pods.ts";

const rounds = Number(process.env["ROUNDS"] ?? 15);
await using instance = await Instance.start();
await load(instance, "busybox");
// The first pod makes the bridge, the rules and the seccomp filter.
await instance.must(["run", "-d", "--wait", "running", "-"], { input: pod("warm") });

const floor: number[] = [];
const prompt: number[] = [];
const api: number[] = [];
const daemon: number[] = [];
const steps = new Map<string, number[]>();
for (let round = 0; round < rounds; round++) {
  floor.push(timed(() => spawnSync(process.execPath, ["-e", "0"])));
  prompt.push((await untilOutput(`cli-${round}`, (name) => runCommand(name))).output);
  const { output, exec } = await untilOutput(`api-${round}`, (name) => post(name));
  api.push(output);
  daemon.push(exec);
}
print("node -e 0", floor);
print("prompt → first output", prompt);
print("request → first output", api);
print("request → exec done", daemon);
for (const [step, own] of steps) print(`  ${step}`, own);

function pod(name: string): string {
  return manifest(name, { restartPolicy: "Never", containers: [shell("c", "echo")] });
}

function timed(work: () => void): number {
  const begin = performance.now();
  work();
  return performance.now() - begin;
}

/** Milliseconds from the call to the first line in the container's log, and to the end of execve. */
async function untilOutput(
  name: string,
  start: (name: string) => Promise<void>,
): Promise<{ readonly output: number; readonly exec: number }> {
  // The kernel takes the network namespace of the pod before apart for about 50 ms, under the lock
  // that a new link needs.
  await sleep(300);
  const begin = Date.now();
  await start(name);
  await instance.must(["logs", "-f", name]);
  const { uid } = (
    JSON.parse(await instance.must(["get", "pod", name, "-o", "json"])) as {
      metadata: { uid: string };
    }
  ).metadata;
  const folder = join(instance.root, "pods", uid, "logs", "c");
  const [file] = readdirSync(folder);
  const [stamp] = readFileSync(join(folder, file ?? ""), "utf8").split(" ");
  const exec = await executedAfter(name);
  await instance.must(["delete", "pod", name]);
  // The stamp has nanoseconds, Date has milliseconds: add what is cut off.
  const fraction = Number(`0.${/\.(\d+)Z/.exec(stamp ?? "")?.[1] ?? 0}`) * 1000;
  return { output: Math.floor(Date.parse(stamp ?? "") / 1000) * 1000 + fraction - begin, exec };
}

/** The last step of the pod's start, ms; every step's own time is kept. */
async function executedAfter(name: string): Promise<number> {
  const facts = JSON.parse(
    await ask("GET", `/nspod/v1/namespaces/default/pods/${name}/facts`),
  ) as PodFacts;
  const { start: done = [] } = facts;
  for (const [index, { step, atMs }] of done.entries()) {
    const own = atMs - (done[index - 1]?.atMs ?? 0);
    steps.set(step, [...(steps.get(step) ?? []), own]);
  }
  return done.at(-1)?.atMs ?? Number.NaN;
}

async function runCommand(name: string): Promise<void> {
  execFileSync(NSPOD, ["run", "-d", "-"], {
    input: pod(name),
    env: { ...process.env, ...instance.env },
  });
}

async function post(name: string): Promise<void> {
  await ask("POST", "/api/v1/namespaces/default/pods", pod(name));
}

function ask(method: string, path: string, body?: string): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const call = request({
    socketPath: join(instance.run, "nspod.sock"),
    method,
    path,
    headers: { "content-type": "application/json" },
  });
  call.on("error", reject);
  call.on("response", (response) => {
    text(response).then(resolve, reject);
  });
  call.end(body);
  return promise;
}

function print(title: string, values: readonly number[]): void {
  const sorted = values.toSorted((a, b) => a - b);
  const median = sorted[Math.floor(sorted.length / 2)] ?? 0;
  console.log(
    `${title.padEnd(46)} median ${median.toFixed(1).padStart(7)} ms   minimum ${(sorted[0] ?? 0).toFixed(1).padStart(7)} ms`,
  );
}
