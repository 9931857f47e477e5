/** The last word on a layer: are its unpacked bytes those that the image's config names? */
import { PodError } from "../base/errors.ts";
import type { Digest } from "../base/ids.ts";

/**
 * @param found - undefined: the bytes are known to be the right ones.
 * @throws PodError InvalidArgument when the bytes were not those of the diffID.
 */
export function verify(found: Digest | undefined, diffId: Digest): void {
  if (found === undefined || found === diffId) return;
  throw new PodError(
    "InvalidArgument",
    `its unpacked digest is ${found}: the archive is damaged or was edited`,
  );
}
