/**
 * emptyDir: a folder that lives as long as the pod and survives its containers.
 *
 * On disk it is `<root>/pods/<uid>/volumes/<name>`; medium Memory puts a tmpfs there and HugePages a hugetlbfs, mounted
 * in the shim's mount namespace only, so they go when the shim ends. Mode 0777 and the group of fsGroup with
 * set-group-id are Kubernetes' (pkg/volume/emptydir, pkg/volume/volume_linux.go). The sizeLimit of memory is kept by
 * the kernel, that of a folder on disk by eviction (agent/volume-limits.ts).
 */
import { chmodSync, chownSync, existsSync, mkdirSync, readFileSync, renameSync } from "node:fs";
import { PodError } from "../base/errors.ts";
import type { Pod } from "../spec/pod.ts";
import { isLimited, podLimits } from "../spec/pod-resources.ts";
import type { PreparedVolume } from "../spec/prepared-volume.ts";
import { byteCount } from "../spec/quantity.ts";
import { K } from "../sys/abi.ts";
import type { Program } from "../sys/program.ts";
import type { VolumeHost, VolumeKind, VolumeRequest } from "./volume-kind.ts";

/** The row of the table. */
export const emptyDirKind: VolumeKind = {
  prepare: (_host, request) => {
    const size = pageSize(request);
    if (size !== undefined) checkHugePages(size);
    createFolder(request);
    return planned(request);
  },
  plan: (_host, request) => planned(request),
  compile: (program, host, request) => {
    const { medium } = request.volume.emptyDir ?? {};
    if (medium === "Memory") mountMemory(program, host, request);
    else if (medium) mountHugePages(program, request);
  },
};

function planned({ volume, folder }: VolumeRequest): PreparedVolume {
  return {
    name: volume.name,
    kind: "emptyDir",
    source: folder,
    isFile: false,
    nosuidNodev: true,
  };
}

/** Its mode is set once: afterwards it is the pod's. */
function createFolder({ pod, folder }: VolumeRequest): void {
  if (existsSync(folder)) return;
  const fsGroup = pod.spec.securityContext?.fsGroup;
  // Names of volumes have no dot.
  const made = `${folder}.new`;
  mkdirSync(made, { recursive: true });
  if (fsGroup !== undefined) chownSync(made, 0, fsGroup);
  // mkdir's mode is cut by the umask, and chown drops set-group-id.
  chmodSync(made, fsGroup === undefined ? 0o777 : 0o2777);
  renameSync(made, folder);
}

function mountMemory(
  program: Program,
  { nodeMemoryBytes }: VolumeHost,
  request: VolumeRequest,
): void {
  const { pod, volume, folder } = request;
  const { sizeLimit } = volume.emptyDir ?? {};
  const size = Math.min(
    nodeMemoryBytes,
    memoryLimit(pod),
    sizeLimit === undefined ? Number.POSITIVE_INFINITY : byteCount(sizeLimit),
  );
  const options = [...ownerOptions(pod), `size=${size}`].join(",");
  program.call("mount", ["tmpfs", folder, "tmpfs", K.MS_NOSUID | K.MS_NODEV, options]);
}

/** Bytes that the pod as a whole may use: what is written counts as memory of its containers. */
function memoryLimit(pod: Pod): number {
  const nano = isLimited(pod, "memory") ? podLimits(pod).get("memory") : undefined;
  return nano === undefined ? Number.POSITIVE_INFINITY : Number(nano / 1_000_000_000n);
}

function mountHugePages(program: Program, request: VolumeRequest): void {
  const { pod, volume, folder } = request;
  const { sizeLimit } = volume.emptyDir ?? {};
  const options = [
    `pagesize=${(pageSize(request) ?? 0) / 1024}K`,
    ...ownerOptions(pod),
    ...(sizeLimit === undefined ? [] : [`size=${byteCount(sizeLimit)}`]),
  ].join(",");
  program.call("mount", ["hugetlbfs", folder, "hugetlbfs", K.MS_NOSUID | K.MS_NODEV, options]);
}

function ownerOptions(pod: Pod): string[] {
  const fsGroup = pod.spec.securityContext?.fsGroup;
  return fsGroup === undefined ? ["mode=0777"] : ["mode=2777", `gid=${fsGroup}`];
}

/**
 * Bytes of a huge page; undefined for other media. Plain HugePages takes the one size that the containers ask for.
 * @throws PodError FailedPrecondition when they ask for none or several.
 */
function pageSize({ pod, volume }: VolumeRequest): number | undefined {
  const medium = volume.emptyDir?.medium ?? "";
  if (!medium.startsWith("HugePages")) return undefined;
  const named = medium.slice("HugePages-".length);
  if (named !== "") return byteCount(named);
  const asked = [...podLimits(pod).keys()].filter((name) => name.startsWith("hugepages-"));
  const [only] = asked;
  if (only !== undefined && asked.length === 1) return byteCount(only.slice("hugepages-".length));
  throw new PodError(
    "FailedPrecondition",
    asked.length === 0
      ? "medium HugePages needs containers with a limit for hugepages-<size>: set one, or name the size as in HugePages-2Mi"
      : `medium "HugePages" can only be used if all containers use the same huge page size: got ${asked.join(", ")}`,
  );
}

function checkHugePages(bytes: number): void {
  const folder = `/sys/kernel/mm/hugepages/hugepages-${bytes / 1024}kB`;
  const count = existsSync(folder) ? Number(readFileSync(`${folder}/nr_hugepages`, "utf8")) : 0;
  if (count > 0) return;
  throw new PodError(
    "FailedPrecondition",
    `this node has no huge pages of ${bytes / 1024} KiB: reserve some with "echo 64 > ${folder}/nr_hugepages"`,
  );
}
