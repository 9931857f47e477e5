/**
 * Entry of dist/start.cjs: runs the bundle of the command line with V8's code cache.
 *
 * V8 compiles a function when it is first called, and Node's own compile cache is written before any was: each
 * start compiled 700 functions again. Here the cache is written when a command has ended, once per command, so it
 * holds exactly what that command needs. A cache of another bundle has another name; one of another V8 is rejected
 * by V8 and written anew (v8.dev/blog/code-caching-for-devs).
 */
import { readFileSync, renameSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { constants, Script } from "node:vm";

/** Begin of the SHA-256 of cli.cjs, from the Makefile. */
declare const bundleId: string;

const bundle = `${import.meta.dirname}/cli.cjs`;
const cache = `${import.meta.dirname}/cache/${bundleId}-${verb(process.argv[2])}`;
const saved = read(cache);
// The bundle is ASCII. The wrapper is that of a CommonJS module; its line breaks keep the source map right.
const script = new Script(
  `(function (exports, require, module, __filename, __dirname) {${readFileSync(bundle, "latin1")}\n})`,
  {
    filename: bundle,
    // `nspod daemon` loads the daemon's bundle into its own process.
    importModuleDynamically: constants.USE_MAIN_CONTEXT_DEFAULT_LOADER,
    ...(saved && { cachedData: saved }),
  },
);
if (saved === undefined || script.cachedDataRejected === true) process.once("exit", save);
const module = { exports: {} };
const run = script.runInThisContext() as (...scope: readonly unknown[]) => void;
run.call(
  module.exports,
  module.exports,
  createRequire(bundle),
  module,
  bundle,
  import.meta.dirname,
);

/** Only what ended well is a command: a mistyped one leaves no file. */
function save(exitCode: number): void {
  if (exitCode !== 0) return;
  try {
    const whole = `${cache}.${process.pid}`;
    writeFileSync(whole, script.createCachedData(), { mode: 0o600 });
    renameSync(whole, cache);
  } catch {
    // Not root, a read-only or a full disk: the next start is as slow as this one.
  }
}

function verb(word = ""): string {
  return /^[a-z][a-z-]{0,19}$/.test(word) ? word : "options";
}

function read(path: string): Buffer | undefined {
  try {
    return readFileSync(path);
  } catch {
    return undefined;
  }
}
