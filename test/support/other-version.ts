// Another version of nspod: a copy of the sources with edits, built by the Makefile as this one is.
// Invariant: an edit whose text is not in its file exactly once is an error, never a version that is no other.
import { cpSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { runCommand } from "./run-command.ts";

export interface Edit {
  /** Below the repository. */
  readonly file: string;
  readonly from: string;
  readonly to: string;
}

/** What is built anew, made by running, or of no use. */
const notCopied: ReadonlySet<string> = new Set(["daemon.cjs", "daemon.cjs.map", "cache", "images"]);

const repository = join(import.meta.dirname, "../..");

/**
 * Builds the daemon of a version in a folder that does not exist yet; the rest are copies of ours.
 * @returns the path of its `nspod`
 */
export async function buildVersion(folder: string, edits: readonly Edit[]): Promise<string> {
  mkdirSync(folder);
  for (const name of ["src", "Makefile", "package.json", "package-lock.json", "tsconfig.json"]) {
    copy(join(repository, name), join(folder, name));
  }
  for (const name of readdirSync(join(repository, "dist"))) {
    if (!notCopied.has(name)) copy(join(repository, "dist", name), join(folder, "dist", name));
  }
  symlinkSync(join(repository, "node_modules"), join(folder, "node_modules"));
  for (const { file, from, to } of edits) {
    const path = join(folder, file);
    const parts = readFileSync(path, "utf8").split(from);
    if (parts.length !== 2) throw new Error(`"${from}" is ${parts.length - 1} times in ${file}`);
    writeFileSync(path, parts.join(to));
  }
  // The packages are there: nothing of ours could run without them.
  const built = await runCommand("make", ["-C", folder, "-o", "deps", "dist/daemon.cjs"], {
    timeoutMs: 60_000,
  });
  if (built.code !== 0) throw new Error(built.stderr + built.stdout);
  return join(folder, "dist/nspod");
}

function copy(from: string, to: string): void {
  cpSync(from, to, { recursive: true, preserveTimestamps: true });
}
