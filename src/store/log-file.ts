/**
 * The fsync of SQLite's write-ahead log, beside the main thread: what `synchronous=FULL` does inside
 * of COMMIT. A commit has written its frames when it returns, and they count from the moment the
 * file is on the disk, whoever asks for that. The log is one file from the first transaction to
 * `close()`; SQLite locks the database and the -shm file only, so closing this descriptor frees no
 * lock. Source: sqlite.org/wal.html, fcntl(2) "Advisory record locking".
 */
import { closeSync, fdatasync, openSync } from "node:fs";
import { dirname } from "node:path";
import { promisify } from "node:util";
import { syncFolder } from "../base/atomic-write.ts";
import { failpoint } from "../base/failpoint.ts";

const sync = promisify(fdatasync);

export class LogFile {
  readonly #path: string;
  #descriptor = -1;
  #running: Promise<void> | undefined;
  /** Begins when the running one has ended, for everybody who came meanwhile. */
  #next: Promise<void> | undefined;
  #isClosed = false;

  /** @param path - of the database, which is open in WAL mode. */
  constructor(path: string) {
    this.#path = `${path}-wal`;
  }

  /** Resolves when all that was committed before the call is on the disk. @throws Error of fdatasync(2) */
  flush(): Promise<void> {
    if (this.#running === undefined) return this.#begin();
    const begin = (): Promise<void> => {
      this.#next = undefined;
      return this.#begin();
    };
    this.#next ??= this.#running.then(begin, begin);
    return this.#next;
  }

  #begin(): Promise<void> {
    const running = this.#sync().finally(() => {
      this.#running = undefined;
      if (this.#isClosed) this.close();
    });
    this.#running = running;
    return running;
  }

  async #sync(): Promise<void> {
    // Closing the database has written it, and removed the log.
    if (this.#isClosed) return;
    if (this.#descriptor < 0) {
      this.#descriptor = openSync(this.#path, "r");
      // Its name, once: SQLite does this with the first sync of its own.
      syncFolder(dirname(this.#path));
    }
    failpoint("store/log-file.sync");
    await sync(this.#descriptor);
  }

  /** Lets the file go, at once or when the sync that runs has ended. */
  close(): void {
    this.#isClosed = true;
    if (this.#running !== undefined || this.#descriptor < 0) return;
    closeSync(this.#descriptor);
    this.#descriptor = -1;
  }
}
