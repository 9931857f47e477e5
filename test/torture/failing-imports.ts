// An import that fails at each of its writes, each time that it comes by, with each error (security: C-06).
import * as assert from "uvu/assert";
import { FailingStore, importErrors, importSteps } from "../support/failing-import.ts";
import { type Figures, share } from "./figures.ts";

/** Times that an import comes by a step, at most; it ends earlier where it comes by less often. */
const most = share(100);

export async function failingImports(figures: Figures): Promise<void> {
  await using failing = new FailingStore();
  let failed = 0;
  for (const code of importErrors) {
    for (const step of importSteps) {
      for (let time = 1; time <= most; time++) {
        if (!(await failing.failAt(step, time, code))) {
          await failing.assertLoaded(`${step} ${time}`);
          break;
        }
        failed++;
        assert.is(await failing.load(), undefined);
        await failing.assertLoaded(`after ${step} ${time}`);
      }
    }
  }
  const least = Math.min(most, 2) * importErrors.length * importSteps.length;
  figures.add("C-06", "imports that failed, and left nothing", `${least}`, failed, failed >= least);
}
