// Promise: archives that other tools made load and run as they say, and what nspod saves, other
// tools read. Made here by buildah, and by umoci with skopeo; none of our scripts has a part in it.
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as assert from "uvu/assert";
import type { Container } from "../../src/spec/pod.ts";
import { podSuite } from "../support/pod-suite.ts";
import type { Pods } from "../support/pods.ts";
import { requires } from "../support/requires.ts";
import { runCommand } from "../support/run-command.ts";

requires("root", "tool:buildah", "tool:umoci", "tool:skopeo", "file:/bin/busybox");

const { test, run } = podSuite("archives of other tools");
const folder = mkdtempSync(join(tmpdir(), "nspod-others-"));
process.once("exit", () => rmSync(folder, { recursive: true, force: true }));

async function tool(file: string, ...args: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await runCommand(file, args, { timeoutMs: 60_000 });
  if (code === 0) return stdout.trim();
  throw new Error(`"${file} ${args.join(" ")}" ended with ${code}: ${stderr}${stdout}`);
}

/** buildah with a store of its own. */
async function buildah(...args: readonly string[]): Promise<string> {
  const store = ["--root", join(folder, "buildah"), "--runroot", join(folder, "buildah-run")];
  return await tool("buildah", "--storage-driver", "vfs", ...store, ...args);
}

const script = 'echo "$GREETING $(id -u):$(id -g) in $(pwd)"';
const said = "hello of buildah 1000:1001 in /srv\n";

let container: Promise<string> | undefined;

/** A working container of busybox and a configuration of every kind. */
async function built(): Promise<string> {
  const id = await buildah("from", "scratch");
  await buildah("copy", id, "/bin/busybox", "/bin/busybox");
  await buildah("copy", id, "/bin/busybox", "/bin/sh");
  await buildah("copy", id, "/bin/busybox", "/bin/id");
  const settings = ["--env", "GREETING=hello of buildah", "--user", "1000:1001"];
  const process = ["--entrypoint", '["/bin/sh", "-c"]', "--workingdir", "/srv"];
  await buildah("config", ...settings, ...process, "--cmd", JSON.stringify([script]), id);
  return id;
}

async function committed(target: string): Promise<string> {
  container ??= built();
  const path = join(folder, `${target.replace(/\W/g, "-")}.tar`);
  const [format = ""] = target.split(":");
  const type = format === "oci-archive" ? "oci" : "docker";
  await buildah(
    ...["commit", "--format", type, await container],
    `${format}:${path}:${target.slice(format.length + 1)}`,
  );
  return path;
}

/** Runs an image as it is, but for what `more` changes. */
async function words(pods: Pods, image: string, more: Partial<Container> = {}): Promise<string> {
  const name = `of-${image.replace(/.*\//, "").replace(/\W/g, "-")}`;
  const text = await pods.output(name, { containers: [{ name: "main", image, ...more }] });
  await pods.delete(name);
  return text;
}

for (const format of ["oci-archive", "docker-archive"]) {
  test(`the ${format} of buildah loads and runs`, async (pods) => {
    const name = `example.org/made/${format}:1.0`;
    const path = await committed(`${format}:${name}`);
    const loaded = await pods.instance.must(["image", "load", path]);
    assert.match(loaded, `Loaded image: ${name}`);
    assert.is(await words(pods, name), said);
  });
}

test("an image of umoci loads from its layout, and as skopeo copies it", async (pods) => {
  const layout = join(folder, "layout");
  const image = `${layout}:mine`;
  await tool("umoci", "init", "--layout", layout);
  await tool("umoci", "new", "--image", image);
  for (const name of ["busybox", "sh", "cat"]) {
    await tool("umoci", "insert", "--image", image, "/bin/busybox", `/bin/${name}`);
  }
  await tool("umoci", "insert", "--image", image, "/etc/hostname", "/srv/note");
  await tool(
    "umoci",
    ...["config", "--image", image, "--config.cmd", "/bin/cat", "--config.cmd", "/srv/note"],
  );
  const archives = {
    "example.org/umoci/oci:1": "oci-archive",
    "example.org/umoci/docker:1": "docker-archive",
  };
  for (const [name, format] of Object.entries(archives)) {
    const path = join(folder, `${format}.tar`);
    await tool("skopeo", "copy", `oci:${image}`, `${format}:${path}:${name}`);
    await pods.instance.must(["image", "load", path]);
    assert.is(await words(pods, name), readFileSync("/etc/hostname", "utf8"));
  }
  assert.match(await pods.instance.must(["image", "load", layout]), "Loaded image: ");
  const packed = join(folder, "layout.tar");
  await tool("tar", "-C", layout, "-cf", packed, ".");
  assert.match(await pods.instance.must(["image", "load", packed]), "Loaded image: ");
  assert.match(await pods.instance.must(["image", "ls"]), /\bmine\b/);
});

test("what nspod saves is read by skopeo, with the same layers", async (pods) => {
  const name = "example.org/made/saved:1.0";
  await pods.instance.must(["image", "load", await committed(`oci-archive:${name}`)]);
  interface Inspected {
    readonly Architecture: string;
    readonly Env: readonly string[];
  }
  interface Config {
    readonly rootfs: { readonly diff_ids: readonly string[] };
    readonly config: { readonly User: string };
  }
  const before = JSON.parse(
    await tool(
      "skopeo",
      "inspect",
      "--config",
      `oci-archive:${await committed(`oci-archive:${name}`)}`,
    ),
  ) as Config;
  for (const [format, kind] of [
    ["oci", "oci-archive"],
    ["docker", "docker-archive"],
  ]) {
    const path = join(folder, `saved-${format}.tar`);
    await pods.instance.must(["image", "save", "-o", path, "--format", format ?? "", name]);
    const place = `${kind}:${path}`;
    const facts = JSON.parse(await tool("skopeo", "inspect", place)) as Inspected;
    assert.is(facts.Architecture, process.arch === "arm64" ? "arm64" : "amd64");
    assert.ok(facts.Env.includes("GREETING=hello of buildah"));
    const config = JSON.parse(await tool("skopeo", "inspect", "--config", place)) as Config;
    assert.equal(config.rootfs, before.rootfs);
    assert.is(config.config.User, "1000:1001");
    // skopeo checks every digest on the way.
    await tool("skopeo", "copy", place, `dir:${join(folder, `copy-${format}`)}`);
  }
});

test("what nspod saved, it loads and runs again", async (pods) => {
  const name = "example.org/made/again:1.0";
  await pods.instance.must(["image", "load", await committed(`docker-archive:${name}`)]);
  const path = join(folder, "again.tar");
  await pods.instance.must(["image", "save", "-o", path, name]);
  await pods.instance.must(["image", "rm", name]);
  assert.not.match(await pods.instance.must(["image", "ls"]), "made/again");
  await pods.instance.must(["image", "load", path]);
  assert.is(await words(pods, name), said);
});

run();
