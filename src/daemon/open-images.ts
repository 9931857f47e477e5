/** Opens the image store and says what of it is damaged. */

import type { Instance } from "../base/instance.ts";
import type { Logger } from "../base/log.ts";
import { ImageStore } from "../image/store.ts";

/** @param onChange - an image came or went. */
export function openImages(instance: Instance, log: Logger, onChange: () => void): ImageStore {
  const images = ImageStore.open(instance, { onChange });
  for (const problem of images.problems) log.error(problem);
  return images;
}
