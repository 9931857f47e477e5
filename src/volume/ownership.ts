/**
 * fsGroup: gives the files of a volume to a group, as the kubelet does before the containers of a pod start.
 *
 *   every entry   group = fsGroup
 *   files         mode | 0660 (0440 in a read-only volume)      directories   mode | 02770 (02550)
 *
 * The content is hostile: names are bytes, every step is relative to a descriptor, no link is followed, no mount is
 * entered (security: VOL-07). The root comes last, so a walk that was cut off is seen as such by OnRootMismatch.
 * Source: Kubernetes "Configure volume permission and ownership change policy for Pods"; pkg/volume/volume_linux.go.
 */
import { GroupWalk } from "../sys/group-walk.ts";
import type { Places } from "./places.ts";

export interface Ownership {
  /** Group id of fsGroup. */
  readonly group: number;
  readonly isReadOnly: boolean;
  /** Leave the tree alone when its root is as it should be: `fsGroupChangePolicy: OnRootMismatch`. */
  readonly onlyOnMismatch: boolean;
}

/**
 * Takes as long as the tree is large.
 * @param walks - those that are under way. @param path - absolute, trusted; its content is not.
 * @throws PodError with what the file system says, DeadlineExceeded when it does not answer, FailedPrecondition for a
 * tree that is deeper than 500 levels.
 */
export async function applyOwnership(
  walks: Places,
  path: string,
  { group, isReadOnly, onlyOnMismatch }: Ownership,
): Promise<void> {
  const fileMode = isReadOnly ? 0o440 : 0o660;
  const directoryMode = isReadOnly ? 0o2550 : 0o2770;
  const walk = new GroupWalk(path, { group, fileMode, directoryMode, onlyOnMismatch });
  const run = async (): Promise<void> => await walk.run("applyFSGroup failed");
  await walks.visit(path, run, () => walk.seen);
}
