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
import { isPodError } from "../../../src/base/errors.ts";
import type { HostPathType } from "../../../src/spec/pod.ts";
import { prepareHostPath } from "../../../src/volume/host-path.ts";

const hostPath = suite<{ folder: string }>("prepareHostPath()");

// As the daemon runs: modes must come out as promised all the same.
const umask = process.umask(0o077);
hostPath.after(() => void process.umask(umask));

hostPath.before.each((context) => {
  context.folder = mkdtempSync(join(tmpdir(), "nspod-host-path-"));
});
hostPath.after.each(({ folder }) => rmSync(folder, { recursive: true, force: true }));

function message(path: string, type: HostPathType): string {
  try {
    prepareHostPath("data", { path, type });
  } catch (error) {
    assert.ok(isPodError(error, "FailedPrecondition"), String(error));
    return error.message;
  }
  throw new Error("it was accepted");
}

hostPath("an untyped path must exist", ({ folder }) => {
  assert.is(
    message(join(folder, "none"), ""),
    `hostPath type check failed: "${folder}/none" does not exist on this node`,
  );
  assert.not(prepareHostPath("data", { path: folder, type: "" }).isFile);
});

hostPath("DirectoryOrCreate makes every missing level with mode 0755", ({ folder }) => {
  const path = join(folder, "a/b/c");
  prepareHostPath("data", { path, type: "DirectoryOrCreate" });
  prepareHostPath("data", { path, type: "DirectoryOrCreate" });
  assert.is(statSync(path).mode & 0o777, 0o755);
});

hostPath("FileOrCreate makes an empty file with mode 0644", ({ folder }) => {
  const path = join(folder, "file");
  assert.ok(prepareHostPath("data", { path, type: "FileOrCreate" }).isFile);
  assert.is(statSync(path).mode & 0o777, 0o644);
  writeFileSync(path, "kept");
  prepareHostPath("data", { path, type: "FileOrCreate" });
  assert.is(statSync(path).size, 4);
});

hostPath("FileOrCreate does not create through a dangling link", ({ folder }) => {
  symlinkSync(join(folder, "target"), join(folder, "link"));
  message(join(folder, "link"), "FileOrCreate");
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
      if (kind === type) prepareHostPath("data", { path, type });
      else assert.match(message(path, type), `is not a ${type} but a ${kind}`);
    }
  }
  server.close();
});

hostPath("a magic link of /proc is not followed", () => {
  assert.throws(() => prepareHostPath("data", { path: "/proc/self/root", type: "" }), /ELOOP/);
});

hostPath.run();
