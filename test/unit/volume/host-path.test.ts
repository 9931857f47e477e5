import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { systemClock } from "../../../src/base/clock.ts";
import { isPodError } from "../../../src/base/errors.ts";
import type { HostPathType } from "../../../src/spec/pod.ts";
import type { PreparedVolume } from "../../../src/spec/prepared-volume.ts";
import { prepareHostPath } from "../../../src/volume/host-path.ts";
import { Places } from "../../../src/volume/places.ts";

const hostPath = suite<{ folder: string }>("prepareHostPath()");

// As the daemon runs: modes must come out as promised all the same.
const umask = process.umask(0o077);
hostPath.after(() => void process.umask(umask));

hostPath.before.each((context) => {
  context.folder = mkdtempSync(join(tmpdir(), "nspod-host-path-"));
});
hostPath.after.each(({ folder }) => rmSync(folder, { recursive: true, force: true }));

async function prepare(path: string, type: HostPathType): Promise<PreparedVolume> {
  return await prepareHostPath(new Places(systemClock, 2), "data", { path, type });
}

async function message(path: string, type: HostPathType): Promise<string> {
  try {
    await prepare(path, type);
  } catch (error) {
    assert.ok(isPodError(error, "FailedPrecondition"), String(error));
    return error.message;
  }
  throw new Error("it was accepted");
}

hostPath("an untyped path must exist", async ({ folder }) => {
  assert.is(
    await message(join(folder, "none"), ""),
    `hostPath type check failed: "${folder}/none" does not exist on this node`,
  );
  assert.not((await prepare(folder, "")).isFile);
});

hostPath("DirectoryOrCreate makes every missing level with mode 0755", async ({ folder }) => {
  const path = join(folder, "a/b/c");
  await prepare(path, "DirectoryOrCreate");
  await prepare(path, "DirectoryOrCreate");
  assert.is(statSync(path).mode & 0o777, 0o755);
});

hostPath("FileOrCreate makes an empty file with mode 0644", async ({ folder }) => {
  const path = join(folder, "file");
  assert.ok((await prepare(path, "FileOrCreate")).isFile);
  assert.is(statSync(path).mode & 0o777, 0o644);
  writeFileSync(path, "kept");
  await prepare(path, "FileOrCreate");
  assert.is(statSync(path).size, 4);
});

hostPath("FileOrCreate does not create through a dangling link", async ({ folder }) => {
  symlinkSync(join(folder, "target"), join(folder, "link"));
  await message(join(folder, "link"), "FileOrCreate");
  assert.not(existsSync(join(folder, "target")));
});

hostPath("each type accepts its own kind only", async ({ folder }) => {
  const socket = join(folder, "socket");
  const server = createServer().listen(socket);
  await new Promise((resolve) => server.once("listening", resolve));
  const paths = {
    Directory: join(folder, "dir"),
    File: join(folder, "file"),
    Socket: socket,
    CharDevice: "/dev/null",
  };
  mkdirSync(paths.Directory);
  writeFileSync(paths.File, "");
  const types = ["Directory", "File", "Socket", "CharDevice", "BlockDevice"] as const;
  for (const type of types) {
    for (const [kind, path] of Object.entries(paths)) {
      if (kind === type) await prepare(path, type);
      else assert.match(await message(path, type), `is not a ${type} but a ${kind}`);
    }
  }
  server.close();
});

hostPath("a magic link of /proc is not followed", async () => {
  const error = await prepare("/proc/self/root", "").catch((cause: unknown) => cause);
  assert.match(String(error), /ELOOP/);
});

hostPath.run();
