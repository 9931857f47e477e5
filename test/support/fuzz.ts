// `make fuzz SECONDS=60`: runs the properties of the unit tests with new seeds for about so many seconds
// in all. A failure prints seed and smallest example: put it into the test as an `examples` entry.
import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { join, relative } from "node:path";

const seconds = Number(process.argv[2] ?? "60");
const unit = join(import.meta.dirname, "../unit");
const targets = readdirSync(unit, { recursive: true, encoding: "utf8" })
  .filter((name) => name.endsWith(".test.ts"))
  .map((name) => join(unit, name))
  .map((path) => ({ path, count: readFileSync(path, "utf8").split("fc.assert").length - 1 }))
  .filter(({ count }) => count > 0);
const properties = targets.reduce((sum, { count }) => sum + count, 0);
const budgetMs = Math.max(250, Math.ceil((1000 * seconds) / properties));

let failed = 0;
for (const { path, count } of targets) {
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    ["--import", join(import.meta.dirname, "fuzz-budget.ts"), path],
    {
      env: { ...process.env, NSPOD_FUZZ_MS: String(budgetMs), NODE_NO_WARNINGS: "1" },
      encoding: "utf8",
    },
  );
  const words = `${relative(process.cwd(), path)}: ${count} properties`;
  if (status === 0) {
    console.log(`ok   ${words}`);
    continue;
  }
  // One run of it takes longer than its time: no word about the property.
  if (
    stdout.includes("Property interrupted after 0 tests") &&
    !stdout.includes("Property failed")
  ) {
    console.log(`slow ${words}`);
    continue;
  }
  failed++;
  console.log(`FAIL ${words}\n${stdout}${stderr}`);
}
console.log(
  `${targets.length - failed} passed, ${failed} failed: ${properties} properties, ${budgetMs} ms each`,
);
process.exitCode = failed > 0 ? 1 : 0;
