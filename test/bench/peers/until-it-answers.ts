// A daemon that was just started and says nothing when it is ready: asked until it answers.

import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { type Command, CommandFailure, type Room } from "../room.ts";
import { reasonOf } from "../rounds.ts";

const limitMs = 30_000;

/** @throws CommandFailure with the last words of the daemon. */
export async function untilItAnswers(room: Room, question: Command, log: string): Promise<void> {
  const deadline = performance.now() + limitMs;
  for (;;) {
    try {
      await room.time(question, { deadlineMs: 5000 });
      return;
    } catch (error) {
      if (performance.now() < deadline) {
        await sleep(100);
        continue;
      }
      const said = readFileSync(log, "utf8").trim().split("\n").at(-1);
      throw new CommandFailure(`${reasonOf(error)}; its daemon said: ${said}`);
    }
  }
}
