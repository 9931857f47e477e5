/**
 * The skeleton: a layer on top of every image, shared by all containers. It has the places that the kernel's file
 * systems and the pod's files are mounted on, so whatever links an image has there are hidden, as Docker's init layer
 * hides them (security: ESC-10, ESC-16, ESC-17), and a start makes none of these inodes.
 *
 *   <root>/skeleton/1/   dev proc sys   etc/{hosts,hostname,resolv.conf}   etc/mtab → /proc/mounts
 */
import {
  chmodSync,
  existsSync,
  mkdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";

const folders = [
  ["dev", 0o755],
  ["proc", 0o555],
  ["sys", 0o555],
  ["etc", 0o755],
] as const;

const files = ["hosts", "hostname", "resolv.conf"] as const;

/** Where all skeletons are; only nspod writes there. @param root - the instance's data root */
export function skeletonsFolder(root: string): string {
  return join(root, "skeleton");
}

/** The skeleton. Another content gets another number: containers that run have theirs mounted. */
export function skeletonFolder(root: string): string {
  return join(skeletonsFolder(root), "1");
}

/** Makes the skeleton unless it is there; whole or not at all. */
export function ensureSkeleton(root: string): void {
  const folder = skeletonFolder(root);
  const draft = `${folder}.tmp`;
  rmSync(draft, { recursive: true, force: true });
  // A daemon starts on a full disk too, if one has been here before.
  if (existsSync(folder)) return;
  mkdirSync(draft, { recursive: true, mode: 0o755 });
  for (const [name, mode] of folders) {
    mkdirSync(join(draft, name));
    // The mode of mkdir is cut by the umask.
    chmodSync(join(draft, name), mode);
  }
  for (const name of files) {
    writeFileSync(join(draft, "etc", name), "");
    chmodSync(join(draft, "etc", name), 0o644);
  }
  symlinkSync("/proc/mounts", join(draft, "etc", "mtab"));
  renameSync(draft, folder);
}
