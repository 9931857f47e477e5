// Where results go. Also a command of its own: `write-results.ts FOLDER` writes table, plot and README again out of
// FOLDER/results.json, for a change of their form.
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { plotResults } from "./plot.ts";
import { replaceSection } from "./readme.ts";
import type { Results } from "./results.ts";
import { formatResults } from "./table.ts";

const repository = join(import.meta.dirname, "../..");
/** What README.md shows, in the repository. */
export const shownFolder: string = join(repository, "test/bench/results");

/** Writes results.json, table.md and plot.svg; README.md, too, when it is the folder that it shows. */
export function writeResults(results: Results, folder: string): void {
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "results.json"), `${JSON.stringify(results, rounded)}\n`);
  writeFileSync(join(folder, "table.md"), formatResults(results));
  writeFileSync(join(folder, "plot.svg"), plotResults(results));
  if (folder !== shownFolder) return;
  const readme = join(repository, "README.md");
  writeFileSync(readme, replaceSection(readFileSync(readme, "utf8"), results));
}

/** A microsecond is as fine as anything here is measured. */
function rounded(_key: string, value: unknown): unknown {
  return typeof value === "number" ? Math.round(value * 1000) / 1000 : value;
}

if (import.meta.main) {
  const folder = process.argv[2] ?? shownFolder;
  writeResults(JSON.parse(readFileSync(join(folder, "results.json"), "utf8")) as Results, folder);
}
