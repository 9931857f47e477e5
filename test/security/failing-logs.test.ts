// Promise: a log that cannot be written costs the lines that are written then, and never a container, another line or
// the exit code (security: C-06).
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { ArmedPods } from "../support/armed-daemon.ts";
import { NSPOD } from "../support/instance.ts";
import { LiveCommand } from "../support/live-command.ts";
import { type Pods, shell, statusOf } from "../support/pods.ts";
import { requires } from "../support/requires.ts";
import { withDeadline } from "../support/with-deadline.ts";

requires("root");

const logs = suite("a log that cannot be written");
let armed: ArmedPods;
let pods: Pods;

logs.before(async () => {
  armed = await ArmedPods.start("busybox");
  pods = armed.pods;
});

const count = 6;
const numbers = Array.from({ length: count }, (_, index) => index + 1);

/** Writes a line for each one that it reads, and ends with 7. */
const writer = shell(
  "main",
  `for i in ${numbers.join(" ")}; do read -r _; echo "line-$i"; done; exit 7`,
  {
    stdin: true,
  },
);

/** Has a container write line by line, each read by the shim before the next one is asked for. @returns its log. */
async function logOf(name: string): Promise<string> {
  await pods.up(name, { containers: [writer] });
  await using live = new LiveCommand(NSPOD, ["attach", "-i", name], { env: pods.instance.env });
  for (const number of numbers) {
    live.write("\n");
    await live.says(new RegExp(`^line-${number}$`, "m"));
  }
  assert.is(await live.exit(), 7);
  const pod = await pods.untilEnded(name);
  assert.is(statusOf(pod, "main").state?.terminated?.exitCode, 7);
  assert.is(statusOf(pod, "main").restartCount, 0);
  const text = await pods.log(name);
  await pods.delete(name);
  return text;
}

const errors = ["ENOSPC", "EIO", "EMFILE"] as const;

function linesOf(some: readonly number[]): string {
  return some.map((number) => `line-${number}\n`).join("");
}

for (const first of [1, 2]) {
  logs(
    `at its Nth write has all lines but this one: every second from ${first} on`,
    withDeadline(60_000, async () => {
      const lost = numbers.filter((number) => number % 2 === first % 2);
      const points = lost.map(
        (number, index) => `shim.log-write=error(${errors[index % errors.length]}):@${number}`,
      );
      await armed.next(points.join(";"));
      assert.is(await logOf("torn"), linesOf(numbers.filter((number) => !lost.includes(number))));
    }),
  );
}

logs(
  "from its Nth write on has what was written before",
  withDeadline(60_000, async () => {
    await armed.next("shim.log-write=error(ENOSPC):@3+");
    assert.is(await logOf("full"), linesOf([1, 2]));
  }),
);

logs(
  "because it cannot be opened lets the container start a moment later, with its log",
  withDeadline(60_000, async () => {
    await armed.next("shim.log-open=error(EMFILE):1");
    assert.is(await logOf("opened"), linesOf(numbers));
  }),
);

logs(
  "leaves nothing",
  withDeadline(60_000, async () => await armed.close()),
);

logs.run();
