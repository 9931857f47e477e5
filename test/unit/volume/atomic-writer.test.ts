// The programs are run for real, in a folder of the test's own: as root or not, they need no namespace.
import {
  existsSync,
  lstatSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { explain } from "../../../src/sys/explain.ts";
import { run } from "../../../src/sys/ffi.ts";
import {
  afterReplacement,
  compileReplacement,
  contentDigest,
  contentFolderName,
  duringReplacement,
  nothingPublished,
  type PublishedContent,
  type Replacement,
} from "../../../src/volume/atomic-writer.ts";
import type { VolumeFile } from "../../../src/volume/volume-file.ts";

const file = (path: string, content = path, mode = 0o644): VolumeFile => ({
  path,
  content: Buffer.from(content),
  mode,
});

let count = 0;

/** Replaces the content of a volume; @returns what it holds now. */
function replace(
  volume: string,
  before: PublishedContent,
  files: readonly VolumeFile[],
): PublishedContent {
  const replacement: Replacement = { volume, before, files, folder: contentFolderName(0, count++) };
  for (const program of compileReplacement(replacement)) run("Cannot write", program);
  return afterReplacement(replacement);
}

/** The files that people see, with their contents. */
function seen(volume: string): Record<string, string> {
  const found: Record<string, string> = {};
  const walk = (path: string): void => {
    for (const name of readdirSync(join(volume, path))) {
      if (path === "" && name.startsWith("..")) continue;
      const at = path === "" ? name : `${path}/${name}`;
      if (statSync(join(volume, at)).isDirectory()) walk(at);
      else found[at] = readFileSync(join(volume, at), "utf8");
    }
  };
  walk("");
  return found;
}

const test = suite("compileReplacement()");
let volume = "";

test.before.each(() => {
  volume = mkdtempSync(join(tmpdir(), "nspod-atomic-"));
});
test.after.each(() => rmSync(volume, { recursive: true, force: true }));

test("lays the content out as the kubelet does", () => {
  const state = replace(volume, nothingPublished, [file("a"), file("b/c/d", "deep", 0o400)]);
  const [folder = ""] = state.folders;
  assert.match(folder, /^\.\.1970_01_01_00_00_00\.\d+$/);
  assert.equal(readdirSync(volume).sort(), [folder, "..data", "a", "b"].sort());
  assert.is(readlinkSync(join(volume, "..data")), folder);
  assert.is(readlinkSync(join(volume, "a")), "..data/a");
  assert.is(readlinkSync(join(volume, "b")), "..data/b");
  assert.is(statSync(join(volume, "b/c/d")).mode & 0o7777, 0o400);
  assert.is(statSync(join(volume, "b/c")).mode & 0o7777, 0o755);
  assert.equal(seen(volume), { a: "a", "b/c/d": "deep" });
});

test("a replacement leaves nothing of the content before", () => {
  let state = replace(volume, nothingPublished, [file("a", "1"), file("b/c"), file("gone")]);
  state = replace(volume, state, [file("a", "2"), file("b/d")]);
  assert.equal(seen(volume), { a: "2", "b/d": "b/d" });
  assert.equal(readdirSync(volume).sort(), [...state.folders, "..data", "a", "b"].sort());
});

test("ends in the same place whatever the contents were", () => {
  const part = fc.constantFrom("a", "b", "c.d");
  const path = fc.array(part, { minLength: 1, maxLength: 3 }).map((parts) => parts.join("/"));
  const contents = fc
    .uniqueArray(fc.tuple(path, fc.string({ maxLength: 20 })), { selector: ([name]) => name })
    // A path that is also a folder of another one cannot be.
    .map((pairs) =>
      pairs.filter(([name]) => !pairs.some(([other]) => other.startsWith(`${name}/`))),
    )
    .map((pairs) => pairs.map(([name, content]) => file(name, content)));
  fc.assert(
    fc.property(fc.array(contents, { minLength: 1, maxLength: 4 }), (history) => {
      rmSync(volume, { recursive: true });
      volume = mkdtempSync(join(tmpdir(), "nspod-atomic-"));
      let state = nothingPublished;
      for (const files of history) state = replace(volume, state, files);
      const last = history.at(-1) ?? [];
      assert.equal(
        seen(volume),
        Object.fromEntries(last.map(({ path: name, content }) => [name, String(content)])),
      );
      const hidden = readdirSync(volume).filter((name) => name.startsWith(".."));
      assert.equal(hidden.sort(), [...state.folders, "..data"].sort());
    }),
    { numRuns: 30 },
  );
});

test("goes on after a daemon that was killed between any two programs", () => {
  const first = [file("a", "1"), file("old/x")];
  // So much that it takes three programs.
  const second = ["a", "new/y", "z"].map((path) => file(path, "2".repeat(700_000)));
  const replacement = (before: PublishedContent): Replacement => ({
    volume,
    before,
    files: second,
    folder: contentFolderName(0, count++),
  });
  const programs = compileReplacement(replacement(nothingPublished)).length;
  assert.is(programs, 3);
  for (let done = 0; done <= programs; done++) {
    rmSync(volume, { recursive: true });
    volume = mkdtempSync(join(tmpdir(), "nspod-atomic-"));
    const before = replace(volume, nothingPublished, first);
    const half = replacement(before);
    for (const program of compileReplacement(half).slice(0, done)) run("Cannot write", program);
    const state = replace(volume, duringReplacement(half), [file("a", "3")]);
    assert.equal(seen(volume), { a: "3" });
    assert.equal(readdirSync(volume).sort(), [...state.folders, "..data", "a"].sort());
  }
});

test("many keys and much content go in several programs", () => {
  const many = Array.from({ length: 1500 }, (_, index) => file(`key${index}`, "x"));
  const big = [file("big1", "x".repeat(900_000)), file("big2", "y".repeat(900_000))];
  const replacement = {
    volume,
    before: nothingPublished,
    files: [...many, ...big],
    folder: contentFolderName(0, count++),
  };
  const programs = compileReplacement(replacement);
  for (const program of programs) {
    assert.ok(program.encode().length < 3 << 20, "fits into a message of the shim");
    run("Cannot write", program);
  }
  assert.is(Object.keys(seen(volume)).length, 1502);
  assert.is(statSync(join(volume, "big2")).size, 900_000);
});

test("links that somebody planted are not followed", () => {
  const outside = mkdtempSync(join(tmpdir(), "nspod-outside-"));
  try {
    writeFileSync(join(outside, "x"), "safe");
    const state = replace(volume, nothingPublished, [file("sub/x"), file("a")]);
    const [folder = ""] = state.folders;
    rmSync(join(volume, folder, "sub"), { recursive: true });
    symlinkSync(outside, join(volume, folder, "sub"));
    // The name for the next link, and a link that people see.
    symlinkSync(join(outside, "made"), join(volume, "..data_tmp"));
    unlinkSync(join(volume, "a"));
    symlinkSync(join(outside, "x"), join(volume, "a"));
    replace(volume, state, [file("a", "new")]);
    assert.is(readFileSync(join(volume, "..data/a"), "utf8"), "new");
    assert.is(readFileSync(join(outside, "x"), "utf8"), "safe");
    assert.not.ok(existsSync(join(outside, "made")));
    assert.ok(lstatSync(join(volume, "..data")).isSymbolicLink());
  } finally {
    rmSync(outside, { recursive: true });
  }
});

test("a listing shows no content", () => {
  const [write, ...more] = compileReplacement({
    volume,
    before: nothingPublished,
    files: [file("key", "very secret")],
    folder: "..x",
  });
  const listing = write === undefined ? "" : explain(write);
  assert.is(more.length, 0, "a small volume is one program");
  assert.match(listing, 'key "key"');
  assert.match(listing, "<11 bytes>");
  assert.not.match(listing, "secret");
});

test.run();

const digest = suite("contentDigest()");

digest("tells contents, modes, owners and groups apart, not their order", () => {
  const [a, b] = [file("a"), file("b")];
  const all = [
    contentDigest([a, b]),
    contentDigest([a]),
    contentDigest([file("a", "x"), b]),
    contentDigest([file("a", "a", 0o600), b]),
    contentDigest([{ ...a, uid: 1 }, b]),
    contentDigest([a, b], 5),
    contentDigest([file("a", "ab"), file("b", "")]),
  ];
  assert.is(new Set(all).size, all.length);
  assert.is(contentDigest([b, a]), all[0]);
});

digest.run();
