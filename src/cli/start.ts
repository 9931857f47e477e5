/**
 * Entry of dist/start.cjs: runs the command line, which the Makefile leaves in parts in dist/cli, with V8's code cache.
 *
 * A command reads the parts that it needs, from one file that its first run has left: their texts and what V8 compiled
 * of them. V8 compiles a function when it is first called, and Node's own compile cache is written before any was; here
 * the cache is written when a command has ended, so it holds what that command needs.
 *
 *   dist/cache/<id>-<verb>   a line of JSON: [[name, bytes of text, bytes of cache] …], then text and cache of each
 *
 * Caches of other parts have another name; what another V8 compiled is rejected by V8 and written anew
 * (v8.dev/blog/code-caching-for-devs).
 */
import { readFileSync, renameSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { Script } from "node:vm";

/** Begin of the SHA-256 of all parts, from the Makefile. */
declare const partsId: string;

interface Part {
  readonly text: string;
  readonly saved?: Buffer;
}

interface Module {
  readonly exports: object;
}

const dist = import.meta.dirname;
const file = `${dist}/start.cjs`;
const cache = `${dist}/cache/${partsId}-${verb(process.argv[2])}`;
const requireOthers = createRequire(file);
const known = readParts();
const modules = new Map<string, Module>();
const scripts = new Map<string, Script>();
let isKnown = true;
/**
 * Commander asks for node:child_process at once, for commands that are programs of their own. Loading it takes 2 ms, and
 * few of our commands start a program.
 */
const childProcess = Object.defineProperties(
  {},
  Object.fromEntries(
    [
      "ChildProcess",
      "exec",
      "execFile",
      "execFileSync",
      "execSync",
      "fork",
      "spawn",
      "spawnSync",
    ].map((name) => [
      name,
      { enumerable: true, get: (): unknown => requireOthers("node:child_process")[name] },
    ]),
  ),
);

process.once("exit", save);
load("main.js");

function load(name: string): object {
  const loaded = modules.get(name);
  if (loaded !== undefined) return loaded.exports;
  const part = known.get(name) ?? { text: readFileSync(`${dist}/cli/${name}`, "latin1") };
  // Parts are ASCII. The wrapper is that of a CommonJS module; its line breaks keep the source map right.
  const script = new Script(
    `(function (exports, require, module, __filename, __dirname) {${part.text}\n})`,
    { filename: `${dist}/cli/${name}`, ...(part.saved && { cachedData: part.saved }) },
  );
  if (part.saved === undefined || script.cachedDataRejected === true) isKnown = false;
  known.set(name, part);
  scripts.set(name, script);
  const module = { exports: {} };
  modules.set(name, module);
  const run = script.runInThisContext() as (...scope: readonly unknown[]) => void;
  // To what looks for files beside it, the command line is one program in dist.
  run.call(module.exports, module.exports, requirePart, module, file, dist);
  return module.exports;
}

function requirePart(name: string): unknown {
  if (name.startsWith("./")) return load(name.slice(2));
  return name === "node:child_process" ? childProcess : requireOthers(name);
}

/** Only what ended well is a command: a mistyped one leaves no file. */
function save(exitCode: number): void {
  if (exitCode !== 0 || isKnown) return;
  const parts = [...known].map(([name, { text, saved }]) => ({
    name,
    text: Buffer.from(text, "latin1"),
    saved: scripts.get(name)?.createCachedData() ?? saved ?? Buffer.alloc(0),
  }));
  const index = parts.map(({ name, text, saved }) => [name, text.length, saved.length]);
  const bytes = parts.flatMap(({ text, saved }) => [text, saved]);
  try {
    const whole = `${cache}.${process.pid}`;
    writeFileSync(whole, Buffer.concat([Buffer.from(`${JSON.stringify(index)}\n`), ...bytes]), {
      mode: 0o600,
      // A power cut must not leave a name without its content.
      flush: true,
    });
    renameSync(whole, cache);
  } catch {
    // Not root, a read-only or a full disk: the next start is as slow as this one.
  }
}

function readParts(): Map<string, Part> {
  const parts = new Map<string, Part>();
  let bytes: Buffer;
  try {
    bytes = readFileSync(cache);
  } catch {
    return parts;
  }
  let from = bytes.indexOf("\n") + 1;
  const index = JSON.parse(bytes.toString("latin1", 0, from)) as [string, number, number][];
  for (const [name, textBytes, savedBytes] of index) {
    const text = bytes.toString("latin1", from, from + textBytes);
    from += textBytes;
    parts.set(name, { text, saved: bytes.subarray(from, from + savedBytes) });
    from += savedBytes;
  }
  return parts;
}

function verb(word = ""): string {
  return /^[a-z][a-z-]{0,19}$/.test(word) ? word : "options";
}
