// Archives that other tools made load, and what nspod saves and keeps on disk, other tools read.
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { ImageStore } from "../../src/image/store.ts";
import { listTree } from "../support/file-listing.ts";
import { requires } from "../support/requires.ts";
import { runCommand } from "../support/run-command.ts";
import { withDeadline } from "../support/with-deadline.ts";

requires("root", "tool:python3", "tool:skopeo", "tool:umoci", "tool:buildah");

const tools = suite("images of other tools");
let folder = "";
let root = "";
let store: ImageStore;

tools.before.each(async () => {
  folder = await mkdtemp(join(tmpdir(), "nspod-image-"));
  root = join(folder, "root");
  store = ImageStore.open({ root });
});

tools.after.each(async () => {
  await store.settled();
  await rm(folder, { recursive: true, force: true });
});

async function shell(script: string): Promise<string> {
  const done = await runCommand("bash", ["-euc", script], { timeoutMs: 60_000, cwd: folder });
  if (done.code !== 0) throw new Error(`${script}\n${done.stdout}${done.stderr}`);
  return done.stdout;
}

tools(
  "reads what skopeo, umoci and buildah write, and writes what skopeo reads",
  withDeadline(110_000, async () => {
    await writeFile(join(folder, "hello"), "made elsewhere");
    await shell(`
      umoci init --layout made; umoci new --image made:latest
      umoci insert --image made:latest hello /hello; umoci config --image made:latest --config.cmd /hello
      skopeo copy -q oci:made:latest oci-archive:oci.tar:skopeo/oci:3
      skopeo copy -q oci:made:latest docker-archive:docker.tar:skopeo/docker:4
      tar -cf app.tar -C made .`);
    const expected = {
      "oci.tar": "docker.io/skopeo/oci:3",
      "docker.tar": "docker.io/skopeo/docker:4",
      "app.tar": "docker.io/library/app:latest",
    };
    for (const [file, name] of Object.entries(expected)) {
      const [loaded] = await store.load({ path: join(folder, file) });
      assert.ok(loaded?.image.names.includes(name), file);
      assert.equal(loaded?.image.config.config?.Cmd, ["/hello"]);
      const folders = store.layerFolders(store.get(name));
      assert.is((await listTree(folders[0] ?? ""))["hello"]?.["size"], 14);
    }
    await shell(`
      export STORAGE_DRIVER=vfs BUILDAH_ISOLATION=chroot
      buildah="buildah --root ${folder}/storage --runroot ${folder}/runroot"
      c=$($buildah from scratch); $buildah copy -q $c hello /from-buildah; $buildah config --entrypoint '["/x"]' $c
      $buildah commit -q $c docker-archive:${folder}/buildah.tar:buildah/made:5; $buildah rm $c >/dev/null`);
    const [built] = await store.load({ path: join(folder, "buildah.tar") });
    assert.equal(built?.image.names, ["docker.io/buildah/made:5"]);
    assert.equal(built?.image.config.config?.Entrypoint, ["/x"]);

    for (const format of ["oci", "docker"] as const) {
      const path = join(folder, `saved-${format}.tar`);
      await writeFile(path, store.save(["skopeo/oci:3", "buildah/made:5"], format));
      const transport = format === "oci" ? `oci-archive:${path}` : `docker-archive:${path}`;
      const prefix = format === "oci" ? "docker.io/" : "";
      const config = await shell(`skopeo inspect --config ${transport}:${prefix}buildah/made:5`);
      assert.equal((JSON.parse(config) as { config: { Entrypoint: string[] } }).config.Entrypoint, [
        "/x",
      ]);
      const raw = await shell(`skopeo inspect --raw ${transport}:${prefix}skopeo/oci:3`);
      assert.match(raw, /"schemaVersion":2/);
    }
    // The layout on disk is one that other tools read.
    const inspected = await shell(`skopeo inspect oci:${root}/images:docker.io/buildah/made:5`);
    assert.is((JSON.parse(inspected) as { Digest: string }).Digest, built?.image.manifest);
  }),
);

tools.run();
