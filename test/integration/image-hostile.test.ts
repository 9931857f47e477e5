// Damaged, truncated and hostile archives: each is one clear error that names what is wrong, or it
// unpacks inside its root; nothing is left behind, and nothing outside is touched.
import { existsSync, readdirSync } from "node:fs";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { gzipSync, zstdCompressSync } from "node:zlib";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { messageOf } from "../../src/base/errors.ts";
import { ImageStore } from "../../src/image/store.ts";
import { type Listing, listTree } from "../support/file-listing.ts";
import {
  archiveOf,
  dockerArchive,
  dockerMembers,
  json,
  ociArchive,
  ociMembers,
  padded,
  type TarItem,
  tar,
  tarEntry,
} from "../support/image-archive.ts";
import { requires } from "../support/requires.ts";
import { withDeadline } from "../support/with-deadline.ts";

requires("root", "tool:python3");

const hostile = suite("a hostile archive");
let folder = "";
let root = "";
let canary = "";
let store: ImageStore;
let before: Listing = {};

hostile.before.each(async () => {
  folder = await mkdtemp(join(tmpdir(), "nspod-image-"));
  root = join(folder, "root");
  canary = join(folder, "canary");
  await mkdir(canary);
  await writeFile(join(canary, "file"), "untouched", { mode: 0o600 });
  before = await listTree(canary);
  store = ImageStore.open({ root });
});

hostile.after.each(async () => {
  await store.settled();
  await rm(folder, { recursive: true, force: true });
});

const load = (archive: Buffer): ReturnType<ImageStore["load"]> =>
  store.load({ stream: Readable.from([archive]) });

function assertEmpty(): void {
  assert.equal(readdirSync(join(root, "layers")), []);
  assert.equal(readdirSync(join(root, "images", "blobs", "sha256")), []);
  assert.equal(readdirSync(join(root, "images")).sort(), [
    "blobs",
    "index.json",
    "lock",
    "oci-layout",
  ]);
  assert.equal(store.list(), []);
}

async function refused(archive: Buffer, reason: RegExp): Promise<void> {
  let message = "";
  try {
    await load(archive);
  } catch (error) {
    message = messageOf(error);
  }
  assert.match(message, reason);
  assert.match(message, /^Cannot import image /);
  assert.ok(!/\n/.test(message), "one line");
  assertEmpty();
  assert.equal(await listTree(canary), before);
}

const layer = (items: readonly (TarItem | Buffer)[]): Buffer =>
  ociArchive([{ name: "x", layers: [{ tar: tar(items) }] }]);

/** Loads an image of one layer and lists what it became. */
async function unpacked(items: readonly (TarItem | Buffer)[]): Promise<Listing> {
  const [loaded] = await load(layer(items));
  if (loaded === undefined) throw new Error("nothing was loaded");
  const listing = await listTree(store.layerFolders(loaded.image)[0] ?? "");
  store.remove(loaded.image.id, { force: true });
  await store.settled();
  assertEmpty();
  assert.equal(await listTree(canary), before);
  return listing;
}

hostile(
  "cannot leave its root by name",
  withDeadline(60_000, async () => {
    const bad: readonly (readonly [TarItem, RegExp])[] = [
      [{ name: "../x" }, /entry 1 \("\.\.\/x"\): its path contains "\.\."/],
      [{ name: "x", type: "5", pax: [["path", "d/".repeat(1100)]] }, /1024 folders deep/],
      [{ name: "", content: "root is no file" }, /the root of the image must be a folder/],
    ];
    for (const [item, reason] of bad) await refused(layer([item]), reason);
    const good = await unpacked([
      { name: "/etc//./passwd", content: "a" },
      { name: "././b", content: "b" },
      { name: canary, type: "5" },
    ]);
    assert.ok(good["etc/passwd"] && good["b"] && good[canary.slice(1)]);
  }),
);

hostile(
  "cannot leave its root by symlinks",
  withDeadline(60_000, async () => {
    const listing = await unpacked([
      { name: "a", type: "2", link: canary },
      { name: "a/x", content: "inside" },
      { name: "up", type: "2", link: "../../../../../.." },
      { name: "up/etc/y", content: "inside" },
      { name: "file", type: "2", link: `${canary}/file` },
      { name: "file", content: "replaces the link" },
    ]);
    assert.equal(listing[`${canary.slice(1)}/x`]?.["size"], 6);
    assert.equal(listing["etc/y"]?.["size"], 6);
    assert.equal(listing["file"]?.["kind"], "file");
    const chain = Array.from(
      { length: 41 },
      (_, i): TarItem => ({ name: `l${i}`, type: "2", link: `l${i + 1}` }),
    );
    await refused(layer([...chain, { name: "l0/x" }]), /more than 40 symlinks/);
    await refused(
      layer([{ name: "l", type: "2", link: "l" }, { name: "l/x" }]),
      /more than 40 symlinks/,
    );
    await refused(
      layer([{ name: "f", content: "" }, { name: "f/x" }]),
      /"f", which is not a folder/,
    );
  }),
);

hostile(
  "cannot reach other files by hard links",
  withDeadline(60_000, async () => {
    await refused(
      layer([{ name: "x", type: "1", link: "../../canary/file" }]),
      /its path contains/,
    );
    await refused(
      layer([{ name: "x", type: "1", link: `${canary}/file` }]),
      /hard link to a file that does not exist/,
    );
    await refused(
      layer([
        { name: "a", type: "2", link: canary },
        { name: "x", type: "1", link: "a/file" },
      ]),
      /hard link to a file that does not exist/,
    );
    await refused(
      layer([
        { name: "d/", type: "5" },
        { name: "x", type: "1", link: "d" },
      ]),
      /hard link to a folder/,
    );
    const listing = await unpacked([
      { name: "a", type: "2", link: `${canary}/file` },
      { name: "x", type: "1", link: "a", mode: 0o777 },
    ]);
    assert.equal(listing["x"]?.["kind"], "symlink");
  }),
);

hostile(
  "gets whiteouts only inside its layer",
  withDeadline(60_000, async () => {
    await refused(layer([{ name: "d/.wh..." }]), /whiteout without a name/);
    const listing = await unpacked([
      { name: "link", type: "2", link: canary },
      { name: "link/.wh.file" },
      { name: "link/.wh..wh..opq" },
      { name: ".wh..wh.plnk" },
      { name: "same/", type: "5" },
      { name: ".wh.same" },
      { name: "kept" },
      { name: ".wh.kept" },
    ]);
    assert.equal(listing[`${canary.slice(1)}/file`]?.["device"], [0, 0]);
    assert.equal(listing[canary.slice(1)]?.["xattrs"], { "trusted.overlay.opaque": "79" });
    assert.equal(listing["same"]?.["xattrs"], { "trusted.overlay.opaque": "79" });
    assert.equal(listing["kept"]?.["kind"], "file");
    assert.equal(listing[".wh..wh.plnk"], undefined);
  }),
);

hostile(
  "cannot forge overlayfs' own marks",
  withDeadline(60_000, async () => {
    await refused(
      layer([{ name: "w", type: "3", major: 0, minor: 0 }]),
      /entry 1 \("w"\): device 0:0 is reserved/,
    );
    await refused(
      layer([{ name: "w", type: "3", major: 5000, minor: 0 }]),
      /device 5000:0 does not exist/,
    );
    const xattrs = [
      "trusted.overlay.redirect",
      "trusted.overlay.metacopy",
      "trusted.overlay.opaque",
      "user.overlay.opaque",
      "security.selinux",
      "security.ima",
      "user.fine",
    ];
    const archive = layer([
      {
        name: "f",
        content: "f",
        pax: xattrs.map((name) => [`SCHILY.xattr.${name}`, "y"] as const),
      },
    ]);
    const [loaded] = await load(archive);
    if (loaded === undefined) throw new Error("nothing was loaded");
    const listing = await listTree(store.layerFolders(loaded.image)[0] ?? "");
    assert.equal(listing["f"]?.["xattrs"], { "user.fine": "79" });
    assert.match(
      loaded.warnings.join(),
      /entry 1 \("f"\): extended attributes were left out: trusted.overlay.redirect/,
    );
  }),
);

hostile(
  "cannot exhaust disk or memory",
  withDeadline(90_000, async () => {
    store = ImageStore.open(
      { root },
      { limits: { unpackedBytes: 200 << 20, entries: 1000, ratioFreeBytes: 1 << 20 } },
    );
    const zeros = Buffer.alloc(30 << 20);
    const bomb = (packed: Buffer): Buffer =>
      ociArchive([{ layers: [{ tar: tar([{ name: "z", content: zeros }]), packed }] }]);
    const zeroTar = tar([{ name: "z", content: zeros }]);
    await refused(bomb(gzipSync(zeroTar)), /decompression bomb/);
    await refused(bomb(zstdCompressSync(zeroTar)), /decompression bomb/);
    const many = Array.from({ length: 1001 }, (_, i): TarItem => ({ name: `f${i}` }));
    await refused(layer(many), /more than 1000 entries/);
    await refused(
      layer([{ name: "x", type: "x", content: Buffer.alloc((1 << 20) + 1, "x") }, { name: "y" }]),
      /extended header is larger/,
    );
    await refused(layer([{ name: "x", type: "L", size: 2 ** 30 }]), /extended header is larger/);
    const sparse = [
      ["GNU.sparse.major", "1"],
      ["GNU.sparse.minor", "0"],
      ["GNU.sparse.realsize", "9000000000000000"],
    ] as const;
    await refused(
      layer([{ name: "s", content: padded(Buffer.from("0\n")), pax: sparse }]),
      /larger than 200 MiB/,
    );
  }),
);

hostile(
  "that is cut off anywhere is refused",
  withDeadline(110_000, async () => {
    const archive = ociArchive([
      { name: "cut", layers: [{ tar: tar([{ name: "f", content: Buffer.alloc(9000, "f") }]) }] },
    ]);
    const blocks = archive.length / 512;
    // Every cut costs a process; test/unit/image/read-tar.test.ts tries them all.
    for (const cut of [3, blocks - 1]) {
      await refused(archive.subarray(0, cut * 512), /truncated|missing|too early/);
    }
    await refused(archive.subarray(0, archive.length - 700), /truncated/);
    const packed = gzipSync(archive);
    for (const cut of [packed.length - 1]) {
      await refused(packed.subarray(0, cut), /truncated|damaged/);
    }
    const zstd = zstdCompressSync(archive);
    await refused(zstd.subarray(0, zstd.length - 3), /truncated|damaged/);
    const inner = gzipSync(tar([{ name: "f", content: Buffer.alloc(90_000, "f") }]));
    await refused(
      ociArchive([
        {
          layers: [
            {
              tar: tar([{ name: "f", content: Buffer.alloc(90_000, "f") }]),
              packed: inner.subarray(0, inner.length - 9),
            },
          ],
        },
      ]),
      /layer sha256:[0-9a-f]{64}: its gzip data is damaged or truncated/,
    );
  }),
);

hostile(
  "with wrong digests is refused",
  withDeadline(60_000, async () => {
    const bytes = tar([{ name: "f", content: "f" }]);
    const members = ociMembers([{ layers: [{ tar: bytes }] }]);
    for (const [name, content] of members) {
      if (!name.startsWith("blobs/")) continue;
      const edited = new Map(members).set(name, Buffer.concat([content, Buffer.from(" ")]));
      await refused(
        archiveOf(edited),
        /has digest sha256:[0-9a-f]{64}: the archive is damaged or was edited/,
      );
    }
    const lie = `sha256:${"0".repeat(64)}`;
    await refused(
      ociArchive([{ layers: [{ tar: bytes, diffId: lie }] }]),
      /layer sha256:[0-9a-f]{64}: its unpacked digest is sha256:[0-9a-f]{64}: the archive is damaged or was edited/,
    );
    await refused(
      dockerArchive([{ layers: [{ tar: bytes, diffId: lie }] }]),
      /its unpacked digest is/,
    );
    // A layer that the store has does not vouch for other bytes.
    const [first] = await load(ociArchive([{ name: "good", layers: [{ tar: bytes }] }]));
    const other = gzipSync(tar([{ name: "g", content: "g" }]));
    let message = "";
    await load(
      ociArchive([
        { name: "bad", layers: [{ tar: bytes, packed: other }], config: { author: "x" } },
      ]),
    ).catch((error: unknown) => {
      message = messageOf(error);
    });
    assert.match(message, /its unpacked digest is/);
    assert.equal(
      store.list().map(({ id }) => id),
      [first?.image.id],
    );
  }),
);

hostile(
  "in Docker's form reads members of the archive only",
  withDeadline(60_000, async () => {
    const members = dockerMembers([{ name: "d", layers: [{ tar: tar([{ name: "f" }]) }] }]);
    const [item] = JSON.parse(String(members.get("manifest.json"))) as Record<string, unknown>[];
    const withManifest = (change: object): Buffer =>
      archiveOf(new Map(members).set("manifest.json", json([{ ...item, ...change }])));
    for (const path of ["../canary/file"]) {
      await refused(
        withManifest({ Config: path }),
        /manifest.json\[0\]\.Config: .* is missing from the archive/,
      );
      await refused(
        withManifest({ Layers: [path] }),
        /Layers\[0\]: .* is missing from the archive/,
      );
    }
    await refused(withManifest({ Layers: [] }), /it has 0 layers, its config 1 diff_ids/);
    await refused(withManifest({ Layers: "x" }), /must be a list/);
    const link = tarEntry({ name: "evil.json", type: "2", link: `${canary}/file` });
    await refused(
      Buffer.concat([link, withManifest({ Config: "evil.json" })]),
      /"evil.json" is missing from the archive/,
    );
    const tags = ["ok:1", "bad\nname", "..", "UPPER:1", "a b", "<none>:<none>"];
    const [loaded] = await load(withManifest({ RepoTags: tags }));
    assert.equal(loaded?.image.names, ["docker.io/library/ok:1"]);
    assert.equal(loaded?.warnings.length, 4);
  }),
);

hostile(
  "leaves nothing when the caller gives up or a helper is killed",
  withDeadline(60_000, async () => {
    const archive = layer([{ name: "f", content: Buffer.alloc(20 << 20, "text ") }]);
    const path = join(folder, "image.tar");
    await writeFile(path, archive);
    for (const after of [0, 1, 5]) {
      const controller = new AbortController();
      let steps = 0;
      const loading = store.load(
        { path },
        {
          signal: controller.signal,
          onProgress: () => {
            if (steps++ >= after) controller.abort();
          },
        },
      );
      if (after === 0) controller.abort();
      await loading.then(
        () => {
          store.remove("x");
        },
        (error: unknown) => assert.match(messageOf(error), /it was cancelled/),
      );
      await store.settled();
      assertEmpty();
    }
    const broken = new Readable({ read() {} });
    broken.push((await readFile(path)).subarray(0, 100_000));
    setImmediate(() => broken.destroy(new Error("connection lost")));
    await store.load({ stream: broken }).then(
      () => assert.unreachable(),
      (error: unknown) => assert.match(messageOf(error), /could not be read/),
    );
    assertEmpty();
    assert.not(existsSync(join(root, "layers", "tmp")));
  }),
);

hostile.run();
