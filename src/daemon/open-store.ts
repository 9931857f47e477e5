/** Opens the store and says what of it could not be read. */
import type { Logger } from "../base/log.ts";
import { damagedStore } from "../store/damaged-objects.ts";
import { Store } from "../store/store.ts";

/** @throws PodError FailedPrecondition when the file itself is damaged or of another version. */
export function openStore(path: string, log: Logger): Store {
  const store = Store.open(path);
  for (const object of store.damaged) {
    log.error(
      { object },
      `Cannot read ${object}: it was taken out of "${path}", and what is left of it is kept in the records "${damagedStore}"; create it again`,
    );
  }
  return store;
}
