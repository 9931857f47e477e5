/** Where the built C products are: beside the bundle, or in dist/ when the sources run as they are. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { PodError } from "../base/errors.ts";

/**
 * The absolute path of a product of native/, e.g. "libnspod.so" or "nspod-shim".
 * @throws PodError FailedPrecondition when it has not been built.
 */
export function nativePath(name: string): string {
  const here = import.meta.dirname;
  for (const folder of [join(here, "native"), join(here, "../../dist/native")]) {
    const path = join(folder, name);
    if (existsSync(path)) return path;
  }
  throw new PodError("FailedPrecondition", `Cannot find "${name}": run "make" to build it`);
}
