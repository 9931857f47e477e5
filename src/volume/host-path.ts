/**
 * hostPath: a file or directory of the node.
 *
 * The path comes from the manifest (policy), but a container that mounts a parent directory can
 * change what it leads to, so its type is read from an opened descriptor and symbolic "magic"
 * links of /proc are not followed. Its file system may never answer: places.ts. Types: Kubernetes API reference,
 * HostPathVolumeSource.
 */
import { PodError } from "../base/errors.ts";
import type { HostPathType, HostPathVolumeSource } from "../spec/pod.ts";
import type { PreparedVolume } from "../spec/prepared-volume.ts";
import { K } from "../sys/abi.ts";
import { spawnAside } from "../sys/ffi.ts";
import { Program } from "../sys/program.ts";
import type { Places } from "./places.ts";
import {
  checkPropagation,
  cloneOfHost,
  makeClonePlace,
  placeClone,
  propagationOf,
} from "./propagation.ts";
import type { VolumeKind } from "./volume-kind.ts";

type Found = "Directory" | "File" | "Socket" | "CharDevice" | "BlockDevice" | "other";

const foundByMode: ReadonlyMap<number, Found> = new Map([
  [K.S_IFDIR, "Directory"],
  [K.S_IFREG, "File"],
  [K.S_IFSOCK, "Socket"],
  [K.S_IFCHR, "CharDevice"],
  [K.S_IFBLK, "BlockDevice"],
]);

const wantedByType: Readonly<Record<HostPathType, Found | undefined>> = {
  "": undefined,
  Directory: "Directory",
  DirectoryOrCreate: "Directory",
  File: "File",
  FileOrCreate: "File",
  Socket: "Socket",
  CharDevice: "CharDevice",
  BlockDevice: "BlockDevice",
};

/** The row of the table. */
export const hostPathKind: VolumeKind = {
  prepare: async ({ places }, { pod, volume, folder }) => {
    const { name, hostPath = { path: "" } } = volume;
    const prepared = await prepareHostPath(places, name, hostPath);
    const propagation = propagationOf(pod, name);
    checkPropagation(hostPath.path, propagation);
    if (propagation !== "Bidirectional") return prepared;
    if (prepared.isFile) throw failedCheck(hostPath, "is no directory, which Bidirectional needs");
    makeClonePlace(folder);
    return { ...prepared, source: folder };
  },
  plan: (_host, { pod, volume: { name, hostPath }, folder }) => ({
    name,
    kind: "hostPath",
    source: propagationOf(pod, name) === "Bidirectional" ? folder : (hostPath?.path ?? ""),
    isFile: false,
    nosuidNodev: false,
  }),
  open: (program, { pod, volume: { name, hostPath } }) =>
    propagationOf(pod, name) === "Bidirectional"
      ? cloneOfHost(program, hostPath?.path ?? "")
      : undefined,
  compile: (program, _host, { folder }, clone) => {
    if (clone !== undefined) placeClone(program, clone, folder);
  },
};

/**
 * Checks the path against its type and makes what `…OrCreate` asks for.
 * @throws PodError FailedPrecondition in the words of the kubelet's FailedMount event, DeadlineExceeded when the file
 * system does not answer.
 */
export async function prepareHostPath(
  places: Places,
  name: string,
  source: HostPathVolumeSource,
): Promise<PreparedVolume> {
  const type = source.type ?? "";
  const found = await places.visit(source.path, () => findOrCreate(name, source.path, type));
  const wanted = wantedByType[type];
  if (found === undefined || (wanted !== undefined && wanted !== found)) {
    throw failedCheck(
      source,
      found === undefined ? "does not exist on this node" : `is not a ${wanted} but a ${found}`,
    );
  }
  return {
    name,
    kind: "hostPath",
    source: source.path,
    isFile: found !== "Directory",
    nosuidNodev: false,
  };
}

/**
 * For a child that holds nothing of the daemon's: as long as a file system does not answer, SIGKILL does not end who
 * asks it, and the lock of the instance must be free for the next daemon.
 */
function ownProgram(title: string): Program {
  return new Program(title).call("close_range", [0, 0xffff_ffff, 0]);
}

async function findOrCreate(
  name: string,
  path: string,
  type: HostPathType,
): Promise<Found | undefined> {
  const found = await typeOf(name, path);
  if (found !== undefined) return found;
  if (type === "DirectoryOrCreate") await createDirectories(path);
  if (type === "FileOrCreate") await createFile(name, path);
  return await typeOf(name, path);
}

function failedCheck({ path, type = "" }: HostPathVolumeSource, problem: string): PodError {
  return new PodError("FailedPrecondition", `hostPath type check failed: "${path}" ${problem}`, {
    data: { reason: "FailedMount", path, type },
  });
}

async function typeOf(name: string, path: string): Promise<Found | undefined> {
  const program = ownProgram(`type of "${path}"`);
  const how = Buffer.alloc(24);
  how.writeBigUInt64LE(BigInt(K.O_PATH | K.O_CLOEXEC), 0);
  how.writeBigUInt64LE(BigInt(K.RESOLVE_NO_MAGICLINKS), 16);
  const fd = program.open("openat2", [K.AT_FDCWD, path, program.bytes(how), how.length], {
    tolerate: ["ENOENT"],
  });
  const stat = program.buffer(256);
  // STATX_TYPE = 1; stx_mode is the 16-bit field at offset 28 (statx(2)).
  program.call("statx", [fd, "", K.AT_EMPTY_PATH, 1, stat]).close(fd);
  const done = await spawnAside(`Cannot look at the hostPath of volume "${name}"`, program);
  if ((done.registers[fd.number] ?? -1n) < 0n) return undefined;
  const mode = program.bytesOf(done.encoded, stat).readUInt16LE(28);
  return foundByMode.get(mode & K.S_IFMT) ?? "other";
}

async function createDirectories(path: string): Promise<void> {
  const program = ownProgram(`create "${path}"`);
  const parts = path.split("/").filter((part) => part !== "");
  for (let depth = 1; depth <= parts.length; depth++) {
    const prefix = `/${parts.slice(0, depth).join("/")}`;
    const made = program.open("mkdirat", [K.AT_FDCWD, prefix, 0o755], {
      tolerate: ["EEXIST", "EROFS"],
    });
    // The daemon's umask cuts modes. The last operand is no argument: it skips the call when the
    // directory was there before.
    program.call("fchmodat", [K.AT_FDCWD, prefix, 0o755, made]);
    program.release(made);
  }
  // What is missing then is what the next look finds.
  await spawnAside(`Cannot create "${path}"`, program).catch(() => undefined);
}

async function createFile(name: string, path: string): Promise<void> {
  const program = ownProgram(`create "${path}"`);
  const flags = K.O_CREAT | K.O_EXCL | K.O_WRONLY | K.O_CLOEXEC | K.O_NOFOLLOW;
  const fd = program.open("openat", [K.AT_FDCWD, path, flags, 0o644], { tolerate: ["EEXIST"] });
  program.call("fchmod", [fd, 0o644]).close(fd);
  await spawnAside(`Cannot create the file of volume "${name}"`, program);
}
