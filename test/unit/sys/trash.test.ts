import {
  existsSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { diskUsage } from "../../../src/sys/disk-usage.ts";
import { discard, emptyTrash } from "../../../src/sys/trash.ts";

interface Context {
  folder: string;
  tree: string;
  trash: string;
}

const trash = suite<Context>("trash");

trash.before.each((context) => {
  context.folder = mkdtempSync(join(tmpdir(), "nspod-trash-"));
  context.tree = join(context.folder, "tree");
  context.trash = join(context.folder, "trash");
  mkdirSync(context.tree);
});
trash.after.each(({ folder }) => rmSync(folder, { recursive: true, force: true }));

trash("discard() takes a tree from its place at once, and a missing one is fine", (context) => {
  writeFileSync(join(context.tree, "file"), "");
  discard(context.trash, context.tree);
  discard(context.trash, context.tree);
  assert.not(existsSync(context.tree));
  assert.is(readdirSync(context.trash).length, 1);
});

trash("emptyTrash() removes names that are no UTF-8", async (context) => {
  for (let byte = 0x80; byte < 0x100; byte++) {
    writeFileSync(Buffer.concat([Buffer.from(`${context.tree}/`), Buffer.from([0x61, byte])]), "");
  }
  discard(context.trash, context.tree);
  await emptyTrash(context.trash);
  assert.equal(readdirSync(context.trash), []);
});

trash("emptyTrash() leaves what links point to", async (context) => {
  const canary = join(context.folder, "canary");
  mkdirSync(canary);
  writeFileSync(join(canary, "file"), "alive");
  symlinkSync(canary, join(context.tree, "link"));
  linkSync(join(canary, "file"), join(context.tree, "hard"));
  discard(context.trash, context.tree);
  await emptyTrash(context.trash);
  assert.equal(readdirSync(context.trash), []);
  assert.equal(readdirSync(canary), ["file"]);
});

trash("emptyTrash() takes deep and wide trees apart", async (context) => {
  let path = context.tree;
  for (let depth = 0; depth < 800; depth++) {
    path += "/d";
    mkdirSync(path);
  }
  for (let index = 0; index < 2000; index++) {
    writeFileSync(join(context.tree, `file-${index}-with-a-name-that-fills-the-buffer`), "");
  }
  discard(context.trash, context.tree);
  await emptyTrash(context.trash);
  assert.equal(readdirSync(context.trash), []);
});

trash("emptyTrash() goes on where a killed run ended", async (context) => {
  mkdirSync(context.trash, { mode: 0o700 });
  mkdirSync(join(context.trash, "half", "way"), { recursive: true });
  writeFileSync(join(context.trash, "half", "way", "file"), "");
  await emptyTrash(context.trash);
  assert.equal(readdirSync(context.trash), []);
});

trash("diskUsage() counts blocks below a folder and follows no link", async (context) => {
  const large = join(context.folder, "large");
  writeFileSync(large, Buffer.alloc(1 << 20, 1));
  symlinkSync(context.folder, join(context.tree, "link"));
  mkdirSync(join(context.tree, "sub"));
  writeFileSync(join(context.tree, "sub", "file"), Buffer.alloc(300_000, 1));
  const bytes = await diskUsage(context.tree);
  assert.ok(bytes >= 300_000, `${bytes}`);
  assert.ok(bytes < 400_000, `${bytes}`);
});

trash("diskUsage() counts a tree that is too deep as infinitely large", async (context) => {
  let path = context.tree;
  for (let depth = 0; depth < 510; depth++) {
    path += "/d";
    mkdirSync(path);
  }
  assert.is(await diskUsage(context.tree), Number.POSITIVE_INFINITY);
});

trash.run();
