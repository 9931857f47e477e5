// A request that is repeated until it is granted, as people do.
import { isPodError } from "../../src/base/errors.ts";
import { eventually } from "./eventually.ts";

/** That it was done already, or that there is nothing to do any more, is as good. */
export async function persist(request: () => Promise<void>): Promise<void> {
  await eventually("the request to be granted", 60_000, async () => {
    try {
      await request();
    } catch (error) {
      if (!isPodError(error, "AlreadyExists") && !isPodError(error, "NotFound")) throw error;
    }
    return true;
  });
}
