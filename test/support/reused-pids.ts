// Commands in containers that end and come again while process ids are few and used again at once, beside a container
// whose processes are new all the time: whoever goes by the number of a process finds another one.
import { deletePod, waitUntilGone } from "../../src/cli/delete-pod.ts";
import type { PodSpec } from "../../src/spec/pod.ts";
import { execByApi } from "./exec-by-api.ts";
import { forks, turns, withFewPids, withTracedSignals } from "./few-pids.ts";
import { patient } from "./patience.ts";
import { type Pods, shell, statusOf } from "./pods.ts";
import { pidsWith } from "./processes.ts";

/** Ids in all; the machine itself has some dozens of the 212 that come again. */
const limit = 512;
/** Commands at the same time in one container, before and after its first process is killed. */
const atOnce = 8;
const marker = `10${process.pid}`;

export interface Outcome {
  /** Commands that were sent. */
  readonly asked: number;
  /** Commands that said where they are. */
  readonly answered: number;
  /** Answers that are neither the right one nor a refusal, and what was done to the container beside them. */
  readonly wrong: readonly string[];
  /** Signals to the sleeping processes of that container, which nobody meant; first the one of this test. */
  readonly signals: readonly string[];
  /** How often each id was used. */
  readonly turns: number;
}

/** @param execs - how many commands; rounded up to whole pods. */
export async function execWhilePidsComeAgain(pods: Pods, execs: number): Promise<Outcome> {
  return await withFewPids(limit, async () => {
    const wrong: string[] = [];
    let asked = 0;
    let answered = 0;
    const script = `sleep ${marker} & while :; do sleep 0.05 || echo "hit: $?"; done`;
    const before = await pods.up("bystander", inSpiteOfPressure(script));
    await pods.up("burner", inSpiteOfPressure("while :; do true & wait; done"));
    const begin = forks();
    const signals = await withTracedSignals("sleep", async () => {
      // Shows that signals are seen.
      for (const pid of pidsWith(`sleep\0${marker}`)) process.kill(pid, "SIGCONT");
      while (asked < execs) {
        const name = `pod-${asked}`;
        for (const answer of await execUntilGone(pods, name)) {
          asked++;
          if (answer === name) answered++;
          else if (!isRefusal(answer)) wrong.push(`${name}: ${answer}`);
        }
      }
    });
    const used = turns(limit, begin);
    const after = statusOf(await pods.get("bystander"), "main");
    if (after.containerID !== statusOf(before, "main").containerID) wrong.push("bystander ended");
    wrong.push(...(await pods.log("bystander")).split("\n").filter(Boolean));
    await pods.delete("bystander", "burner");
    return { asked, answered, wrong, signals, turns: used };
  });
}

/** A pod that is asked, killed, asked when it has started again, and deleted meanwhile. @returns what it answered. */
async function execUntilGone(pods: Pods, name: string): Promise<string[]> {
  const env = [{ name: "OWN", value: name }];
  await pods.up(name, inSpiteOfPressure("exec tail -f /dev/null", env));
  const ask = (): Promise<string>[] =>
    Array.from({ length: atOnce }, async () => {
      try {
        const { code, text } = await execByApi(pods.client, name, ["sh", "-c", "echo $OWN"]);
        const said = text.trim();
        // It may be killed with its container when it has spoken.
        return code === 0 || (code === 137 && said !== "") ? said : `exit code ${code}: ${said}`;
      } catch (error) {
        return String(error);
      }
    });
  const first = ask();
  await Promise.race(first);
  for (const pid of await pods.pids(name, "main")) {
    if (pidsWith("tail\0-f").includes(pid)) process.kill(pid, "SIGKILL");
  }
  await pods.until(name, "another attempt", (pod) => statusOf(pod, "main").restartCount > 0);
  const second = ask();
  await Promise.race(second);
  const pod = await pods.get(name);
  // With a moment for its stop signal.
  await deletePod(pods.client, pod, 1);
  const answers = await Promise.all([...first, ...second]);
  await waitUntilGone(pods.client, pod, AbortSignal.timeout(patient(30_000)));
  return answers;
}

/** The command was told that it cannot run, or was killed with its container. */
function isRefusal(answer: string): boolean {
  return /^PodError: ./.test(answer) || answer === "exit code 137: ";
}

/** The node says that it has few ids left, and takes no other pods. */
function inSpiteOfPressure(
  script: string,
  env: readonly { readonly name: string; readonly value: string }[] = [],
): PodSpec {
  const containers = [shell("main", script, { env })];
  return { restartPolicy: "Always", containers, tolerations: [{ operator: "Exists" }] };
}
