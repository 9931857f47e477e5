/**
 * A container that waits for its image is tried as soon as the image is there, not when its next
 * try is due: that may be five minutes away, and somebody has just loaded it. Pure.
 */
import type { Pod } from "../spec/pod.ts";
import { allRefs } from "./container-refs.ts";
import { containerRecord, type PodRecord, setContainer } from "./record.ts";

const imageReasons: ReadonlySet<string> = new Set([
  "ErrImagePull",
  "ImagePullBackOff",
  "ErrImageNeverPull",
]);

/**
 * The record without the delay of containers whose image has come; the same object when there is
 * none.
 * @param find - looks an image up by the name in the manifest; undefined: it is not here. It may
 *   throw, for a name that means several images by now: the next try tells that.
 */
export function retryWithArrivedImages(
  pod: Pod,
  record: PodRecord,
  find: (image: string) => unknown,
): PodRecord {
  let changed = record;
  for (const { container } of allRefs(pod)) {
    const state = containerRecord(record, container.name);
    const isWaiting = imageReasons.has(state.waiting?.reason ?? "") && state.retryAtMs !== 0;
    if (!isWaiting || !hasArrived(container.image, find)) continue;
    changed = setContainer(changed, container.name, { ...state, retryAtMs: 0 });
  }
  return changed;
}

function hasArrived(image: string, find: (image: string) => unknown): boolean {
  try {
    return find(image) !== undefined;
  } catch {
    return true;
  }
}
