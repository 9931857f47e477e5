// Every form of archive becomes the same image: OCI archives and layouts, what `docker save` wrote
// before and after Docker 25, packed and plain.
import { execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { chmodSync, createReadStream, existsSync, readdirSync } from "node:fs";
import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { gzipSync, zstdCompressSync } from "node:zlib";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { messageOf } from "../../src/base/errors.ts";
import { ImageStore } from "../../src/image/store.ts";
import type { Progress } from "../../src/image/store-types.ts";
import { listTree } from "../support/file-listing.ts";
import {
  archiveOf,
  dockerArchive,
  dockerMembers,
  json,
  ociArchive,
  ociMembers,
  tar,
  tarEntry,
} from "../support/image-archive.ts";
import { requires } from "../support/requires.ts";
import { runCommand } from "../support/run-command.ts";
import { withDeadline } from "../support/with-deadline.ts";

requires("root", "tool:python3");

const load = suite("image load");
let folder = "";
let root = "";
let store: ImageStore;

load.before.each(async () => {
  folder = await mkdtemp(join(tmpdir(), "nspod-image-"));
  root = join(folder, "root");
  store = ImageStore.open({ root });
});

load.after.each(async () => {
  await store.settled();
  await rm(folder, { recursive: true, force: true });
});

const base = tar([
  { name: "./", type: "5" },
  { name: "etc/", type: "5" },
  { name: "etc/name", content: "base" },
]);
const top = tar([
  { name: "etc/", type: "5" },
  { name: "etc/name", content: "top" },
]);
const image = { name: "test/app:1", layers: [{ tar: base }, { tar: top }] };

async function topContent(reference: string): Promise<unknown> {
  const folders = store.layerFolders(store.get(reference));
  return (await listTree(folders.at(-1) ?? ""))["etc/name"]?.["size"];
}

function assertClean(blobs: number, layers: number): void {
  assert.equal(
    [
      readdirSync(join(root, "images", "blobs", "sha256")).length,
      readdirSync(join(root, "layers")).length,
    ],
    [blobs, layers],
  );
  assert.equal(readdirSync(join(root, "images")).sort(), [
    "blobs",
    "index.json",
    "lock",
    "oci-layout",
  ]);
}

load(
  "reads all forms to one image with shared layers",
  withDeadline(100_000, async () => {
    const plain = { ...image, layers: image.layers.map((each) => ({ ...each, packed: each.tar })) };
    const zstd = {
      ...image,
      layers: image.layers.map((each) => ({
        ...each,
        packed: zstdCompressSync(each.tar),
        mediaType: "application/vnd.oci.image.layer.v1.tar+zstd",
      })),
    };
    const both = new Map([
      ...ociMembers([image]),
      ["manifest.json", dockerMembers([image]).get("manifest.json") ?? json([])] as const,
    ]);
    const forms: Record<string, Buffer> = {
      oci: ociArchive([image]),
      "oci, gzip": gzipSync(ociArchive([image])),
      "oci, zstd": zstdCompressSync(ociArchive([plain])),
      "oci, zstd layers": ociArchive([zstd]),
      "docker before 25": dockerArchive([image]),
      "docker since 25": archiveOf(both),
    };
    const ids = new Set<string>();
    for (const [form, bytes] of Object.entries(forms)) {
      const loaded = await store.load({ stream: Readable.from([bytes]) });
      assert.equal(loaded[0]?.image.names, ["docker.io/test/app:1"], form);
      ids.add(loaded[0]?.image.id ?? "");
    }
    assert.is(ids.size, 1);
    assert.is(await topContent("test/app:1"), 3);
    // Manifest, config and two layers of the first form; the others were found to be the same.
    assertClean(4, 2);
    assert.is(store.get("test/app:1").sizeBytes, 7);
    // A new process sees the same.
    assert.equal(ImageStore.open({ root }).list(), store.list());
  }),
);

load(
  "reads the folder of a layout, and links in it lead nowhere",
  withDeadline(60_000, async () => {
    const layout = join(folder, "layout");
    for (const [name, content] of ociMembers([image])) {
      await mkdir(join(layout, name, ".."), { recursive: true });
      await writeFile(join(layout, name), content);
    }
    const progress: Progress[] = [];
    const [loaded] = await store.load(
      { path: layout },
      { onProgress: (each) => progress.push(each) },
    );
    assert.equal(loaded?.image.names, ["docker.io/test/app:1"]);
    assert.equal(progress.at(-1)?.doneLayers, 2);
    const index = join(layout, "index.json");
    await rm(index);
    await writeFile(join(folder, "secret"), "secret");
    await symlink("../secret", index);
    const message = await store.load({ path: layout }).catch(messageOf);
    assert.match(String(message), /^Cannot import image "layout": it is neither/);
    assert.match(
      String(await store.load({ path: join(folder, "none") }).catch(messageOf)),
      /none" does not exist/,
    );
  }),
);

load(
  "reads links of old docker archives, several images, and layers that occur twice",
  withDeadline(60_000, async () => {
    const twice = { name: "test/twice", layers: [{ tar: base }, { tar: top }, { tar: base }] };
    const [loaded] = await store.load({ stream: Readable.from([ociArchive([twice])]) });
    if (loaded === undefined) throw new Error("nothing was loaded");
    assert.is(loaded.image.layers.length, 3);
    // Once in the stack, where it hides the one in the middle.
    assert.is(store.layerFolders(loaded.image).length, 2);
    const members = dockerMembers([
      image,
      { ...image, name: "test/other:2", config: { author: "o" } },
    ]);
    const [first] = [...members.keys()].filter((name) => name.endsWith("layer.tar"));
    const content = members.get(first ?? "") ?? Buffer.alloc(0);
    members.delete(first ?? "");
    const archive = Buffer.concat([
      tarEntry({ name: "real/layer.tar", content }),
      tarEntry({ name: first ?? "", type: "2", link: "../real/layer.tar" }),
      archiveOf(members),
    ]);
    const names = (await store.load({ stream: Readable.from([archive]) })).map(
      (each) => each.image.names,
    );
    assert.equal(names, [["docker.io/test/app:1"], ["docker.io/test/other:2"]]);
    assert.is(readdirSync(join(root, "layers")).length, 2);
  }),
);

load(
  "imports a bare tree",
  withDeadline(60_000, async () => {
    const path = join(folder, "tree.tar.gz");
    await writeFile(path, gzipSync(base));
    const loaded = await store.importRootfs(
      { path },
      { reference: "tree", changes: { Cmd: ["/bin/sh"] } },
    );
    assert.equal(loaded.image.names, ["docker.io/library/tree:latest"]);
    assert.equal(loaded.image.config.config, { Cmd: ["/bin/sh"] });
    assert.is(await topContent("tree"), 4);
    const again = await store.load({ stream: store.save(["tree"], "docker") });
    assert.is(again[0]?.existed, true);
  }),
);

load(
  "two at once leave one copy",
  withDeadline(60_000, async () => {
    const path = join(folder, "image.tar");
    await writeFile(path, ociArchive([image]));
    const [first, second] = await Promise.all([
      store.load({ path }),
      store.load({ stream: createReadStream(path) }),
    ]);
    assert.is(first?.[0]?.image.id, second?.[0]?.image.id);
    assertClean(4, 2);
  }),
);

load(
  "the end of a helper is one error and leaves nothing",
  withDeadline(60_000, async () => {
    const path = join(folder, "image.tar");
    const large = tar([{ name: "large", content: randomBytes(24 << 20) }]);
    await writeFile(
      path,
      ociArchive([{ name: "killed", layers: [{ tar: base }, { tar: large }] }]),
    );
    for (const stage of ["reading", "unpacking"] as const) {
      let isKilled = false;
      const onProgress = (progress: Progress): void => {
        if (progress.stage !== stage || isKilled) return;
        isKilled = true;
        // Children of this very process.
        const found = execFileSync("pgrep", ["-P", String(process.pid), "-f", "src/image/worker"]);
        for (const pid of String(found).trim().split("\n")) process.kill(Number(pid), "SIGKILL");
      };
      const message = await store.load({ path }, { onProgress }).then(() => "loaded", messageOf);
      assert.ok(isKilled, stage);
      assert.match(
        message,
        /^Cannot import image "image.tar": (layer .*: )?the image helper ended with SIGKILL$/,
      );
      assertClean(0, 0);
    }
  }),
);

load(
  "kill -9 at any moment leaves nothing after the next open()",
  withDeadline(110_000, async () => {
    const path = join(folder, "image.tar");
    const large = tar([
      { name: "large", content: randomBytes(24 << 20) },
      ...Array.from({ length: 500 }, (_, i) => ({ name: `f${i}`, content: "x" })),
    ]);
    await writeFile(
      path,
      ociArchive([{ name: "killed", layers: [{ tar: base }, { tar: large }] }]),
    );
    const script = `
      import { ImageStore } from ${JSON.stringify(join(import.meta.dirname, "../../src/image/store.ts"))};
      let left = Number(process.argv[2]);
      const store = ImageStore.open({ root: ${JSON.stringify(root)} });
      await store.load({ path: ${JSON.stringify(path)} }, { onProgress: () => { if (left-- <= 0) process.kill(process.pid, "SIGKILL"); } });`;
    const file = join(folder, "load.ts");
    await writeFile(file, script);
    for (const steps of [0, 1, 2, 4]) {
      const done = await runCommand(process.execPath, [file, String(steps)], { timeoutMs: 60_000 });
      const reopened = ImageStore.open({ root });
      await reopened.settled();
      if (done.code === 0) {
        assertClean(4, 2);
        reopened.remove("killed");
        await reopened.settled();
      } else {
        assert.is(done.code, 137, done.stderr);
        assert.equal(reopened.list(), []);
      }
      assertClean(0, 0);
    }
  }),
);

load(
  "moves a name and says so, or refuses on request",
  withDeadline(60_000, async () => {
    const other = { ...image, config: { author: "somebody else" } };
    const [first] = await store.load({ stream: Readable.from([ociArchive([image])]) });
    const refused = await store
      .load({ stream: Readable.from([ociArchive([other])]) }, { keepExisting: true })
      .catch((error: unknown) => error);
    assert.match(
      messageOf(refused),
      /"test\/app:1" is image sha256:[0-9a-f]{64} here and sha256:[0-9a-f]{64} in the archive/,
    );
    assert.is(store.list().length, 1);
    const [second] = await store.load({ stream: Readable.from([ociArchive([other])]) });
    assert.equal(second?.moved, [
      { name: "docker.io/test/app:1", from: first?.image.id, to: second?.image.id },
    ]);
    assert.equal(store.get(first?.image.id ?? "").names, []);
    const report = store.prune();
    assert.equal(report.deleted, [first?.image.id]);
    await store.settled();
    assertClean(4, 2);
  }),
);

load(
  "tags, finds, removes and prunes as docker does",
  withDeadline(60_000, async () => {
    const [loaded] = await store.load({ stream: Readable.from([ociArchive([image])]) });
    const id = loaded?.image.id ?? "sha256:";
    store.tag("test/app:1", "quay.io/x/y");
    store.tag(id.slice(7, 19), "busybox");
    for (const reference of [
      "quay.io/x/y:latest",
      "busybox",
      id,
      id.slice(7),
      id.slice(7, 13),
      `busybox@${loaded?.image.manifest}`,
    ]) {
      assert.is(store.find(reference)?.id, id, reference);
    }
    assert.is(store.find("nothing"), undefined);
    assert.throws(() => store.get("nothing"), /No image "nothing"/);
    assert.throws(() => store.tag("busybox", `x@${id}`), /must not have a digest/);
    assert.throws(() => store.remove(id), /has several names/);
    assert.equal(store.remove("busybox"), {
      untagged: ["docker.io/library/busybox:latest"],
      deleted: [],
    });
    const inUse = new Set([store.get(id).id]);
    assert.equal(store.remove("quay.io/x/y", { inUse }).deleted, []);
    assert.throws(() => store.remove("test/app:1", { inUse }), /a pod uses it/);
    assert.equal(store.prune({ all: true, inUse }).deleted, []);
    assert.equal(store.remove("test/app:1", { inUse, force: true }), {
      untagged: ["docker.io/test/app:1"],
      deleted: [],
    });
    assert.equal(ImageStore.open({ root }).get(id).names, []);
    const report = store.prune();
    assert.equal(report.deleted, [id]);
    assert.ok(report.freedBytes > 0);
    await store.settled();
    assertClean(0, 0);
  }),
);

load(
  "keeps unpacked files out of the reach of other users, and removes the strangest trees",
  withDeadline(60_000, async () => {
    const strange = tar([
      { name: "./", type: "5", mode: 0o777 },
      { name: "locked/", type: "5", mode: 0 },
      { name: "locked/file", mode: 0 },
      { name: "\xff\xfe/", type: "5" },
      { name: "\xff\xfe/\x01\n", content: "x" },
      { name: "p", type: "5", pax: [["path", `${"d/".repeat(900)}`]] },
    ]);
    chmodSync(folder, 0o755);
    const [loaded] = await store.load({
      stream: Readable.from([ociArchive([{ name: "strange", layers: [{ tar: strange }] }])]),
    });
    const layerFolder = store.layerFolders(store.get("strange"))[0] ?? "";
    const peek = await runCommand("setpriv", ["--reuid=1000", "--clear-groups", "ls", layerFolder]);
    assert.match(peek.stderr, /Permission denied/);
    store.remove(loaded?.image.id ?? "");
    await store.settled();
    assertClean(0, 0);
    assert.not(existsSync(layerFolder));
  }),
);

load.run();
