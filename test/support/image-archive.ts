// Makes tars and image archives in memory, byte by byte: honest ones, and ones that no tool would
// write. Nothing here uses the code under test.
import { createHash } from "node:crypto";
import { gzipSync } from "node:zlib";

export interface TarItem {
  /** One character per byte. */
  readonly name: string;
  /** Type flag, default "0". */
  readonly type?: string;
  readonly content?: Uint8Array | string;
  readonly mode?: number;
  readonly uid?: number;
  readonly gid?: number;
  readonly mtime?: number;
  readonly link?: string;
  readonly major?: number;
  readonly minor?: number;
  /** Records of a PAX header in front; values one character per byte. */
  readonly pax?: readonly (readonly [key: string, value: string])[];
  /** Size field, when it shall differ from the content. */
  readonly size?: number;
  /** "ustar\0" by default; "gnu" for GNU's magic, "" for v7. */
  readonly magic?: "ustar" | "gnu" | "";
  /** Last word on the header before its checksum is made. */
  readonly patch?: (header: Buffer) => void;
  /** Blocks between header and content (old GNU sparse). */
  readonly extension?: Buffer;
}

export function padded(bytes: Uint8Array): Buffer {
  return Buffer.concat([bytes, Buffer.alloc((512 - (bytes.length % 512)) % 512)]);
}

/** One entry with its headers and padding. */
export function tarEntry(item: TarItem): Buffer {
  const content = Buffer.from(item.content ?? "");
  const header = Buffer.alloc(512);
  header.write(item.name.slice(0, 100), 0, "latin1");
  octal(header, 100, 8, item.mode ?? (item.type === "5" ? 0o755 : 0o644));
  octal(header, 108, 8, item.uid ?? 0);
  octal(header, 116, 8, item.gid ?? 0);
  octal(header, 124, 12, item.size ?? content.length);
  octal(header, 136, 12, item.mtime ?? 1_600_000_000);
  header.write(item.type ?? "0", 156, "latin1");
  header.write((item.link ?? "").slice(0, 100), 157, "latin1");
  const magic = item.magic ?? "ustar";
  if (magic === "ustar") header.write("ustar\x0000", 257, "latin1");
  if (magic === "gnu") header.write("ustar  \0", 257, "latin1");
  octal(header, 329, 8, item.major ?? 0);
  octal(header, 337, 8, item.minor ?? 0);
  item.patch?.(header);
  header.fill(0x20, 148, 156);
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148, "latin1");
  const pax = item.pax === undefined ? [] : [paxEntry(item.pax)];
  return Buffer.concat([...pax, header, item.extension ?? Buffer.alloc(0), padded(content)]);
}

/** A PAX header; `type` "g" is global. */
export function paxEntry(records: NonNullable<TarItem["pax"]>, type = "x"): Buffer {
  const content = Buffer.concat(records.map(([key, value]) => paxRecord(key, value)));
  return tarEntry({ name: "PaxHeaders/x", type, content });
}

function paxRecord(key: string, value: string): Buffer {
  const rest = ` ${key}=${value}\n`;
  let length = rest.length + 1;
  while (String(length).length + rest.length !== length)
    length = String(length).length + rest.length;
  return Buffer.from(`${length}${rest}`, "latin1");
}

/** A whole tar with its end mark. */
export function tar(items: readonly (TarItem | Buffer)[]): Buffer {
  const parts = items.map((item) => (Buffer.isBuffer(item) ? item : tarEntry(item)));
  return Buffer.concat([...parts, Buffer.alloc(1024)]);
}

function octal(header: Buffer, at: number, length: number, value: number): void {
  header.write(`${value.toString(8).padStart(length - 1, "0")}\0`, at, "latin1");
}

export function sha256(bytes: Uint8Array): string {
  return `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
}

export interface LayerInput {
  /** The unpacked tar. */
  readonly tar: Buffer;
  /** How it is stored; default gzip. */
  readonly packed?: Buffer;
  readonly mediaType?: string;
  /** Default: the right one. */
  readonly diffId?: string;
}

export interface ImageInput {
  readonly name?: string;
  readonly layers: readonly LayerInput[];
  readonly config?: object;
  readonly architecture?: string;
}

const architecture = process.arch === "arm64" ? "arm64" : "amd64";

/** Members of an OCI layout; tests change them before they make an archive of them. */
export function ociMembers(images: readonly ImageInput[]): Map<string, Buffer> {
  const members = new Map<string, Buffer>();
  const manifests = images.map((image) => {
    const { descriptor, blobs } = ociImage(image);
    for (const blob of blobs) members.set(blobName(blob), blob);
    return {
      ...descriptor,
      ...(image.name === undefined
        ? {}
        : { annotations: { "org.opencontainers.image.ref.name": image.name } }),
    };
  });
  members.set("index.json", json({ schemaVersion: 2, manifests }));
  members.set("oci-layout", json({ imageLayoutVersion: "1.0.0" }));
  return members;
}

export function ociImage(image: ImageInput): { descriptor: Descriptor; blobs: Buffer[] } {
  const layers = image.layers.map((layer) => ({
    ...layer,
    packed: layer.packed ?? gzipSync(layer.tar),
  }));
  const config = configOf(image);
  const manifest = json({
    schemaVersion: 2,
    mediaType: "application/vnd.oci.image.manifest.v1+json",
    config: describe(config, "application/vnd.oci.image.config.v1+json"),
    layers: layers.map(({ packed, mediaType }) =>
      describe(packed, mediaType ?? "application/vnd.oci.image.layer.v1.tar+gzip"),
    ),
  });
  return {
    descriptor: describe(manifest, "application/vnd.oci.image.manifest.v1+json"),
    blobs: [manifest, config, ...layers.map(({ packed }) => packed)],
  };
}

function configOf(image: ImageInput): Buffer {
  return json({
    architecture: image.architecture ?? architecture,
    os: "linux",
    config: { Cmd: ["sh"] },
    ...image.config,
    rootfs: {
      type: "layers",
      diff_ids: image.layers.map(({ tar: bytes, diffId }) => diffId ?? sha256(bytes)),
    },
  });
}

export interface Descriptor {
  readonly mediaType: string;
  readonly digest: string;
  readonly size: number;
}

export function describe(bytes: Buffer, mediaType: string): Descriptor {
  return { mediaType, digest: sha256(bytes), size: bytes.length };
}

export function blobName(bytes: Buffer): string {
  return `blobs/sha256/${sha256(bytes).slice(7)}`;
}

export function json(value: unknown): Buffer {
  return Buffer.from(JSON.stringify(value));
}

/** An archive of the members. */
export function archiveOf(members: ReadonlyMap<string, Buffer>): Buffer {
  return tar([...members].map(([name, content]) => ({ name, content })));
}

export function ociArchive(images: readonly ImageInput[]): Buffer {
  return archiveOf(ociMembers(images));
}

/** What `docker save` wrote before Docker 25. */
export function dockerMembers(images: readonly ImageInput[]): Map<string, Buffer> {
  const members = new Map<string, Buffer>();
  const manifest = images.map((image) => {
    const config = configOf(image);
    const configName = `${sha256(config).slice(7)}.json`;
    members.set(configName, config);
    const layers = image.layers.map((layer, index) => {
      const name = `${sha256(Buffer.from(`${index}${sha256(layer.tar)}`)).slice(7)}/layer.tar`;
      members.set(name, layer.packed ?? layer.tar);
      return name;
    });
    return {
      Config: configName,
      RepoTags: image.name === undefined ? null : [image.name],
      Layers: layers,
    };
  });
  members.set("manifest.json", json(manifest));
  members.set("repositories", json({}));
  return members;
}

export function dockerArchive(images: readonly ImageInput[]): Buffer {
  return archiveOf(dockerMembers(images));
}
