/**
 * image: the files of an image, read-only.
 *
 *   <volumes>/<name>/           mount point of an overlay of the layers, in the shim's mount namespace
 *   <volumes>/<name>.layers/    0 … n   links to the layers, lowest first     image   link to the image's id
 *                               none    an empty folder: overlayfs wants two without an upper one
 *
 * Of a pod with users of its own the layers are seen with its ids while they are mounted: the overlay cannot be mapped.
 * The links pin the image for the life of the pod, and short names keep sixty layers within the 4096 bytes that
 * mount(2) takes. Mounted noexec, as Kubernetes says. Source: Kubernetes "Volumes", image; KEP-4639.
 */
import { mkdirSync, readdirSync, readlinkSync, renameSync, rmSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { hasCode, PodError } from "../base/errors.ts";
import type { PreparedVolume } from "../spec/prepared-volume.ts";
import { K } from "../sys/abi.ts";
import type { Program } from "../sys/program.ts";
import type { VolumeHost, VolumeKind, VolumeRequest } from "./volume-kind.ts";

/** The row of the table. */
export const imageVolumeKind: VolumeKind = {
  prepare: (host, request) => {
    const { folder } = request;
    mkdirSync(folder, { recursive: true, mode: 0o755 });
    const pinned = pinnedImage(folder);
    return planned(request, pinned ?? pin(host, request));
  },
  plan: (host, request) => planned(request, findImage(host, request)?.id ?? ""),
  compile: (program, host, request) => {
    const layers = layersOf(host, request);
    const mount = (): void => mountOverlay(program, layers.length, request);
    if (request.mapLayers) request.mapLayers(program, layers, mount);
    else mount();
  },
};

function planned({ volume, folder }: VolumeRequest, imageId: string): PreparedVolume {
  return {
    name: volume.name,
    kind: "image",
    source: folder,
    isFile: false,
    nosuidNodev: true,
    noexec: true,
    readOnly: true,
    imageId,
  };
}

function findImage(
  { images }: VolumeHost,
  { volume }: VolumeRequest,
): { readonly id: string } | undefined {
  return images.find(volume.image?.reference ?? "");
}

function layersFolder(folder: string): string {
  return `${folder}.layers`;
}

/** Id of the image that the pod got when it first started. */
function pinnedImage(folder: string): string | undefined {
  try {
    return readlinkSync(join(layersFolder(folder), "image"));
  } catch (error) {
    if (hasCode(error, "ENOENT")) return undefined;
    throw error;
  }
}

/** @throws PodError NotFound */
function pin(host: VolumeHost, request: VolumeRequest): string {
  const { folder, volume } = request;
  const image = findImage(host, request);
  if (image === undefined) {
    throw new PodError(
      "NotFound",
      `Container image "${volume.image?.reference ?? ""}" is not present on this node: load it with "nspod image load FILE"`,
    );
  }
  const made = `${layersFolder(folder)}.new`;
  rmSync(made, { recursive: true, force: true });
  mkdirSync(join(made, "none"), { recursive: true, mode: 0o755 });
  for (const [index, layer] of host.images.layerFolders(image).entries()) {
    symlinkSync(layer, join(made, String(index)));
  }
  symlinkSync(image.id, join(made, "image"));
  renameSync(made, layersFolder(folder));
  return image.id;
}

/** Folders of the layers, lowest first. */
function layersOf(host: VolumeHost, request: VolumeRequest): readonly string[] {
  const links = layersFolder(request.folder);
  if (pinnedImage(request.folder) !== undefined) {
    // Besides "none" and "image".
    const count = readdirSync(links).length - 2;
    return Array.from({ length: count }, (_, index) => readlinkSync(join(links, String(index))));
  }
  const image = findImage(host, request);
  return image === undefined ? [] : host.images.layerFolders(image);
}

function mountOverlay(program: Program, count: number, { folder }: VolumeRequest): void {
  const names = Array.from({ length: count }, (_, index) => String(count - 1 - index));
  // The program may use paths relative to where it is.
  const flags = K.O_PATH | K.O_DIRECTORY | K.O_CLOEXEC;
  const here = program.open("openat", [K.AT_FDCWD, ".", flags]);
  program.call("chdir", [layersFolder(folder)]);
  const options = `lowerdir=${[...names, "none"].join(":")},metacopy=off,redirect_dir=nofollow`;
  const attributes = K.MS_RDONLY | K.MS_NOSUID | K.MS_NODEV | K.MS_NOEXEC;
  program.call("mount", ["overlay", folder, "overlay", attributes, options]);
  program.call("fchdir", [here]).close(here);
}
