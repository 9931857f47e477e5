/**
 * Finds the images of an archive whose members are staged: an OCI layout (index.json) or what
 * `docker save` writes (manifest.json), or both at once as since Docker 25. The result names every
 * blob by its verified digest.
 *
 * Source: OCI image-spec image-layout.md; moby image/tarexport; containerd core/images/archive.
 */
import { PodError } from "../base/errors.ts";
import type { Digest } from "../base/ids.ts";
import {
  type DockerManifestItem,
  decodeConfig,
  decodeDockerManifest,
  decodeIndex,
  decodeManifest,
  documentLimits,
  parseJson,
} from "./decode-documents.ts";
import { detectCompression } from "./decompress.ts";
import type { PlannedImage, PlannedLayer } from "./messages.ts";
import {
  annotations,
  type Descriptor,
  type ImageConfig,
  type ImageManifest,
  mediaTypes,
  type Platform,
} from "./oci-types.ts";
import { formatPlatform, hostPlatform, platformScore } from "./platform.ts";
import { formatReference, normaliseName, parseReference } from "./reference.ts";
import type { Member, StagedMembers } from "./staged-members.ts";

/** Indexes inside indexes. */
const maxNesting = 8;
const maxImages = 1000;

export interface PlanOptions {
  /** Names images for which the archive has only a tag. */
  readonly stem: string;
  readonly warn: (sentence: string) => void;
  readonly host?: Platform;
}

/** Reads a document from the folder of an OCI layout into `members`; does nothing for archives. */
export type Fetch = (digest: Digest) => void;

/** @throws PodError that says what is missing or wrong. */
export function planImages(
  members: StagedMembers,
  options: PlanOptions,
  fetch: Fetch = () => undefined,
): readonly PlannedImage[] {
  const planner = new Planner(members, options, fetch);
  const docker = members.find("manifest.json");
  const items =
    docker === undefined
      ? []
      : decodeDockerManifest(
          parseJson(
            members.read(docker, "manifest.json", documentLimits.dockerManifest),
            "manifest.json",
            documentLimits.dockerManifest,
          ),
          "manifest.json",
        );
  const index = members.find("index.json");
  if (index !== undefined) {
    const names = namesByConfig(items);
    return planner.planIndex(index).map((image) => ({
      ...image,
      names: [...new Set([...image.names, ...planner.tags(names.get(image.config) ?? [])])].sort(),
    }));
  }
  if (docker !== undefined) return items.map((item, at) => planner.planDocker(item, at));
  if (members.has("repositories")) {
    throw refuse("it was made by a Docker before 1.10: save it again with a newer one");
  }
  throw refuse("it is neither an OCI archive (index.json) nor a Docker archive (manifest.json)");
}

/** RepoTags of Docker's own list, by the config digest that its blob path or file name has. */
function namesByConfig(items: readonly DockerManifestItem[]): Map<string, readonly string[]> {
  const names = new Map<string, readonly string[]>();
  for (const { Config, RepoTags } of items) {
    const hex = /([0-9a-f]{64})(\.json)?$/.exec(Config)?.[1];
    if (hex !== undefined) names.set(`sha256:${hex}`, RepoTags);
  }
  return names;
}

interface Leaf {
  readonly descriptor: Descriptor;
  readonly platform: Platform | undefined;
}

class Planner {
  readonly #members: StagedMembers;
  readonly #options: PlanOptions;
  readonly #fetch: Fetch;
  readonly #host: Platform;

  constructor(members: StagedMembers, options: PlanOptions, fetch: Fetch) {
    this.#members = members;
    this.#options = options;
    this.#fetch = fetch;
    this.#host = options.host ?? hostPlatform();
  }

  planIndex(member: Member): readonly PlannedImage[] {
    const bytes = this.#members.read(member, "index.json", documentLimits.index);
    const index = decodeIndex(parseJson(bytes, "index.json", documentLimits.index), "index.json");
    const groups = new Map<string, Descriptor[]>();
    for (const descriptor of index.manifests) {
      const notes = descriptor.annotations ?? {};
      const name = notes[annotations.imageName] ?? notes[annotations.refName] ?? "";
      groups.set(name, [...(groups.get(name) ?? []), descriptor]);
    }
    const images = new Map<Digest, PlannedImage>();
    for (const [name, descriptors] of groups) {
      for (const image of this.#planGroup(name, descriptors)) {
        const same = images.get(image.manifest.digest);
        const names = [...(same?.names ?? []), ...image.names];
        images.set(image.manifest.digest, { ...image, names: [...new Set(names)].sort() });
      }
    }
    if (images.size === 0) throw refuse("it contains no image");
    if (images.size > maxImages) throw refuse(`it contains more than ${maxImages} images`);
    return [...images.values()];
  }

  /** Descriptors of one name are one image for several platforms; without a name they may be several. */
  #planGroup(name: string, descriptors: readonly Descriptor[]): readonly PlannedImage[] {
    const leaves = descriptors.flatMap((each) => this.#leaves(each, 0));
    const names = name === "" ? [] : this.#nameOf(name);
    if (leaves.length === 0) return [];
    const single = leaves[0];
    // One manifest and no choice: it is meant, whatever its platform.
    if (leaves.length === 1 && single !== undefined && descriptors[0] === single.descriptor) {
      return [this.#planManifest(single.descriptor, names)];
    }
    const scored = leaves.map((leaf) => {
      const platform = leaf.platform ?? this.#platformOf(leaf.descriptor);
      return { ...leaf, platform, score: platformScore(this.#host, platform) };
    });
    const fitting = scored.filter(({ score }) => score > 0).sort((a, b) => b.score - a.score);
    if (fitting.length === 0) {
      const offered = [...new Set(scored.map(({ platform }) => formatPlatform(platform)))];
      throw new PodError(
        "FailedPrecondition",
        `it has no image for ${formatPlatform(this.#host)}: it has ${offered.slice(0, 20).join(", ")}`,
      );
    }
    const chosen = name === "" ? fitting : fitting.slice(0, 1);
    return chosen.map(({ descriptor }) => this.#planManifest(descriptor, names));
  }

  /** Manifests below a descriptor; platform as the index says. */
  #leaves(descriptor: Descriptor, depth: number): readonly Leaf[] {
    if (descriptor.annotations?.[annotations.referenceType] === "attestation-manifest") return [];
    if (isOneOf(descriptor.mediaType, mediaTypes.manifest)) {
      return [{ descriptor, platform: descriptor.platform }];
    }
    if (!isOneOf(descriptor.mediaType, mediaTypes.index)) {
      throw new PodError(
        "Unimplemented",
        `${descriptor.digest}: mediaType ${JSON.stringify(descriptor.mediaType.slice(0, 100))} is not supported`,
      );
    }
    if (depth >= maxNesting) throw refuse(`its indexes are nested more than ${maxNesting} deep`);
    const what = `index ${descriptor.digest}`;
    const index = decodeIndex(this.#document(descriptor, what, documentLimits.index), what);
    const platform = descriptor.platform;
    return index.manifests
      .flatMap((each) => this.#leaves(each, depth + 1))
      .map((leaf) => ({ ...leaf, platform: leaf.platform ?? platform }));
  }

  /** For manifests whose index does not say; those that are not in the archive cannot be meant. */
  #platformOf(descriptor: Descriptor): Platform {
    this.#fetch(descriptor.digest);
    if (this.#members.findBlob(descriptor.digest) === undefined)
      return { os: "", architecture: "" };
    const what = `manifest ${descriptor.digest}`;
    const { config } = decodeManifest(
      this.#document(descriptor, what, documentLimits.manifest),
      what,
    );
    return this.#config(config);
  }

  #planManifest(descriptor: Descriptor, names: readonly string[]): PlannedImage {
    const what = `manifest ${descriptor.digest}`;
    const document = this.#document(descriptor, what, documentLimits.manifest);
    const manifest = decodeManifest(document, what);
    const config = this.#config(manifest.config);
    const diffIds = config.rootfs.diff_ids;
    if (diffIds.length !== manifest.layers.length) {
      throw refuse(
        `${what}: it has ${manifest.layers.length} layers, its config ${diffIds.length} diff_ids`,
      );
    }
    return {
      names,
      config: manifest.config.digest,
      manifest: {
        digest: descriptor.digest,
        size: descriptor.size,
        mediaType: descriptor.mediaType,
      },
      layers: manifest.layers.map((layer, at) => {
        const member = this.#blob(layer, `layer ${layer.digest}`);
        return plannedLayer(member, diffIds[at] ?? layer.digest);
      }),
    };
  }

  /** Makes an OCI manifest for an image that only has a config and layers: always the same bytes. */
  planDocker(item: DockerManifestItem, at: number): PlannedImage {
    const what = `manifest.json[${at}]`;
    const configMember = this.#member(item.Config, `${what}.Config`);
    const config = decodeConfig(
      parseJson(
        this.#members.read(configMember, `${what}.Config`, documentLimits.config),
        `config ${configMember.digest}`,
        documentLimits.config,
      ),
      `config ${configMember.digest}`,
    );
    const diffIds = config.rootfs.diff_ids;
    if (diffIds.length !== item.Layers.length) {
      throw refuse(
        `${what}: it has ${item.Layers.length} layers, its config ${diffIds.length} diff_ids`,
      );
    }
    const layers = item.Layers.map((name, index) =>
      plannedLayer(
        this.#member(name, `${what}.Layers[${index}]`),
        diffIds[index] ?? ("" as Digest),
      ),
    );
    return planWithManifest(this.#members, configMember, layers, this.tags(item.RepoTags));
  }

  /** Names of RepoTags that are names. */
  tags(repoTags: readonly string[]): readonly string[] {
    return repoTags.flatMap((tag) => (tag === "<none>:<none>" ? [] : this.#nameOf(tag)));
  }

  /** The full name; layouts often have only a tag, then the archive's own name goes in front. */
  #nameOf(text: string): readonly string[] {
    const candidates = isBareTag(text) ? [`${this.#options.stem}:${text}`] : [text];
    for (const candidate of candidates) {
      try {
        const { digest: _, ...reference } = parseReference(candidate);
        if (reference.tag !== undefined) return [normaliseName(formatReference(reference))];
      } catch (error) {
        if (!(error instanceof PodError)) throw error;
        this.#options.warn(`${error.message}: the image is loaded without this name`);
      }
    }
    return [];
  }

  #member(name: string, what: string): Member {
    const member = this.#members.find(name);
    if (member === undefined) {
      throw refuse(`${what}: ${JSON.stringify(name.slice(0, 200))} is missing from the archive`);
    }
    return member;
  }

  #config(descriptor: Descriptor): ImageConfig {
    const what = `config ${descriptor.digest}`;
    return decodeConfig(this.#document(descriptor, what, documentLimits.config), what);
  }

  #document(descriptor: Descriptor, what: string, limit: number): unknown {
    return parseJson(this.#members.read(this.#blob(descriptor, what), what, limit), what, limit);
  }

  #blob(descriptor: Descriptor, what: string): Member {
    this.#fetch(descriptor.digest);
    const member = this.#members.findBlob(descriptor.digest);
    if (member === undefined) throw refuse(`${what} is missing from the archive`);
    if (member.size !== descriptor.size) {
      throw refuse(`${what} has ${member.size} bytes instead of ${descriptor.size}`);
    }
    return member;
  }
}

/** Adds the manifest of config and layers to `members` and plans it. */
export function planWithManifest(
  members: StagedMembers,
  config: Member,
  layers: readonly PlannedLayer[],
  names: readonly string[],
): PlannedImage {
  const document: ImageManifest & { schemaVersion: 2; mediaType: string } = {
    schemaVersion: 2,
    mediaType: mediaTypes.manifest[0],
    config: { mediaType: mediaTypes.config[0], digest: config.digest, size: config.size },
    layers: layers.map(({ digest, size, compression }) => ({
      mediaType: `${mediaTypes.layer[0]}${compression === "none" ? "" : `+${compression}`}`,
      digest,
      size,
    })),
  };
  const manifest = members.add(Buffer.from(JSON.stringify(document)));
  return {
    names: [...new Set(names)].sort(),
    config: config.digest,
    manifest: {
      digest: manifest.digest,
      size: manifest.size,
      mediaType: mediaTypes.manifest[0],
    },
    layers,
  };
}

/** @throws PodError Unimplemented when the compression is not supported. */
export function plannedLayer(member: Member, diffId: Digest): PlannedLayer {
  let compression: PlannedLayer["compression"];
  try {
    compression = detectCompression(member.head);
  } catch (error) {
    if (!(error instanceof PodError)) throw error;
    throw new PodError(error.kind, `layer ${member.digest}: ${error.message}`, { cause: error });
  }
  return { digest: member.digest, size: member.size, diffId, compression };
}

/** "latest", "v1.2" and "24.04" are tags without a name: umoci and skopeo write such layouts. */
function isBareTag(text: string): boolean {
  return text === "latest" || /^v?[0-9][A-Za-z0-9_.-]*$/.test(text);
}

function isOneOf(value: string, list: readonly string[]): boolean {
  return list.includes(value);
}

function refuse(message: string): PodError {
  return new PodError("InvalidArgument", message);
}
