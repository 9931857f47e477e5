// A suite of tests that share one instance: the images are loaded once, and the last test is that
// nothing is left behind. (In an `after` hook uvu would hide the failures of the tests.)
import { suite } from "uvu";
import { Pods } from "./pods.ts";
import { withDeadline } from "./with-deadline.ts";

export interface PodSuite {
  /** Adds a test with a deadline of `ms` (default 30000). */
  readonly test: (name: string, body: (pods: Pods) => Promise<void>, ms?: number) => void;
  /** Adds the leak census and runs. */
  readonly run: () => void;
}

/** A suite named after the promise, on an instance with these images of dist/images. */
export function podSuite(promise: string, ...images: readonly string[]): PodSuite {
  const tests = suite(promise);
  let pods: Pods | undefined;
  tests.before(async () => {
    try {
      pods = await Pods.start(...images);
    } catch (error) {
      // uvu fails every test then and keeps the reason to itself.
      console.error(error);
      throw error;
    }
  });
  const started = (): Pods => {
    if (pods !== undefined) return pods;
    throw new Error("The instance did not start");
  };
  return {
    test: (name, body, ms = 30_000) => {
      tests(
        name,
        withDeadline(ms, async () => await body(started())),
      );
    },
    run: () => {
      tests(
        "leaves nothing on the machine",
        withDeadline(60_000, async () => await started().close()),
      );
      tests.run();
    },
  };
}
