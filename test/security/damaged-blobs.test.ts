// Promise: what was damaged in the image store after it was loaded is found out before it is used or handed on, is told,
// hurts no other image, and is mended by loading the image again (security: C-19).
import {
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { messageOf } from "../../src/base/errors.ts";
import { ImageStore } from "../../src/image/store.ts";
import { ociArchive, tar } from "../support/image-archive.ts";
import { requires } from "../support/requires.ts";
import { withDeadline } from "../support/with-deadline.ts";

requires("root");

const damaged = suite("a blob that was damaged");
const names = ["test/one:1", "test/two:1"];
let root = "";

function archive(name: string): Buffer {
  const layer = tar([{ name: "file", content: `content of ${name}\n`.repeat(100) }]);
  return ociArchive([{ name, layers: [{ tar: layer }], config: { author: name } }]);
}

const archives = new Map(names.map((name) => [name, archive(name)]));

async function load(store: ImageStore, name: string): Promise<void> {
  await store.load({ stream: Readable.from([archives.get(name)]) });
}

damaged.before(async () => {
  root = mkdtempSync(join(tmpdir(), "nspod-blobs-"));
  const store = ImageStore.open({ root });
  for (const name of names) await load(store, name);
});
damaged.after(() => rmSync(root, { recursive: true }));

/** What is wrong with an image of a store that was just opened, if anything. */
async function problemOf(store: ImageStore, name: string): Promise<string | undefined> {
  try {
    for await (const _ of store.save([name], "oci")) void _;
    return undefined;
  } catch (error) {
    return [...store.problems, messageOf(error)].join("; ");
  }
}

const damages: Readonly<Record<string, (path: string) => void>> = {
  "one bit is another": (path) => {
    const bytes = readFileSync(path);
    const middle = bytes.length >> 1;
    bytes.writeUInt8(bytes.readUInt8(middle) ^ 1, middle);
    writeFileSync(path, bytes);
  },
  "half of it is gone": (path) => truncateSync(path, readFileSync(path).length >> 1),
  "zeros are in its place": (path) => writeFileSync(path, Buffer.alloc(readFileSync(path).length)),
  "it is gone": (path) => rmSync(path),
};

/** By what a blob is. */
const kinds: Readonly<Record<string, RegExp>> = {
  manifest: /"layers"/,
  config: /"rootfs"/,
  layer: /^[^{]/,
};

for (const [index, [what, damage]] of Object.entries(damages).entries()) {
  const kind = Object.keys(kinds)[index % 3] ?? "";
  damaged(
    `is told, hurts no other image, and is mended by another load: ${kind}, ${what}`,
    withDeadline(60_000, async () => {
      const folder = join(root, "images/blobs/sha256");
      const blobs = readdirSync(folder);
      assert.is(blobs.length, 6, "a manifest, a config and a layer of each");
      const blob = blobs.find((name) =>
        kinds[kind]?.test(readFileSync(join(folder, name), "utf8")),
      );
      const path = join(folder, blob ?? "");
      const whole = readFileSync(path);
      damage(path);
      const store = ImageStore.open({ root });
      const problems = await Promise.all(names.map((name) => problemOf(store, name)));
      const broken = names.filter((_, number) => problems[number] !== undefined);
      assert.is(broken.length, 1, problems.join("\n"));
      assert.match(problems.join(""), new RegExp(`${blob} is damaged|ENOENT.*${blob}`));
      await load(store, broken[0] ?? "");
      assert.ok(readFileSync(path).equals(whole), "mended");
      assert.is(await problemOf(ImageStore.open({ root }), broken[0] ?? ""), undefined);
      await store.settled();
    }),
  );
}

damaged.run();
