// The table of test/security/README.md as data.
import { readFileSync } from "node:fs";
import { join } from "node:path";

export interface NamedTest {
  /** Below test/, e.g. "integration/sandbox.test.ts". */
  readonly file: string;
  /** A part of the test's name, as it stands in the file. */
  readonly name: string;
}

export interface SecurityRow {
  readonly id: string;
  readonly what: string;
  readonly tests: readonly NamedTest[];
  readonly where: string;
  /** "yes", "part: …" or "no: …". */
  readonly result: string;
}

export const testFolder: string = join(import.meta.dirname, "..");

/** The rows in the order of the page. @throws Error for a row that is none. */
export function securityTable(): SecurityRow[] {
  const text = readFileSync(join(testFolder, "security/README.md"), "utf8");
  const lines = text.split("\n").filter((line) => /^\| [A-Z]+-\d/.test(line));
  return lines.map((line) => {
    const cells = line.split(" | ");
    if (cells.length !== 5) throw new Error(`A row has five cells: ${line}`);
    const [id = "", what = "", tests = "", where = "", result = ""] = cells;
    return {
      id: id.replace(/^\| /, ""),
      what,
      tests: [...tests.matchAll(/`([^`]+)` "([^"]+)"/g)].map(([, file = "", name = ""]) => ({
        file: `${file}.test.ts`,
        name,
      })),
      where,
      result: result.replace(/ \|$/, ""),
    };
  });
}

/** Closing lines for `make test`. @param failedFiles - paths of test files that failed. */
export function securitySummary(failedFiles: readonly string[]): string[] {
  const rows = securityTable();
  const failed = rows.filter(({ tests }) =>
    tests.some(({ file }) => failedFiles.some((path) => path.endsWith(`test/${file}`))),
  );
  const tried = rows.filter(({ tests }) => tests.length > 0);
  const whole = tried.filter((row) => row.result === "yes" && !failed.includes(row));
  return [
    `security: ${rows.length} ids, ${whole.length} pass, ${failed.length} fail`,
    ...failed.map(({ id, what }) => `  FAILED ${id}: ${what}`),
    ...rows
      .filter((row) => row.result !== "yes" && !failed.includes(row))
      .map(({ id, result }) => `  ${id} ${result}`),
  ];
}
