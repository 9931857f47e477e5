/** What readers of the newest state need of the store; a mirror of an API server far away has it, too. */
import type { ObjectReader } from "../spec/object-reader.ts";
import type { StoredObject, WatchEvent } from "./watch-event.ts";

/** Objects as of the last change that was heard of. */
export interface ObjectSource extends ObjectReader {
  list<T>(kind: string, namespace?: string): { readonly items: readonly T[] };
  /** Calls `listener` after every change; it must not throw. State from before is not told. @returns ends it. */
  follow(listener: (change: WatchEvent<StoredObject>) => void): () => void;
}
