import { suite } from "uvu";
import * as assert from "uvu/assert";
import { Directory, Symlink, splitPath, Walk } from "../../../src/image/layer-tree.ts";

const walk = suite("Walk");

/** root/{a/{b/}, abs → /a/b, up → ../../a, chain → abs, file} */
function tree(): Directory {
  const root = new Directory(undefined, "", false);
  const a = new Directory(root, "a", false);
  root.children.set("a", a).set("abs", new Symlink("/a/b")).set("up", new Symlink("../../a"));
  root.children.set("chain", new Symlink("abs")).set("file", "file").set("gone", "whiteout");
  a.children.set("b", new Directory(a, "a/b", false)).set("self", new Symlink("self"));
  return root;
}

const target = (path: string): string => {
  const step = new Walk(tree(), path.split("/")).step();
  return step instanceof Directory ? step.path : `missing ${step.directory.pathOf(step.name)}`;
};

walk("follows symlinks inside the root only", () => {
  assert.is(target("a/b"), "a/b");
  assert.is(target("abs"), "a/b");
  assert.is(target("up/b"), "a/b");
  assert.is(target("chain"), "a/b");
  assert.is(target("a/new"), "missing a/new");
  assert.is(target("gone"), "missing gone");
  assert.throws(() => target("file/x"), /leads through "file", which is not a folder/);
  assert.throws(() => target("a/self"), /more than 40 symlinks/);
});

walk.run();

const split = suite("splitPath()");

split("drops what means nothing and refuses what leads out", () => {
  assert.equal(splitPath("/a//./b/", 9), ["a", "b"]);
  assert.equal(splitPath("./", 9), []);
  assert.equal(splitPath(".../a..", 9), ["...", "a.."]);
  assert.throws(() => splitPath("a/../b", 9), /contains "\.\."/);
  assert.throws(() => splitPath("n".repeat(256), 9), /longer than 255/);
  assert.throws(() => splitPath("a/b/c", 2), /more than 2 folders deep/);
  assert.throws(() => splitPath("a/".repeat(2100), 9999), /longer than 4095/);
});

split.run();
