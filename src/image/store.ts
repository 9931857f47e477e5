/**
 * The images of one nspod instance: an OCI layout with the packed layers, and the unpacked layers
 * beside it (layout.ts draws the tree). The index is read once and kept in memory; every change
 * writes index.json before its effect is told. Content that nothing names any more is moved aside
 * and removed by a helper in the background.
 *
 * One process at a time changes the store (the daemon holds its own lock).
 */
import { randomBytes } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { messageOf, PodError } from "../base/errors.ts";
import { failpoint } from "../base/failpoint.ts";
import { type Digest, isDigest } from "../base/ids.ts";
import type { Instance } from "../base/instance.ts";
import {
  decodeConfig,
  decodeManifest,
  decodeRunConfig,
  documentLimits,
  parseJson,
} from "./decode-documents.ts";
import { importImages, type PreparedImport, removeTree } from "./import-images.ts";
import {
  blobPath,
  chainIds,
  damagedBlob,
  digestOf,
  ensureLayout,
  findLayer,
  hexOf,
  indexEntry,
  type LayoutPaths,
  layoutPaths,
  readIndex,
  writeIndex,
} from "./layout.ts";
import { defaultLimits, type ImportLimits } from "./limits.ts";
import { StoreLock } from "./lock.ts";
import type { PlannedImage, RootfsTask } from "./messages.ts";
import { annotations, type Descriptor, type ImageManifest } from "./oci-types.ts";
import { familiarName, formatReference, normaliseName, parseReference } from "./reference.ts";
import { saveImages } from "./save-images.ts";
import type {
  ImageSource,
  ImportRootfsOptions,
  LoadedImage,
  LoadOptions,
  MovedName,
  PruneReport,
  RemovedReport,
  StoredImage,
} from "./store-types.ts";

interface Entry {
  readonly image: StoredImage;
  readonly descriptor: Descriptor;
  readonly manifest: ImageManifest;
  /** Bytes of files of each layer, lowest first. */
  readonly layerBytes: readonly number[];
}

export interface ImageStoreOptions {
  /** Settings that tests change. */
  readonly limits?: Partial<ImportLimits>;
  /** Called after an image has come or gone or changed its names. */
  readonly onChange?: () => void;
}

export class ImageStore {
  readonly #paths: LayoutPaths;
  readonly #limits: ImportLimits;
  readonly #onChange: () => void;
  /** By image ID. */
  #entries: ReadonlyMap<Digest, Entry>;
  #imports = 0;
  #cleaning: Promise<void> = Promise.resolve();
  /** Sentences about images of the index that could not be read; they are left out. */
  readonly problems: readonly string[];

  private constructor(paths: LayoutPaths, options: ImageStoreOptions) {
    this.#paths = paths;
    this.#limits = { ...defaultLimits, ...options.limits };
    this.#onChange = options.onChange ?? (() => undefined);
    const { entries, problems } = readEntries(paths);
    this.#entries = entries;
    this.problems = problems;
  }

  /**
   * Opens the store of an instance, makes it when there is none, and takes away what a crash left.
   * @throws PodError when index.json is damaged.
   */
  static open(instance: Pick<Instance, "root">, options: ImageStoreOptions = {}): ImageStore {
    const paths = layoutPaths(instance.root);
    ensureLayout(paths);
    const store = new ImageStore(paths, options);
    // An image that cannot be read keeps its parts until somebody has looked at it.
    if (store.problems.length === 0) store.#collect();
    return store;
  }

  /** All images, by their first name. */
  list(): readonly StoredImage[] {
    const key = (image: StoredImage): string => image.names[0] ?? `~${image.id}`;
    return [...this.#entries.values()]
      .map(({ image }) => image)
      .sort((a, b) => (key(a) < key(b) ? -1 : 1));
  }

  /**
   * Finds an image by name, `name@digest`, ID, or the first six or more digits of an ID.
   * @throws PodError InvalidArgument when several images have these digits.
   */
  find(reference: string): StoredImage | undefined {
    if (isDigest(reference)) return this.#byDigest(reference);
    const named = this.#byName(reference);
    if (named !== undefined) return named;
    const prefix = reference.replace(/^sha256:/, "");
    if (!/^[0-9a-f]{6,64}$/.test(prefix)) return undefined;
    const matches = this.list().filter(({ id }) => hexOf(id).startsWith(prefix));
    if (matches.length < 2) return matches[0];
    throw new PodError(
      "InvalidArgument",
      `Cannot tell which image "${reference}" is: ${matches.length} IDs begin with it`,
    );
  }

  #byDigest(digest: Digest): StoredImage | undefined {
    return (
      this.#entries.get(digest)?.image ??
      [...this.#entries.values()].find(({ image }) => image.manifest === digest)?.image
    );
  }

  #byName(text: string): StoredImage | undefined {
    let reference: ReturnType<typeof parseReference>;
    try {
      reference = parseReference(text);
    } catch (error) {
      // An ID of 64 digits is no name.
      if (error instanceof PodError) return undefined;
      throw error;
    }
    if (reference.digest !== undefined) return this.#byDigest(reference.digest);
    const name = formatReference(reference);
    return [...this.#entries.values()].find(({ image }) => image.names.includes(name))?.image;
  }

  /** @throws PodError NotFound. */
  get(reference: string): StoredImage {
    const image = this.find(reference);
    if (image !== undefined) return image;
    throw new PodError(
      "NotFound",
      `No image ${JSON.stringify(reference)}: load it with "nspod image load"`,
    );
  }

  /**
   * Absolute folders of the unpacked layers, lowest first. A layer that the image has twice is
   * named once, at its upper place: below, everything of it would be hidden, and overlayfs refuses
   * a folder that it gets twice.
   * @throws PodError FailedPrecondition when a folder is gone.
   */
  layerFolders(image: StoredImage): readonly string[] {
    const chain = chainIds(image.layers);
    const folders = image.layers.map((diffId, index) => {
      const folder = findLayer(this.#paths, diffId, chain[index] ?? diffId);
      if (folder !== undefined) return folder;
      throw new PodError(
        "FailedPrecondition",
        `Cannot use image ${image.names[0] ?? image.id}: its layer ${diffId} is gone from ${JSON.stringify(this.#paths.layers)}: remove the image and load it again`,
      );
    });
    return folders.filter((folder, index) => folders.indexOf(folder, index + 1) < 0);
  }

  /**
   * Loads every image of an archive: OCI archive or layout folder, or what `docker save` writes.
   * A name that belongs to another image moves, and the report says so (decision 0100).
   * @throws PodError with one sentence about archive and entry; the store is unchanged then.
   */
  load(source: ImageSource, options: LoadOptions = {}): Promise<readonly LoadedImage[]> {
    return this.#import(source, options, undefined);
  }

  /** Makes an image of one layer of a tar of a file tree. @throws PodError as load(). */
  async importRootfs(source: ImageSource, options: ImportRootfsOptions): Promise<LoadedImage> {
    const config = decodeRunConfig(options.changes ?? {}, "Cannot import image: changes");
    const rootfs: RootfsTask = {
      name: tagName(options.reference),
      created: new Date().toISOString(),
      config,
    };
    const [loaded] = await this.#import(source, options, rootfs);
    if (loaded === undefined) throw new PodError("Internal", "An import made no image");
    return loaded;
  }

  async #import(
    source: ImageSource,
    options: LoadOptions,
    rootfs: RootfsTask | undefined,
  ): Promise<readonly LoadedImage[]> {
    this.#imports++;
    try {
      return await importImages(
        {
          paths: this.#paths,
          source,
          options,
          limits: this.#limits,
          ...(rootfs === undefined ? {} : { rootfs }),
        },
        (prepared) => this.#commit(prepared, options),
      );
    } finally {
      this.#imports--;
      // What was removed while the import ran had to wait.
      if (this.#imports === 0) this.#collect();
    }
  }

  #commit(prepared: PreparedImport, options: LoadOptions): readonly LoadedImage[] {
    const moved = prepared.images.flatMap((image) => this.#movedNames(image));
    const first = moved[0];
    if (options.keepExisting === true && first !== undefined) {
      throw new PodError(
        "AlreadyExists",
        `"${familiarName(first.name)}" is image ${first.from} here and ${first.to} in the archive`,
        { data: { moved } },
      );
    }
    // Also what is there already: a blob of it may have been damaged since.
    prepared.commit(prepared.images);
    const known = this.#knownLayerBytes();
    const entries = new Map(this.#entries);
    for (const planned of prepared.images) {
      for (const [id, entry] of entries) entries.set(id, withoutNames(entry, planned.names));
      const entry =
        entries.get(planned.config) ??
        readEntry(
          this.#paths,
          plannedDescriptor(planned),
          (diffId) => prepared.layerBytes.get(diffId) ?? known.get(diffId),
        );
      entries.set(entry.image.id, withNames(entry, [...entry.image.names, ...planned.names]));
    }
    const existed = new Set(this.#entries.keys());
    this.#write(entries);
    return prepared.images.flatMap((planned): LoadedImage[] => {
      const entry = entries.get(planned.config);
      if (entry === undefined) return [];
      return [
        {
          image: entry.image,
          moved: moved.filter(({ to }) => to === planned.config),
          existed: existed.has(planned.config),
          warnings: prepared.warnings,
        },
      ];
    });
  }

  #movedNames(planned: PlannedImage): readonly MovedName[] {
    return planned.names.flatMap((name) => {
      const owner = this.#byName(name);
      if (owner === undefined || owner.id === planned.config) return [];
      return [{ name, from: owner.id, to: planned.config }];
    });
  }

  #knownLayerBytes(): Map<Digest, number> {
    const known = new Map<Digest, number>();
    for (const { image, layerBytes } of this.#entries.values()) {
      image.layers.forEach((diffId, index) => {
        known.set(diffId, layerBytes[index] ?? 0);
      });
    }
    return known;
  }

  /**
   * Gives an image another name, which may belong to another image before.
   * @throws PodError NotFound; InvalidArgument for a target with a digest.
   */
  tag(source: string, target: string): void {
    const image = this.get(source);
    const name = tagName(target);
    const entries = new Map(this.#entries);
    for (const [id, entry] of entries) entries.set(id, withoutNames(entry, [name]));
    const entry = entries.get(image.id);
    if (entry !== undefined) entries.set(image.id, withNames(entry, [...entry.image.names, name]));
    this.#write(entries);
  }

  /**
   * Removes a name, and the image with its last one; by ID, the image with all its names.
   * @param options - `inUse`: IDs (or manifest digests) of images that pods run on: their content
   * stays. `force` takes the names away all the same, and several names at once.
   * @throws PodError NotFound; Conflict when the image is in use or has several names.
   */
  remove(
    reference: string,
    options: { readonly force?: boolean; readonly inUse?: ReadonlySet<Digest> } = {},
  ): RemovedReport {
    const image = this.get(reference);
    const force = options.force ?? false;
    const shown = JSON.stringify(reference);
    const name = this.#nameAsked(reference, image);
    const isInUse = isUsed(image, options.inUse);
    if (name === undefined && image.names.length > 1 && !force) {
      const names = image.names.map(familiarName).join(", ");
      throw new PodError(
        "Conflict",
        `Cannot remove image ${shown}: it has several names (${names}): remove them, or use --force`,
      );
    }
    const untagged = name === undefined ? image.names : [name];
    const isLast = untagged.length === image.names.length;
    if (isLast && isInUse && !force) {
      throw new PodError(
        "Conflict",
        `Cannot remove image ${shown}: a pod uses it: delete the pod, or use --force to take only the name away`,
      );
    }
    const entries = new Map(this.#entries);
    const entry = entries.get(image.id);
    if (isLast && !isInUse) entries.delete(image.id);
    else if (entry !== undefined) entries.set(image.id, withoutNames(entry, untagged));
    this.#write(entries);
    this.#collect();
    return { untagged, deleted: entries.has(image.id) ? [] : [image.id] };
  }

  /** The name that a reference means; undefined when it is an ID. */
  #nameAsked(reference: string, image: StoredImage): string | undefined {
    if (isDigest(reference)) return undefined;
    try {
      const name = normaliseName(reference);
      return image.names.includes(name) ? name : undefined;
    } catch (error) {
      if (error instanceof PodError) return undefined;
      throw error;
    }
  }

  /** Removes images without a name (with `all`, every image) that no pod uses. */
  prune(
    options: { readonly all?: boolean; readonly inUse?: ReadonlySet<Digest> } = {},
  ): PruneReport {
    const before = this.#contentBytes();
    const entries = new Map(this.#entries);
    const untagged: string[] = [];
    const deleted: Digest[] = [];
    for (const [id, { image }] of this.#entries) {
      if (isUsed(image, options.inUse)) continue;
      if (image.names.length > 0 && options.all !== true) continue;
      entries.delete(id);
      untagged.push(...image.names);
      deleted.push(id);
    }
    if (deleted.length > 0) this.#write(entries);
    const freedBytes = before - this.#contentBytes();
    this.#collect();
    return { untagged, deleted, freedBytes };
  }

  /** Bytes of the blobs and files of all images; what several share counts once. */
  #contentBytes(): number {
    const parts = new Map<string, number>();
    for (const { image, descriptor, manifest, layerBytes } of this.#entries.values()) {
      for (const blob of [descriptor, manifest.config, ...manifest.layers]) {
        parts.set(blob.digest, blob.size);
      }
      image.layers.forEach((diffId, index) => {
        parts.set(`unpacked ${diffId}`, layerBytes[index] ?? 0);
      });
    }
    return [...parts.values()].reduce((sum, bytes) => sum + bytes, 0);
  }

  /**
   * A tar of images. "oci": an OCI archive; "docker": the same with Docker's manifest.json, for
   * `docker load` and others. @throws PodError NotFound.
   */
  save(references: readonly string[], format: "oci" | "docker"): Readable {
    const chosen = new Map<Digest, { entry: Entry; names: Set<string> }>();
    for (const reference of references) {
      const image = this.get(reference);
      const entry = this.#entries.get(image.id);
      if (entry === undefined) continue;
      const name = this.#nameAsked(reference, image);
      const item = chosen.get(image.id) ?? { entry, names: new Set<string>() };
      for (const each of name === undefined ? image.names : [name]) item.names.add(each);
      chosen.set(image.id, item);
    }
    return saveImages(
      this.#paths,
      [...chosen.values()].map(({ entry, names }) => ({
        descriptor: entry.descriptor,
        manifest: entry.manifest,
        names: [...names],
      })),
      format,
    );
  }

  /** Resolves when removed content is gone from the disk. */
  async settled(): Promise<void> {
    await this.#cleaning;
  }

  /** @throws Error of the file system; the images are those from before then. */
  #write(entries: ReadonlyMap<Digest, Entry>): void {
    try {
      writeIndex(this.#paths, indexOf(entries));
    } catch (error) {
      this.#restore();
      throw error;
    }
    this.#entries = entries;
    this.#onChange();
  }

  /** An index that could not be brought to the disk may be in place all the same, and what it names is about to go. */
  #restore(): void {
    try {
      writeIndex(this.#paths, indexOf(this.#entries));
    } catch {
      // As it failed before: with the old index in place, or without having touched it.
    }
  }

  /** Takes away everything that no image needs; what cannot be taken away now is at the next occasion. */
  #collect(): void {
    try {
      this.#sweep();
    } catch {
      // ENOSPC, EMFILE: whoever imports or removes an image has done that, and nobody sees the rest.
    }
  }

  /** Not while an import is going on: that does it then. */
  #sweep(): void {
    const lock = StoreLock.exclusive(this.#paths.lock);
    if (lock === undefined) return;
    try {
      failpoint("image/store.collect");
      const blobs = new Set<string>();
      const folders = new Set<string>();
      for (const { image, descriptor, manifest } of this.#entries.values()) {
        for (const blob of [descriptor, manifest.config, ...manifest.layers]) {
          blobs.add(hexOf(blob.digest));
        }
        for (const folder of this.layerFolders(image)) folders.add(folder);
      }
      for (const name of readdirSync(this.#paths.blobs)) {
        if (!blobs.has(name)) rmSync(join(this.#paths.blobs, name), { force: true });
      }
      for (const name of readdirSync(this.#paths.images)) {
        // Numbered files of an import that died.
        if (name.startsWith("tmp-")) {
          rmSync(join(this.#paths.images, name), { recursive: true, force: true });
        }
      }
      const unused = readdirSync(this.#paths.layers)
        .map((name) => join(this.#paths.layers, name))
        .filter((path) => !folders.has(path) && !this.#removing.has(path));
      if (unused.length > 0) this.#discard(unused);
    } finally {
      lock[Symbol.dispose]();
    }
  }

  readonly #removing = new Set<string>();

  /** Moves folders out of sight now and removes them in the background. */
  #discard(folders: readonly string[]): void {
    const rubbish = join(this.#paths.layers, `tmp-${randomBytes(8).toString("hex")}`);
    mkdirSync(rubbish, { mode: 0o700 });
    folders.forEach((folder, index) => {
      renameSync(folder, join(rubbish, String(index)));
    });
    this.#removing.add(rubbish);
    const previous = this.#cleaning;
    this.#cleaning = (async () => {
      await previous;
      try {
        await removeTree(rubbish);
      } catch {
        // It has another chance at the next open(); nobody sees it meanwhile.
      } finally {
        this.#removing.delete(rubbish);
      }
    })();
  }
}

function indexOf(entries: ReadonlyMap<Digest, Entry>): readonly Descriptor[] {
  return [...entries.values()].flatMap(({ descriptor, image, layerBytes }) =>
    image.names.length === 0
      ? [indexEntry(descriptor, undefined, layerBytes)]
      : image.names.map((name) => indexEntry(descriptor, name, layerBytes)),
  );
}

function isUsed(image: StoredImage, inUse: ReadonlySet<Digest> | undefined): boolean {
  return inUse !== undefined && (inUse.has(image.id) || inUse.has(image.manifest));
}

/** @throws PodError InvalidArgument for names with a digest, which cannot be given. */
function tagName(text: string): string {
  const reference = parseReference(text);
  if (reference.digest === undefined) return formatReference(reference);
  throw new PodError(
    "InvalidArgument",
    `Cannot use image name ${JSON.stringify(text)}: a name to give must not have a digest`,
  );
}

function withNames(entry: Entry, names: readonly string[]): Entry {
  return { ...entry, image: { ...entry.image, names: [...new Set(names)].sort() } };
}

function withoutNames(entry: Entry, names: readonly string[]): Entry {
  const left = entry.image.names.filter((name) => !names.includes(name));
  return left.length === entry.image.names.length ? entry : withNames(entry, left);
}

function plannedDescriptor({ manifest }: PlannedImage): Descriptor {
  return { mediaType: manifest.mediaType, digest: manifest.digest, size: manifest.size };
}

function readEntries(paths: LayoutPaths): { entries: Map<Digest, Entry>; problems: string[] } {
  const entries = new Map<Digest, Entry>();
  const problems: string[] = [];
  for (const descriptor of readIndex(paths)) {
    const name = descriptor.annotations?.[annotations.imageName];
    try {
      const bytes = (descriptor.annotations?.[annotations.layerBytes] ?? "").split(",").map(Number);
      const read = readEntry(paths, descriptor, (_, index) => bytes[index]);
      const entry = entries.get(read.image.id) ?? read;
      entries.set(
        entry.image.id,
        withNames(entry, [...entry.image.names, ...(name === undefined ? [] : [name])]),
      );
    } catch (error) {
      problems.push(`Cannot use image ${name ?? descriptor.digest}: ${messageOf(error)}`);
    }
  }
  return { entries, problems };
}

/** Reads manifest and config of a stored image. @throws PodError or a file system error. */
function readEntry(
  paths: LayoutPaths,
  descriptor: Descriptor,
  bytesOf: (diffId: Digest, index: number) => number | undefined,
): Entry {
  const read = (digest: Digest, limit: number): unknown => {
    const bytes = readFileSync(blobPath(paths, digest));
    if (digestOf(bytes) !== digest) throw damagedBlob(digest);
    return parseJson(bytes, digest, limit);
  };
  const manifest = decodeManifest(
    read(descriptor.digest, documentLimits.manifest),
    descriptor.digest,
  );
  const config = decodeConfig(
    read(manifest.config.digest, documentLimits.config),
    manifest.config.digest,
  );
  const layers = config.rootfs.diff_ids;
  const layerBytes = layers.map((diffId, index) => bytesOf(diffId, index) ?? 0);
  const chain = chainIds(layers);
  layers.forEach((diffId, index) => {
    const folder = findLayer(paths, diffId, chain[index] ?? diffId);
    if (folder === undefined || !statSync(folder).isDirectory()) {
      throw new PodError("FailedPrecondition", `its layer ${diffId} is gone: load it again`);
    }
  });
  const { digest, size, mediaType } = descriptor;
  const { os, architecture, variant } = config;
  const platform = { os, architecture, ...(variant === undefined ? {} : { variant }) };
  return {
    manifest,
    layerBytes,
    descriptor: { mediaType, digest, size, platform },
    image: {
      id: manifest.config.digest,
      manifest: digest,
      names: [],
      sizeBytes: layerBytes.reduce((sum, bytes) => sum + bytes, 0),
      createdAt: config.created ?? "",
      config,
      layers,
    },
  };
}
