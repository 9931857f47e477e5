// Promise: `nspod cp` carries files and folders between this machine and a container, also when the image has neither
// tar nor shell and when its root is read-only; and what comes out of a container is written nowhere else than to the
// target.
import { execFile } from "node:child_process";
import { randomBytes } from "node:crypto";
import {
  chmodSync,
  chownSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import * as assert from "uvu/assert";
import { podSuite } from "../support/pod-suite.ts";
import { type Pods, sleeper } from "../support/pods.ts";
import { requires } from "../support/requires.ts";

requires("root");

const { test, run } = podSuite("cp", "busybox", "scratch");
const start = promisify(execFile);

function folder(pods: Pods, name: string): string {
  const path = join(pods.instance.base, name);
  mkdirSync(path, { recursive: true });
  return path;
}

test("carries a tree in and out unchanged: names, modes, large and empty files", async (pods) => {
  await pods.up("box", { containers: [sleeper("main")] });
  const tree = join(folder(pods, "in"), "tree");
  const long = "n".repeat(150);
  mkdirSync(join(tree, "deep", long, long), { recursive: true });
  writeFileSync(join(tree, "deep", long, long, "leaf"), "leaf\n");
  writeFileSync(join(tree, "big"), randomBytes(3_000_001));
  writeFileSync(join(tree, "empty"), "");
  writeFileSync(join(tree, "ünï côde"), "text");
  writeFileSync(join(tree, "run"), "#!/bin/sh\necho ran\n");
  chmodSync(join(tree, "run"), 0o755);
  chownSync(join(tree, "big"), 1234, 2345);
  symlinkSync("../big", join(tree, "deep", "link"));
  await pods.instance.must(["cp", tree, "box:/tmp/copy"]);
  assert.is(await pods.ask("box", "/tmp/copy/run"), "ran");
  assert.is(await pods.ask("box", "stat -c '%u:%g %s' /tmp/copy/big"), "1234:2345 3000001");
  assert.is(await pods.ask("box", "readlink /tmp/copy/deep/link"), "../big");
  // Into a folder that exists: by its name, as kubectl does it.
  await pods.instance.must(["cp", tree, "default/box:/tmp"]);
  assert.is(await pods.ask("box", "diff -r /tmp/copy /tmp/tree && echo same"), "same");

  const out = join(folder(pods, "out"), "tree");
  const { code, stderr } = await pods.instance.nspod(["cp", "box:/tmp/copy", out]);
  assert.is(code, 1);
  assert.match(stderr, /"copy\/deep\/link" is left out: it is a symlink to "\.\.\/big"/);
  await start("rm", [join(tree, "deep", "link")]);
  await start("diff", ["-r", tree, out]);
  assert.is(statSync(join(out, "run")).mode & 0o777, 0o755);
  assert.is(statSync(join(out, "big")).uid, 0);
});

test("carries single files, under a new name or into a folder", async (pods) => {
  const here = folder(pods, "single");
  writeFileSync(join(here, "a.txt"), "one\n");
  await pods.instance.must(["cp", join(here, "a.txt"), "box:/tmp/b.txt"]);
  await pods.instance.must(["cp", join(here, "a.txt"), "box:/tmp"]);
  assert.is(await pods.ask("box", "cat /tmp/b.txt /tmp/a.txt"), "one\none");
  await pods.instance.must(["cp", "box:/tmp/b.txt", here]);
  await pods.instance.must(["cp", "box:tmp/b.txt", join(here, "c.txt")]);
  assert.is(readFileSync(join(here, "b.txt"), "utf8"), "one\n");
  assert.is(readFileSync(join(here, "c.txt"), "utf8"), "one\n");
});

test("works as the container's user: who may not write is told so", async (pods) => {
  await pods.up("user", {
    containers: [sleeper("main", { securityContext: { runAsUser: 1000 } })],
  });
  const file = join(folder(pods, "user"), "file");
  writeFileSync(file, "mine");
  await pods.instance.must(["cp", file, "user:/tmp/file"]);
  assert.is(await pods.ask("user", "stat -c %u /tmp/file"), "1000");
  const { code, stderr } = await pods.instance.nspod(["cp", file, "user:/etc/file"]);
  assert.is(code, 1);
  assert.match(stderr, /Cannot open "\/etc\/file": permission denied/);
});

test("speaks tar on standard input and output", async (pods) => {
  const here = folder(pods, "tar");
  writeFileSync(join(here, "x"), "from tar");
  const archive = join(pods.instance.base, "in.tar");
  await start("tar", ["-cf", archive, "-C", here, "x"]);
  await pods.ask("box", "mkdir -p /tmp/tar");
  const command = `"$0" cp - box:/tmp/tar < "${archive}" && "$0" cp box:/tmp/tar - | tar -tf -`;
  const { stdout } = await start("sh", ["-c", command, "dist/nspod"], {
    env: { ...process.env, ...pods.instance.env },
  });
  assert.is(stdout, "tar/\ntar/x\n");
  assert.is(await pods.ask("box", "cat /tmp/tar/x"), "from tar");
});

test("needs neither tar nor shell nor a root that can be written", async (pods) => {
  await pods.up("bare", {
    volumes: [{ name: "data", emptyDir: {} }],
    containers: [
      {
        name: "main",
        image: "nspod/scratch",
        args: ["serve", "tcp", "8080"],
        securityContext: { readOnlyRootFilesystem: true },
        volumeMounts: [{ name: "data", mountPath: "/data" }],
      },
    ],
  });
  const here = folder(pods, "bare");
  writeFileSync(join(here, "file"), "content");
  await pods.instance.must(["cp", join(here, "file"), "bare:/data/file"]);
  await pods.instance.must(["cp", "bare:/data/file", join(here, "back")]);
  assert.is(readFileSync(join(here, "back"), "utf8"), "content");
  await pods.instance.must(["cp", "bare:/etc/hosts", join(here, "hosts")]);
  assert.match(readFileSync(join(here, "hosts"), "utf8"), /localhost/);
  const refused = await pods.instance.nspod(["cp", join(here, "file"), "bare:/file"]);
  assert.is(refused.code, 1);
  assert.match(refused.stderr, /Cannot open "\/file": the file system is read-only/);
});

test("a link in the container leads nowhere but into the container", async (pods) => {
  const secret = join(folder(pods, "secret"), "key");
  writeFileSync(secret, "host secret");
  await pods.ask("box", `ln -s ${secret} /tmp/steal; ln -s / /tmp/root; mkfifo /tmp/pipe`);
  const here = folder(pods, "steal");
  const missing = await pods.instance.nspod(["cp", "box:/tmp/steal", join(here, "got")]);
  assert.is(missing.code, 1);
  assert.match(missing.stderr, /no such file or directory/);
  assert.not.ok(existsSync(join(here, "got")));
  await pods.instance.must(["cp", "box:/tmp/root/etc/hostname", join(here, "hostname")]);
  assert.is(readFileSync(join(here, "hostname"), "utf8").trim(), "box");
  const pipe = await pods.instance.nspod(["cp", "box:/tmp/pipe", join(here, "pipe")]);
  assert.match(pipe.stderr, /"\/tmp\/pipe" is left out: it is no file, folder or symbolic link/);
});

test("does not write through links that stand in the target", async (pods) => {
  const here = folder(pods, "target");
  const outside = folder(pods, "outside");
  symlinkSync(outside, join(here, "sub"));
  symlinkSync(join(outside, "new"), join(here, "file"));
  await pods.ask(
    "box",
    "mkdir -p /tmp/evil/sub; echo x > /tmp/evil/sub/x; echo x > /tmp/evil/file",
  );
  const { code, stderr } = await pods.instance.nspod(["cp", "box:/tmp/evil", here]);
  assert.is(code, 1);
  assert.match(stderr, /is left out/);
  assert.equal(readdirSync(outside), []);
  assert.ok(lstatSync(join(here, "sub")).isSymbolicLink());
});

test("says what is wrong with its arguments", async (pods) => {
  for (const [words, message] of [
    [["/tmp", "/tmp/x"], /One end must be in a pod/],
    [["box:/tmp", "box:/x"], /One end must be in a pod/],
    [["/does/not/exist", "box:/tmp"], /\/does\/not\/exist doesn't exist in local filesystem/],
    [["nobody:/tmp", "."], /"nobody" not found/],
    [["box:/tmp", ".", "-c", "other"], /has no container "other"/],
    [["box:", "."], /filepath can not be empty/],
  ] as const) {
    const { code, stderr } = await pods.instance.nspod(["cp", ...words]);
    assert.is(code, 1);
    assert.match(stderr, message);
  }
});

run();
