/**
 * Decoders for the JSON documents of archives: the border between hostile bytes and typed data.
 * Every field that nspod uses is checked here, everything else is left out. Digests are checked
 * before anything makes a path of them.
 *
 * Source: OCI image-spec; CVE-2021-41190 (a document that is an index and a manifest at once).
 */
import { PodError } from "../base/errors.ts";
import { type Digest, isDigest } from "../base/ids.ts";
import {
  type Descriptor,
  type HistoryEntry,
  type ImageConfig,
  type ImageIndex,
  type ImageManifest,
  mediaTypes,
  type Platform,
  type RunConfig,
} from "./oci-types.ts";

type Fields = Readonly<Record<string, unknown>>;

/** Upper bounds of documents in bytes: containerd's jsonLimit, containers/image for the others. */
export const documentLimits: Readonly<
  Record<"index" | "manifest" | "config" | "dockerManifest", number>
> = {
  index: 20 << 20,
  manifest: 4 << 20,
  config: 4 << 20,
  dockerManifest: 4 << 20,
};

/** One image of a `docker save` archive's manifest.json. */
export interface DockerManifestItem {
  readonly Config: string;
  readonly RepoTags: readonly string[];
  readonly Layers: readonly string[];
}

/** @param what - names the document in errors, e.g. `manifest sha256:…`. */
export function parseJson(bytes: Uint8Array, what: string, limit: number): unknown {
  if (bytes.length > limit) throw refuse(what, `it is larger than ${limit >> 20} MiB`);
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch {
    // The parser's own message quotes the content, which is not ours to repeat.
    throw refuse(what, "it is not valid JSON");
  }
}

export function decodeIndex(value: unknown, what: string): ImageIndex {
  const fields = object(value, what);
  if ("config" in fields || "layers" in fields) {
    throw refuse(what, "it is an index and a manifest at once");
  }
  checkMediaType(fields, mediaTypes.index, what);
  const manifests = array(fields["manifests"], `${what}: manifests`);
  if (manifests.length > 10_000) throw refuse(what, "it has more than 10000 manifests");
  return {
    manifests: manifests.map((each, index) =>
      decodeDescriptor(each, `${what}: manifests[${index}]`),
    ),
  };
}

export function decodeManifest(value: unknown, what: string): ImageManifest {
  const fields = object(value, what);
  if ("manifests" in fields) throw refuse(what, "it is an index and a manifest at once");
  if ("fsLayers" in fields) {
    throw refuse(what, "it has the old schema 1 of Docker: convert the archive with a newer tool");
  }
  checkMediaType(fields, mediaTypes.manifest, what);
  const layers = array(fields["layers"], `${what}: layers`);
  if (layers.length > 1000) throw refuse(what, "it has more than 1000 layers");
  const manifest = {
    config: decodeDescriptor(fields["config"], `${what}: config`),
    layers: layers.map((each, index) => decodeDescriptor(each, `${what}: layers[${index}]`)),
  };
  checkKind(manifest.config, mediaTypes.config, `${what}: config`);
  manifest.layers.forEach((layer, index) => {
    checkKind(layer, mediaTypes.layer, `${what}: layers[${index}]`);
  });
  return manifest;
}

function checkMediaType(fields: Fields, known: readonly string[], what: string): void {
  const type = fields["mediaType"];
  if (type === undefined || (typeof type === "string" && known.includes(type))) return;
  throw refuse(what, `mediaType ${quote(type)} is not supported`);
}

function checkKind(descriptor: Descriptor, known: readonly string[], what: string): void {
  if (known.includes(descriptor.mediaType)) return;
  throw refuse(what, `mediaType ${quote(descriptor.mediaType)} is not supported`);
}

export function decodeDescriptor(value: unknown, what: string): Descriptor {
  const fields = object(value, what);
  const { mediaType, size } = fields;
  if (typeof mediaType !== "string") throw refuse(what, "mediaType must be a string");
  if (typeof size !== "number" || !Number.isSafeInteger(size) || size < 0) {
    throw refuse(what, `size must be a number of bytes: got ${quote(size)}`);
  }
  const platform = fields["platform"];
  const notes = fields["annotations"];
  return {
    mediaType,
    digest: decodeDigest(fields["digest"], `${what}: digest`),
    size,
    ...(absent(notes) ? {} : { annotations: stringMap(notes, `${what}: annotations`) }),
    ...(absent(platform) ? {} : { platform: decodePlatform(platform, `${what}: platform`) }),
  };
}

/** @throws PodError InvalidArgument unless the value is `sha256:` and 64 lower-case hex digits. */
export function decodeDigest(value: unknown, what: string): Digest {
  if (typeof value === "string" && isDigest(value)) return value;
  throw refuse(what, `must be "sha256:" and 64 lower-case hex digits: got ${quote(value)}`);
}

function decodePlatform(value: unknown, what: string): Platform {
  const fields = object(value, what);
  const variant = optionalString(fields, "variant", what);
  return {
    os: optionalString(fields, "os", what) ?? "",
    architecture: optionalString(fields, "architecture", what) ?? "",
    ...(variant === undefined || variant === "" ? {} : { variant }),
  };
}

export function decodeConfig(value: unknown, what: string): ImageConfig {
  const fields = object(value, what);
  const platform = decodePlatform(fields, what);
  const rootfs = object(fields["rootfs"], `${what}: rootfs`);
  const layers = absent(rootfs["diff_ids"])
    ? []
    : array(rootfs["diff_ids"], `${what}: rootfs.diff_ids`);
  const created = optionalString(fields, "created", what);
  const author = optionalString(fields, "author", what);
  const config = fields["config"];
  const history = fields["history"];
  return {
    ...platform,
    ...(created === undefined ? {} : { created }),
    ...(author === undefined ? {} : { author }),
    ...(absent(config) ? {} : { config: decodeRunConfig(config, `${what}: config`) }),
    rootfs: {
      type: "layers",
      diff_ids: layers.map((each, index) =>
        decodeDigest(each, `${what}: rootfs.diff_ids[${index}]`),
      ),
    },
    ...(absent(history)
      ? {}
      : {
          history: array(history, `${what}: history`).map((each, index) =>
            decodeHistory(each, `${what}: history[${index}]`),
          ),
        }),
  };
}

/** Also used for what a user adds by `image import`: there the words of errors fit as well. */
export function decodeRunConfig(value: unknown, what: string): RunConfig {
  const fields = object(value, what);
  const optional = <T>(key: string, decode: (value: unknown, what: string) => T): object => {
    const found = fields[key];
    return absent(found) ? {} : { [key]: decode(found, `${what}.${key}`) };
  };
  return {
    ...optional("User", string),
    ...optional("ExposedPorts", keySet),
    ...optional("Env", stringList),
    ...optional("Entrypoint", stringList),
    ...optional("Cmd", stringList),
    ...optional("Volumes", keySet),
    ...optional("WorkingDir", string),
    ...optional("Labels", stringMap),
    ...optional("StopSignal", string),
  };
}

function decodeHistory(value: unknown, what: string): HistoryEntry {
  const fields = object(value, what);
  const texts = ["created", "created_by", "comment"].flatMap((key) => {
    const text = optionalString(fields, key, what);
    return text === undefined ? [] : [[key, text]];
  });
  return {
    ...Object.fromEntries(texts),
    ...(fields["empty_layer"] === true ? { empty_layer: true } : {}),
  };
}

export function decodeDockerManifest(value: unknown, what: string): readonly DockerManifestItem[] {
  const items = array(value, what);
  if (items.length > 1000) throw refuse(what, "it has more than 1000 images");
  return items.map((each, index) => {
    const fields = object(each, `${what}[${index}]`);
    const tags = fields["RepoTags"];
    const repoTags = absent(tags) ? [] : stringList(tags, `${what}[${index}].RepoTags`);
    const layers = fields["Layers"];
    if (repoTags.length > 1000) throw refuse(`${what}[${index}]`, "it has more than 1000 RepoTags");
    return {
      Config: string(fields["Config"], `${what}[${index}].Config`),
      RepoTags: repoTags,
      Layers: absent(layers) ? [] : stringList(layers, `${what}[${index}].Layers`),
    };
  });
}

function object(value: unknown, what: string): Fields {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as Fields;
  throw refuse(what, "must be an object");
}

function array(value: unknown, what: string): readonly unknown[] {
  if (Array.isArray(value)) return value;
  throw refuse(what, "must be a list");
}

function string(value: unknown, what: string): string {
  if (typeof value === "string") return value;
  throw refuse(what, `must be a string: got ${quote(value)}`);
}

function optionalString(fields: Fields, key: string, what: string): string | undefined {
  const value = fields[key];
  return absent(value) ? undefined : string(value, `${what}: ${key}`);
}

function stringList(value: unknown, what: string): readonly string[] {
  return array(value, what).map((each, index) => string(each, `${what}[${index}]`));
}

function stringMap(value: unknown, what: string): Readonly<Record<string, string>> {
  const entries = Object.entries(object(value, what));
  return Object.fromEntries(entries.map(([key, text]) => [key, string(text, `${what}.${key}`)]));
}

/** A Go set: keys with empty objects. */
function keySet(value: unknown, what: string): Readonly<Record<string, object>> {
  return Object.fromEntries(Object.keys(object(value, what)).map((key) => [key, {}]));
}

/** Go writes null where a field is not set. */
function absent(value: unknown): boolean {
  return value === undefined || value === null;
}

function quote(value: unknown): string {
  const text = JSON.stringify(value) ?? "nothing";
  return text.length > 80 ? `${text.slice(0, 79)}…` : text;
}

function refuse(what: string, why: string): PodError {
  return new PodError("InvalidArgument", `${what}: ${why}`);
}
