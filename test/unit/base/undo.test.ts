import { suite } from "uvu";
import * as assert from "uvu/assert";
import { Undo } from "../../../src/base/undo.ts";

const undo = suite("Undo");

undo("runs the steps backwards at the end of the scope", async () => {
  const ran: string[] = [];
  {
    await using steps = new Undo();
    steps.push("first", () => void ran.push("first"));
    steps.push("second", async () => void ran.push("second"));
  }
  assert.equal(ran, ["second", "first"]);
});

undo("runs nothing after keep()", async () => {
  let count = 0;
  {
    await using steps = new Undo();
    steps.push("step", () => void count++);
    steps.keep();
  }
  assert.is(count, 0);
});

undo("runs the remaining steps when one fails, and reports it by name", async () => {
  let isFirstUndone = false;
  const failing = async (): Promise<void> => {
    await using steps = new Undo();
    steps.push("first", () => {
      isFirstUndone = true;
    });
    steps.push("broken", () => {
      throw new Error("no");
    });
  };
  try {
    await failing();
    assert.unreachable();
  } catch (error) {
    assert.instance(error, AggregateError);
    assert.match(String((error as AggregateError).errors[0]), /Cannot undo "broken"/);
  }
  assert.ok(isFirstUndone);
});

undo.run();
