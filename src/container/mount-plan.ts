/**
 * Which mounts a container gets besides those of the kernel: volumes, the pod's files, the image's volumes.
 *
 * Pure. Shallow targets come first, so a mount never hides one below it. A volume on /proc or /sys is refused:
 * runtimes that wrote below them by path were the way out more than once (security: ESC-10).
 * Source: Kubernetes Container.volumeMounts; order as containerd's CRI plugin.
 */
import { posix } from "node:path";
import { PodError } from "../base/errors.ts";
import { expandStrictly } from "../spec/expand.ts";
import type { Container, VolumeMount } from "../spec/pod.ts";
import type { PreparedVolume } from "../spec/prepared-volume.ts";
import { checkRelativePath } from "../spec/validate-names.ts";
import { components } from "./in-root.ts";
import type { Propagation } from "./mount-calls.ts";

export interface PlannedMount {
  /** The field or phrase it comes from. */
  readonly origin: string;
  /** Absolute path on the host; undefined: the target itself, which stays writable in a read-only root. */
  readonly source: string | undefined;
  /** Below the source, resolved inside it; "" is the source. */
  readonly subPath: string;
  /** Mode of directories of subPath that are missing. */
  readonly subPathMode: number;
  /** Absolute path in the container, without "..". */
  readonly target: string;
  /** "source": a directory or a file, as the source turns out to be. */
  readonly kind: "directory" | "file" | "source";
  readonly readOnly: boolean;
  /** What is mounted below the source is read-only too. */
  readonly recursiveReadOnly: boolean;
  readonly propagation: Propagation;
  readonly nosuidNodev: boolean;
  readonly noexec: boolean;
  /** Takes the mounts below the source along. */
  readonly recursive: boolean;
  /** Ids in the source are those of the pod's users as it stands: an overlay cannot be mapped itself. */
  readonly hasMappedIds?: boolean;
  /** The pod's user namespace, and its root on the host: ids in the source are those of the containers. */
  readonly idmap?: { readonly fd: number; readonly base: number };
}

/** Host paths of the files that nspod writes for the container. */
export interface PodFiles {
  readonly hosts: string;
  readonly hostname: string;
  readonly resolvConf: string;
  /** Absent: no termination log. */
  readonly terminationLog?: string;
}

export interface MountPlanInput {
  readonly container: Container;
  readonly field: string;
  readonly privileged: boolean;
  readonly readOnlyRoot: boolean;
  readonly volumes: ReadonlyMap<string, PreparedVolume>;
  /** Of the container's `env`, for subPathExpr. */
  readonly variables: ReadonlyMap<string, string>;
  readonly files: PodFiles;
  readonly imageVolumes: readonly string[];
}

/** An absolute path without "." and "..". */
export function absolutePath(path: string): string {
  const clean = posix.normalize(`/${path}`);
  return clean.length > 1 ? clean.replace(/\/$/, "") : clean;
}

/** @throws PodError InvalidArgument for a target that no volume may have */
export function planMounts(input: MountPlanInput): PlannedMount[] {
  const { container, field } = input;
  const volumes = (container.volumeMounts ?? []).map((mount, index) =>
    planVolume(input, mount, `${field}.volumeMounts[${index}]`),
  );
  const taken = new Set(volumes.map(({ target }) => target));
  // What the pod mounts at the same place wins over ours and the image's.
  const others = [...planFiles(input), ...planImageVolumes(input)].filter(
    ({ target }) => !taken.has(target),
  );
  const depth = ({ target }: PlannedMount): number => components(target).length;
  return [...others, ...volumes].toSorted((a, b) => depth(a) - depth(b));
}

/** Whether one of the pod's volumes is mounted exactly at a path. */
export function isVolumeAt(container: Container, path: string): boolean {
  return (container.volumeMounts ?? []).some(({ mountPath }) => absolutePath(mountPath) === path);
}

function planVolume(input: MountPlanInput, mount: VolumeMount, origin: string): PlannedMount {
  const volume = input.volumes.get(mount.name);
  if (volume === undefined) {
    throw new PodError(
      "InvalidArgument",
      `${origin}.name: no volume ${JSON.stringify(mount.name)} in this pod`,
      { data: { reason: "CreateContainerConfigError" } },
    );
  }
  const target = absolutePath(mount.mountPath);
  checkTarget(target, input.privileged, `${origin}.mountPath`);
  const subPath = components(subPathOf(mount, input.variables, origin)).join("/");
  const readOnly = mount.readOnly === true || volume.readOnly === true;
  return {
    origin,
    source: volume.source,
    subPath,
    // As the kubelet: what it makes below an emptyDir is as open as the emptyDir.
    subPathMode: volume.kind === "emptyDir" ? 0o777 : 0o755,
    target,
    kind: subPath !== "" ? "source" : volume.isFile ? "file" : "directory",
    readOnly,
    recursiveReadOnly: readOnly && isRecursive(mount),
    propagation: propagations[mount.mountPropagation ?? "None"],
    nosuidNodev: volume.nosuidNodev,
    noexec: volume.noexec === true,
    recursive: true,
    ...(volume.kind === "image" ? { hasMappedIds: true } : {}),
  };
}

const propagations: Readonly<Record<NonNullable<VolumeMount["mountPropagation"]>, Propagation>> = {
  None: "private",
  HostToContainer: "slave",
  Bidirectional: "shared",
};

/** IfPossible is possible on every kernel that nspod runs on: mount_setattr(2) came with Linux 5.12. */
function isRecursive({ recursiveReadOnly = "Disabled" }: VolumeMount): boolean {
  return recursiveReadOnly !== "Disabled";
}

/** @throws PodError whose data.reason is the container's waiting reason, as the kubelet's */
function subPathOf(
  { subPath = "", subPathExpr = "" }: VolumeMount,
  variables: ReadonlyMap<string, string>,
  origin: string,
): string {
  if (subPathExpr === "") return subPath;
  const { text, missing } = expandStrictly(subPathExpr, (name) => variables.get(name));
  const problem =
    missing.length > 0
      ? `no value for variable ${missing.map((name) => JSON.stringify(name)).join(", ")}`
      : checkRelativePath(text);
  if (problem === undefined) return text;
  throw new PodError("FailedPrecondition", `${origin}.subPathExpr: ${problem}`, {
    data: { reason: "CreateContainerConfigError" },
  });
}

function checkTarget(target: string, privileged: boolean, field: string): void {
  const isBelow = (folder: string): boolean => target === folder || target.startsWith(`${folder}/`);
  const refuse = (why: string): never => {
    throw new PodError("InvalidArgument", `${field}: ${why}: got ${JSON.stringify(target)}`, {
      data: { reason: "CreateContainerError" },
    });
  };
  if (target === "/") refuse("a volume cannot replace the root file system");
  if (isBelow("/proc")) refuse('a volume cannot be mounted on "/proc" or below');
  if (privileged) return;
  if (isBelow("/sys")) refuse('only a privileged container can have a volume on "/sys" or below');
  if (target === "/dev") refuse('only a privileged container can have a volume on "/dev"');
}

const fileDefaults = {
  subPath: "",
  subPathMode: 0,
  kind: "file",
  recursiveReadOnly: false,
  propagation: "private",
  nosuidNodev: true,
  noexec: true,
  recursive: false,
} as const;

function planFiles(input: MountPlanInput): PlannedMount[] {
  const { files, container, readOnlyRoot } = input;
  const { terminationLog } = files;
  const log = absolutePath(container.terminationMessagePath ?? "/dev/termination-log");
  return [
    { origin: "/etc/hosts", source: files.hosts, target: "/etc/hosts", readOnly: readOnlyRoot },
    { origin: "/etc/hostname", source: files.hostname, target: "/etc/hostname", readOnly: true },
    {
      origin: "spec.dnsPolicy",
      source: files.resolvConf,
      target: "/etc/resolv.conf",
      readOnly: true,
    },
    ...(terminationLog === undefined
      ? []
      : [
          {
            origin: `${input.field}.terminationMessagePath`,
            source: terminationLog,
            target: log,
            readOnly: false,
          },
        ]),
  ].map((file) => ({ ...fileDefaults, ...file }));
}

/**
 * An image's volume is the directory of the container's own root, bound on itself: it keeps the image's content and
 * owner and stays writable in a read-only root, and no path of the image is ever looked up on the host
 * (CVE-2022-23648).
 */
function planImageVolumes(input: MountPlanInput): PlannedMount[] {
  const targets = new Set(input.imageVolumes.map(absolutePath));
  return [...targets].flatMap((target) => {
    // Content may not touch these places; the pod's author could not either.
    if (target === "/" || /^\/(?:proc|sys|dev)(?:\/|$)/.test(target)) return [];
    return [
      {
        origin: "volume of the image",
        source: undefined,
        subPath: "",
        subPathMode: 0,
        target,
        kind: "directory" as const,
        readOnly: false,
        recursiveReadOnly: false,
        propagation: "private" as const,
        nosuidNodev: true,
        noexec: false,
        recursive: false,
      },
    ];
  });
}
