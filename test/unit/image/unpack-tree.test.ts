// What a hostile tar stream cannot do to the machine that copies out of a container.
import {
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Header, pack } from "tar-stream";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { packTree } from "../../../src/image/pack-tree.ts";
import { unpackTree } from "../../../src/image/unpack-tree.ts";

const trees = suite("unpackTree()");
let folder = "";
let complaints: string[] = [];

trees.before.each(() => {
  folder = mkdtempSync(join(tmpdir(), "nspod-unpack-"));
  complaints = [];
});

trees.after.each(() => rmSync(folder, { recursive: true }));

type Entry = readonly [header: Partial<Header> & Pick<Header, "name">, content?: string];

async function unpack(target: string, ...entries: readonly Entry[]): Promise<void> {
  const tar = pack();
  for (const [header, content = ""] of entries) tar.entry(header, content);
  tar.finalize();
  await unpackTree(tar as unknown as AsyncIterable<Buffer>, {
    target,
    name: "given",
    onLeftOut: (sentence) => complaints.push(sentence),
  });
}

trees("puts the content of the first folder into the target", async () => {
  const target = join(folder, "t");
  await unpack(
    target,
    [{ name: "top/", type: "directory", mode: 0o500 }],
    [{ name: "top/a/b", mode: 0o6755 }, "text"],
  );
  assert.is(readFileSync(join(target, "a/b"), "utf8"), "text");
  assert.is(statSync(join(target, "a/b")).mode & 0o7777, 0o755);
  assert.equal(complaints, []);
});

trees("gives a single file the target's name, or its own inside a folder", async () => {
  await unpack(join(folder, "new"), [{ name: "x" }, "1"]);
  await unpack(folder, [{ name: "x" }, "2"]);
  assert.is(readFileSync(join(folder, "new"), "utf8"), "1");
  assert.is(readFileSync(join(folder, "given"), "utf8"), "2");
});

trees("refuses names that lead out, and links of every kind", async () => {
  const target = join(folder, "in/t");
  mkdirSync(target, { recursive: true });
  await unpack(
    target,
    [{ name: "top/../../up" }, "x"],
    [{ name: "../up" }, "x"],
    [{ name: "/up" }, "x"],
    [{ name: "top/sym", type: "symlink", linkname: "/" }],
    [{ name: "top/hard", type: "link", linkname: "/etc/passwd" }],
    [{ name: "top/null", type: "character-device", devmajor: 1, devminor: 3 }],
    [{ name: "top/sym/x" }, "real folder"],
  );
  assert.equal(readdirSync(join(folder, "in")), ["t"]);
  assert.equal(readdirSync(target), ["sym"]);
  assert.is(readFileSync(join(target, "sym/x"), "utf8"), "real folder");
  assert.is(complaints.length, 6);
});

trees("follows no link that stands in the target, at any depth", async () => {
  const target = join(folder, "t");
  const outside = join(folder, "outside");
  mkdirSync(join(target, "real"), { recursive: true });
  mkdirSync(outside);
  writeFileSync(join(outside, "kept"), "kept");
  symlinkSync(outside, join(target, "dir"));
  symlinkSync(outside, join(target, "real/dir"));
  symlinkSync(join(outside, "kept"), join(target, "file"));
  await unpack(
    target,
    [{ name: "top/dir/x" }, "x"],
    [{ name: "top/real/dir/deep/x" }, "x"],
    [{ name: "top/file" }, "changed"],
    [{ name: "top/dir", type: "directory" }],
    [{ name: "top/ok" }, "ok"],
  );
  assert.equal(readdirSync(outside), ["kept"]);
  assert.is(readFileSync(join(outside, "kept"), "utf8"), "kept");
  assert.is(complaints.length, 4);
  assert.ok(existsSync(join(target, "ok")));
});

/** Puts a link to `leadsTo` in the place of a folder, as a container does that shares it. */
function exchange(path: string, leadsTo: string): void {
  renameSync(path, `${path}.before`);
  symlinkSync(leadsTo, path);
}

trees("follows no folder that becomes a link while it is filled", async () => {
  const target = join(folder, "t");
  const outside = join(folder, "outside");
  mkdirSync(outside);
  const tar = pack();
  async function* archive(): AsyncGenerator<Buffer> {
    tar.entry({ name: "top/dir", type: "directory" });
    tar.entry({ name: "top/dir/first" }, "1");
    tar.entry({ name: "top/dir/second" }, "2");
    tar.finalize();
    let size = 0;
    for await (const chunk of tar as unknown as AsyncIterable<Buffer>) {
      // The header of the folder, then header and content of each file.
      if (size === 512 * 3) exchange(join(target, "dir"), outside);
      size += chunk.length;
      yield chunk;
    }
  }
  await unpackTree(archive(), { target, name: "", onLeftOut: (said) => complaints.push(said) });
  assert.ok(lstatSync(join(target, "dir")).isSymbolicLink());
  assert.equal(readdirSync(outside), []);
  assert.equal(readdirSync(join(target, "dir.before")).sort(), ["first", "second"]);
});

trees("writes a single file through no link that stands in the target folder", async () => {
  const target = join(folder, "t");
  const outside = join(folder, "outside");
  mkdirSync(target);
  writeFileSync(outside, "kept");
  symlinkSync(outside, join(target, "given"));
  await unpack(target, [{ name: "x" }, "changed"]);
  assert.is(readFileSync(outside, "utf8"), "kept");
  assert.is(complaints.length, 1);
});

trees("packs nothing behind a folder that becomes a link while it is read", async () => {
  const source = join(folder, "source");
  const outside = join(folder, "outside");
  mkdirSync(join(source, "dir"), { recursive: true });
  mkdirSync(outside);
  writeFileSync(join(source, "dir/a"), Buffer.alloc(4_000_000));
  writeFileSync(join(source, "dir/b"), "own");
  writeFileSync(join(outside, "b"), "secret");
  const chunks: Buffer[] = [];
  for await (const chunk of packTree(source, () => undefined)) {
    // The reader is slow: "a" is not read to its end yet.
    if (chunks.length === 2) exchange(join(source, "dir"), outside);
    chunks.push(chunk as Buffer);
  }
  assert.ok(lstatSync(join(source, "dir")).isSymbolicLink());
  const archive = Buffer.concat(chunks);
  assert.ok(archive.includes("own"));
  assert.not.ok(archive.includes("secret"));
});

trees("reads what packTree() writes", async () => {
  const source = join(folder, "source");
  mkdirSync(join(source, "sub"), { recursive: true });
  writeFileSync(join(source, "sub/file"), "content", { mode: 0o640 });
  writeFileSync(join(source, "empty"), "");
  const leftOut: string[] = [];
  const tar = packTree(source, (path) => leftOut.push(path));
  await unpackTree(tar, { target: join(folder, "copy"), name: "", onLeftOut: () => undefined });
  assert.is(readFileSync(join(folder, "copy/sub/file"), "utf8"), "content");
  assert.is(statSync(join(folder, "copy/sub/file")).mode & 0o777, 0o640);
  assert.is(statSync(join(folder, "copy/empty")).size, 0);
  assert.equal(leftOut, []);
});

trees.run();
