// What every part of a benchmark run finds: folders, compiled programs and images. Nothing of it is in the repository:
// the run's own folder is on tmpfs where there is one, because a disk measures itself.
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import type { TestImage } from "./images.ts";

export interface Place {
  /** Unique on this machine: begins the names of cgroups. */
  readonly name: string;
  /** Removed at the end of the run. */
  readonly folder: string;
  readonly stopwatch: string;
  readonly floor: string;
  /** Library that crun 1.8 is loaded with where root may not raise limits; see memlock.c. */
  readonly memlock: string;
  /** Programs of packages that are unpacked and not installed come first: `make bench-deps`. */
  readonly path: string;
  readonly small: TestImage;
  /** Made when a measure first asks for it. */
  readonly big: () => Promise<TestImage>;
}

let count = 0;

/** An empty folder below the run's own, and a name for what belongs to it. */
export function newCorner(
  place: Place,
  who: string,
): { readonly name: string; readonly folder: string } {
  const name = `${place.name}-${++count}-${who}`;
  const folder = join(place.folder, `${count}-${who}`);
  mkdirSync(folder);
  return { name, folder };
}
