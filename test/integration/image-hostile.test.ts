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
  blobName,
  describe,
  dockerArchive,
  dockerMembers,
  json,
  ociArchive,
  ociImage,
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
      [{ name: "a/../../x" }, /its path contains/],
      [{ name: "x", pax: [["path", "b/../c"]] }, /its path contains/],
      [{ name: "x", pax: [["path", "a\0b"]] }, /NUL/],
      [{ name: "x", pax: [["path", "n".repeat(256)]] }, /longer than 255/],
      [{ name: "x", pax: [["path", "long/".repeat(900)]] }, /longer than 4095|ends with/],
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
    for (const name of [".wh.", ".wh..", ".wh..."]) {
      await refused(layer([{ name: `d/${name}` }]), /whiteout without a name/);
    }
    await refused(layer([{ name: ".wh.../x" }, { name: "../.wh.x" }]), /its path contains/);
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
    await refused(
      layer([
        {
          name: "s",
          pax: [
            ["GNU.sparse.size", "100"],
            ["GNU.sparse.map", "90,20"],
          ],
        },
      ]),
      /sparse map is malformed/,
    );
    await refused(
      layer([
        {
          name: "s",
          content: "too much",
          pax: [
            ["GNU.sparse.size", "100"],
            ["GNU.sparse.map", "0,4"],
          ],
        },
      ]),
      /sparse map is shorter/,
    );
    await refused(
      layer([
        {
          name: "s",
          content: "x",
          pax: [
            ["GNU.sparse.size", "100"],
            ["GNU.sparse.map", "0,4"],
          ],
        },
      ]),
      /sparse map is longer/,
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
    // Sampled: every cut costs a process. The end mark, each header's neighbourhood, odd bytes.
    const cuts = new Set([
      1,
      2,
      3,
      blocks - 1,
      blocks - 2,
      ...Array.from({ length: 12 }, (_, i) => Math.floor((i * blocks) / 12)),
    ]);
    for (const cut of cuts) {
      await refused(archive.subarray(0, cut * 512), /truncated|missing|neither|empty|too early/);
    }
    await refused(archive.subarray(0, archive.length - 700), /truncated/);
    const packed = gzipSync(archive);
    for (const cut of [5, 100, packed.length - 8, packed.length - 1]) {
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
  "with damaged tar blocks is refused",
  withDeadline(60_000, async () => {
    const good = [
      tarEntry({ name: "a", content: "a" }),
      tarEntry({ name: "b", content: "b" }),
    ] as const;
    const flipped = Buffer.from(good[0]);
    flipped[3] = 0x41;
    await refused(layer([flipped, good[1]]), /entry 1: the checksum of its header is wrong/);
    await refused(layer([good[0], Buffer.alloc(512), good[1]]), /lone zero block after 1 entries/);
    await refused(layer([good[0], Buffer.alloc(1024), good[1]]), /goes on after its end mark/);
    await refused(layer([{ name: "a", size: 5000, content: "short" }]), /truncated|checksum/);
    await refused(
      layer([{ name: "a", type: "Z" }]),
      /entry 1 \("a"\): entries of type "Z" are not supported/,
    );
    await refused(layer([{ name: "a", type: "M" }]), /type "M"/);
    await refused(
      layer([{ name: "p", type: "x", content: "12 path\n" }, { name: "a" }]),
      /PAX header is malformed/,
    );
    await refused(layer([{ name: "a", pax: [["uid", "-1"]] }]), /"uid" is not a number/);
    await refused(
      layer([{ name: "a", pax: [["uid", "4294967295"]] }]),
      /its uid is not a number from 0/,
    );
    await refused(layer([{ name: "a", pax: [["mtime", "soon"]] }]), /its time is not a number/);
    await refused(layer([{ name: "a", pax: [["size", "x"]] }]), /"size" is not a number/);
    await refused(Buffer.from("not a tar at all, but text".repeat(100)), /checksum/);
    await refused(Buffer.alloc(0), /it is empty/);
    await refused(
      Buffer.concat([Buffer.from([0xfd, 0x37, 0x7a, 0x58, 0x5a, 0]), Buffer.alloc(100)]),
      /compressed with xz/,
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
      const missing = new Map(members);
      missing.delete(name);
      await refused(archiveOf(missing), /missing from the archive/);
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
  "with documents that lie is refused",
  withDeadline(90_000, async () => {
    const bytes = tar([{ name: "f", content: "f" }]);
    const { descriptor, blobs } = ociImage({ layers: [{ tar: bytes }] });
    const withIndex = (index: unknown): Buffer =>
      archiveOf(
        new Map([
          ["index.json", json(index)],
          ...blobs.map((blob) => [blobName(blob), blob] as const),
        ]),
      );
    const digests = [
      "sha256:../../x",
      `sha256:${"A".repeat(64)}`,
      "sha256:abc",
      "sha512:abc",
      "",
      null,
      7,
    ];
    for (const digest of digests) {
      await refused(
        withIndex({ manifests: [{ ...descriptor, digest }] }),
        /must be "sha256:" and 64 lower-case hex digits/,
      );
    }
    await refused(
      withIndex({ manifests: [descriptor], layers: [] }),
      /an index and a manifest at once/,
    );
    await refused(
      withIndex({ manifests: [{ ...descriptor, size: descriptor.size + 1 }] }),
      /has \d+ bytes instead of/,
    );
    await refused(withIndex({ manifests: [] }), /contains no image/);
    await refused(withIndex([]), /must be an object/);
    await refused(
      withIndex({ manifests: [{ ...descriptor, mediaType: "application/x" }] }),
      /"application\/x" is not supported/,
    );
    await refused(
      archiveOf(new Map([["index.json", Buffer.from("{")]])),
      /index.json: it is not valid JSON/,
    );
    const erofs = { tar: bytes, mediaType: "application/vnd.erofs.layer.v1" };
    await refused(
      ociArchive([{ layers: [erofs] }]),
      /layers\[0\]: mediaType "application\/vnd.erofs.layer.v1" is not supported/,
    );
    const foreign = ociImage({ layers: [{ tar: bytes }], architecture: "s390x" });
    const index = json({
      manifests: [
        { ...foreign.descriptor, platform: { os: "linux", architecture: "s390x" } },
        { ...foreign.descriptor, platform: { os: "linux", architecture: "arm", variant: "v7" } },
      ],
    });
    const nested = new Map([
      [
        "index.json",
        json({ manifests: [describe(index, "application/vnd.oci.image.index.v1+json")] }),
      ],
      [blobName(index), index],
      ...foreign.blobs.map((blob) => [blobName(blob), blob] as const),
    ]);
    await refused(
      archiveOf(nested),
      /it has no image for linux\/(amd64|arm64): it has linux\/s390x, linux\/arm\/v7/,
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
    for (const path of ["../../../../etc/passwd", "/etc/passwd", `${canary}/file`]) {
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
    const tags = ["ok:1", "bad\nname", "..", "UPPER/case:1", "a b", "<none>:<none>"];
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
