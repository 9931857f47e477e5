// An image store that fails where it is told to, in this process and in the helpers that it starts, and what is there
// of it afterwards.
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as assert from "uvu/assert";
import { isPodError, messageOf } from "../../src/base/errors.ts";
import { armFailpoints, failpointVariable } from "../../src/base/failpoint.ts";
import type { FailpointName } from "../../src/base/failpoint-table.ts";
import { ImageStore } from "../../src/image/store.ts";
import type { ImageSource } from "../../src/image/store-types.ts";
import { ociArchive, padded, tar } from "./image-archive.ts";

/** Every step of an import at which something is made or written. */
export const importSteps: readonly FailpointName[] = [
  "image/import-images.folder",
  "image/staged-members.open",
  "image/staged-members.write",
  "image/sparse-writer.write",
  "image/layer-writer.batch",
  "image/read-archive.sync",
  "image/import-images.blob",
  "image/import-images.layer",
  "image/import-images.sync",
  "base/atomic-write.write",
  "base/atomic-write.sync",
  "base/atomic-write.rename",
  "base/atomic-write.folder",
];

/** What the kernel says when a disk is full, a disk is broken, and there are no descriptors left. */
export const importErrors = ["ENOSPC", "EIO", "EMFILE"] as const;

const name = "test/app:1";

export class FailingStore implements AsyncDisposable {
  readonly #folder: string = mkdtempSync(join(tmpdir(), "nspod-failing-import-"));
  readonly #root: string = join(this.#folder, "root");
  readonly archive: string = join(this.#folder, "app.tar");
  readonly store: ImageStore;
  readonly #empty: readonly string[];

  constructor() {
    writeFileSync(this.archive, appArchive());
    // Helpers run from source here, and an import starts three.
    process.env["NODE_COMPILE_CACHE"] = join(this.#folder, "cache");
    this.store = ImageStore.open({ root: this.#root });
    this.#empty = this.content();
  }

  /** All files and folders of the store, but for the files of its layers. */
  content(): readonly string[] {
    return ["images", "images/blobs/sha256", "layers"].flatMap((folder) =>
      readdirSync(join(this.#root, folder)).map((each) => `${folder}/${each}`),
    );
  }

  /** One import with these points armed. @returns its error. */
  async load(points = "", source: ImageSource = { path: this.archive }): Promise<unknown> {
    arm(points);
    try {
      await this.store.load(source);
      return undefined;
    } catch (error) {
      return error;
    } finally {
      arm("");
      await this.store.settled();
    }
  }

  /** The store has nothing, here and for the next daemon. @param what - what was tried. */
  assertEmpty(what: string): void {
    assert.equal(this.store.list(), [], what);
    assert.equal(this.content(), this.#empty, what);
    const next = ImageStore.open({ root: this.#root });
    assert.equal([...next.list(), ...next.problems], [], what);
  }

  /** The image is whole, here and for the next daemon, and there is nothing but it; removes it. */
  async assertLoaded(what: string): Promise<void> {
    const blobs = 4;
    const layers = 2;
    assert.is(this.content().length, this.#empty.length + blobs + layers, what);
    for (const store of [this.store, ImageStore.open({ root: this.#root })]) {
      assert.equal(store.problems, [], what);
      assert.is(store.layerFolders(store.get(name)).length, layers, what);
    }
    this.store.remove(name);
    await this.store.settled();
    this.assertEmpty(what);
  }

  /**
   * Lets an import fail when it comes by a step for the Nth time.
   * @returns whether it came by so often; else it has succeeded, and the image is there.
   */
  async failAt(step: FailpointName, time: number, code: string): Promise<boolean> {
    const points = `${step}=error(${code}):@${time}`;
    const error = await this.load(points);
    if (error === undefined) return false;
    assert.ok(isPodError(error), points);
    const sentence = `Cannot import image "app.tar": (?:layer sha256:[0-9a-f]{64}: )?`;
    assert.match(messageOf(error), new RegExp(`^${sentence}${code}: fail point ${step}$`), points);
    this.assertEmpty(points);
    return true;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.store.settled();
    delete process.env["NODE_COMPILE_CACHE"];
    rmSync(this.#folder, { recursive: true });
  }
}

/** Helpers take the points of the environment that they begin with. */
function arm(points: string): void {
  if (points === "") delete process.env[failpointVariable];
  else process.env[failpointVariable] = points;
  armFailpoints(process.env);
}

/** A layer that is unpacked while it is read, and one that has a file with holes. */
function appArchive(): Buffer {
  const large = tar([
    { name: "etc/", type: "5" },
    { name: "etc/large", content: Buffer.alloc(1200 << 10, "large") },
  ]);
  const holes = tar([
    {
      name: "GNUSparseFile.0/holes",
      content: Buffer.concat([padded(Buffer.from("2\n0\n4\n8192\n4\n")), Buffer.from("headtail")]),
      pax: [
        ["GNU.sparse.major", "1"],
        ["GNU.sparse.minor", "0"],
        ["GNU.sparse.name", "holes"],
        ["GNU.sparse.realsize", "12288"],
      ],
    },
  ]);
  return ociArchive([{ name, layers: [{ tar: large, packed: large }, { tar: holes }] }]);
}
