// Asserts that something throws a PodError with this reason and sentence.
import * as assert from "uvu/assert";
import { isPodError } from "../../../src/base/errors.ts";

export function throwsPodError(
  act: () => unknown,
  reason: string | undefined,
  message: string,
): void {
  let thrown: unknown;
  try {
    act();
  } catch (error) {
    thrown = error;
  }
  if (!isPodError(thrown)) {
    throw thrown instanceof Error ? thrown : new Error("nothing was thrown");
  }
  assert.is(thrown.message, message);
  assert.is(thrown.data["reason"], reason);
}
