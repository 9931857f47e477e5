// Large layers are unpacked while the archive is still being read. What comes of it is the same as
// without, and nothing of it is visible before the digests are verified.

import { randomBytes } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { mkdtemp, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PassThrough, Readable } from "node:stream";
import { gzipSync } from "node:zlib";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { messageOf } from "../../src/base/errors.ts";
import { ImageStore } from "../../src/image/store.ts";
import type { StoredImage } from "../../src/image/store-types.ts";
import { eventually } from "../support/eventually.ts";
import { listTree } from "../support/file-listing.ts";
import {
  archiveOf,
  type LayerInput,
  ociArchive,
  ociMembers,
  type TarItem,
  tar,
} from "../support/image-archive.ts";
import { requires } from "../support/requires.ts";
import { withDeadline } from "../support/with-deadline.ts";

requires("root");

const early = suite("a large layer");
let folder = "";
let root = "";
let store: ImageStore;
/** Does not get smaller by compression, so the layer is large in every form. */
const large: TarItem = { name: "large", content: randomBytes(3 << 20), mode: 0o640, uid: 7 };

early.before.each(async () => {
  folder = await mkdtemp(join(tmpdir(), "nspod-image-"));
  root = join(folder, "root");
  store = ImageStore.open({ root });
});

early.after.each(async () => {
  await store.settled();
  await rm(folder, { recursive: true, force: true });
});

async function load(layers: readonly LayerInput[]): Promise<StoredImage> {
  const archive = ociArchive([{ name: "large:1", layers }]);
  const [loaded] = await store.load({ stream: Readable.from([archive]) });
  if (loaded === undefined) throw new Error("No image was loaded");
  return loaded.image;
}

async function refusal(layers: readonly LayerInput[]): Promise<string> {
  try {
    await load(layers);
    return "accepted";
  } catch (error) {
    assert.equal(readdirSync(join(root, "layers")), []);
    assert.equal(readdirSync(join(root, "images", "blobs", "sha256")), []);
    assert.equal(
      readdirSync(join(root, "images")).filter((name) => name.startsWith("tmp-")),
      [],
    );
    return messageOf(error);
  }
}

early(
  "is being unpacked before the archive has ended, and visible only after",
  withDeadline(60_000, async () => {
    const layer = tar([large]);
    const archive = ociArchive([{ name: "large:1", layers: [{ tar: layer, packed: layer }] }]);
    // All but the end of the layer, wherever it stands.
    const begin = archive.indexOf(layer.subarray(0, 4096));
    const stream = new PassThrough({ highWaterMark: 1 << 26 });
    stream.write(archive.subarray(0, begin + layer.length - 4096));
    const loading = store.load({ stream });
    const layers = join(root, "layers");
    await eventually("the layer's first file", 30_000, () => {
      const [work] = readdirSync(layers).filter((name) => name.startsWith("tmp-"));
      const [unpacked] = work === undefined ? [] : readdirSync(join(layers, work));
      if (work === undefined || unpacked === undefined) return undefined;
      return readdirSync(join(layers, work, unpacked)).includes("large") || undefined;
    });
    assert.equal(store.list(), []);
    stream.end(archive.subarray(begin + layer.length - 4096));
    await loading;
    assert.is(store.list().length, 1);
  }),
);

for (const form of ["plain", "gzip"] as const) {
  const packedAs = (layer: Buffer): Buffer => (form === "plain" ? layer : gzipSync(layer));

  early(
    `takes its root from below, ${form}`,
    withDeadline(60_000, async () => {
      const below = tar([{ name: "./", type: "5", mode: 0o1750, uid: 5, gid: 6, mtime: 1000 }]);
      const above = tar([large]);
      const image = await load([{ tar: below }, { tar: above, packed: packedAs(above) }]);
      const upper = store.layerFolders(image)[1] ?? "";
      assert.match(upper, /\/chain-[0-9a-f]{64}$/);
      const { mode, uid, gid, mtimeMs } = await stat(upper);
      assert.equal([mode & 0o7777, uid, gid, mtimeMs], [0o1750, 5, 6, 1_000_000]);
      const file = await stat(join(upper, "large"));
      assert.equal([file.mode & 0o7777, file.uid, file.size], [0o640, 7, 3 << 20]);
    }),
  );

  early(
    `is unpacked again when it needs the layers below, ${form}`,
    withDeadline(60_000, async () => {
      const below = tar([
        { name: "d/", type: "5", mode: 0o700, uid: 3 },
        { name: "d/file", content: "below" },
      ]);
      const above = tar([large, { name: "d/link", type: "1", link: "d/file" }]);
      const image = await load([{ tar: below }, { tar: above, packed: packedAs(above) }]);
      const upper = store.layerFolders(image)[1] ?? "";
      const names = Object.keys(await listTree(upper)).sort();
      assert.ok(
        names.some((name) => name.endsWith("d/link")),
        names.join(" "),
      );
      const [link, directory] = [await stat(join(upper, "d/link")), await stat(join(upper, "d"))];
      assert.equal([link.size, link.nlink, directory.uid], [5, 2, 3]);
    }),
  );

  early(
    `has files of every size as they were, ${form}`,
    withDeadline(60_000, async () => {
      // Around the sizes that are copied by the kernel, fill a batch, and take several.
      const sizes = [0, 1, 8191, 8192, 8193, (512 << 10) - 700, 512 << 10, (1 << 20) + 1, 2500001];
      const files = sizes.map((size, index) => ({
        name: `f${index}`,
        content: randomBytes(size),
        mode: index % 2 === 0 ? 0 : 0o4555,
      }));
      const layer = tar([large, ...files]);
      const image = await load([{ tar: layer, packed: packedAs(layer) }]);
      const unpacked = store.layerFolders(image)[0] ?? "";
      for (const { name, content, mode } of files) {
        const path = join(unpacked, name);
        assert.ok(readFileSync(path).equals(content), `${name}, ${content.length} bytes`);
        assert.is((await stat(path)).mode & 0o7777, mode, name);
      }
    }),
  );

  early(
    `with another diffID is refused, ${form}`,
    withDeadline(60_000, async () => {
      const layer = tar([large]);
      const diffId = `sha256:${"0".repeat(64)}`;
      const message = await refusal([{ tar: layer, packed: packedAs(layer), diffId }]);
      assert.match(message, /layer sha256:[0-9a-f]{64}: its unpacked digest is sha256:/);
    }),
  );

  early(
    `that leads out of its root is refused, ${form}`,
    withDeadline(60_000, async () => {
      const layer = tar([large, { name: "../escaped", content: "x" }]);
      const message = await refusal([{ tar: layer, packed: packedAs(layer) }]);
      assert.match(message, /layer sha256:[0-9a-f]{64}: entry 2 \("\.\.\/escaped"\): .*"\.\."/);
    }),
  );
}

early(
  "plain, beside others of its kind, each with its own files",
  withDeadline(60_000, async () => {
    const body = (): Buffer => randomBytes(2 << 20);
    const contents = [body(), body(), body(), body()];
    const layers = contents.map((content, index) => {
      const items: TarItem[] = [{ name: `f${index}`, content }];
      // The third one cannot be unpacked alone: it gets the file that it links.
      if (index === 2) items.push({ name: "link", type: "1", link: "f0" });
      return tar(items);
    });
    const image = await load(layers.map((layer) => ({ tar: layer, packed: layer })));
    for (const [index, folder] of store.layerFolders(image).entries()) {
      const names = index === 2 ? ["f0", "f2", "link"] : [`f${index}`];
      assert.equal(readdirSync(folder).sort(), names);
      const content = contents[index] ?? Buffer.alloc(0);
      assert.ok(readFileSync(join(folder, `f${index}`)).equals(content), `layer ${index}`);
    }
    const linked = readFileSync(join(store.layerFolders(image)[2] ?? "", "link"));
    assert.ok(linked.equals(contents[0] ?? Buffer.alloc(0)));
  }),
);

early(
  "plain, that is damaged behind good ones leaves nothing of them",
  withDeadline(60_000, async () => {
    const good = tar([large]);
    const bad = tar([{ name: "f", content: randomBytes(2 << 20) }, { name: "../escaped" }]);
    const message = await refusal(
      [good, tar([large, { name: "g" }]), bad].map((layer) => ({ tar: layer, packed: layer })),
    );
    assert.match(message, /layer sha256:[0-9a-f]{64}: entry 2 \("\.\.\/escaped"\)/);
  }),
);

early(
  "that no image names leaves nothing",
  withDeadline(60_000, async () => {
    const layer = tar([large]);
    const members = ociMembers([{ name: "small:1", layers: [{ tar: tar([{ name: "a" }]) }] }]);
    await store.load({
      stream: Readable.from([archiveOf(new Map([["stray.tar", layer], ...members]))]),
    });
    assert.is(readdirSync(join(root, "layers")).length, 1);
  }),
);

early.run();
