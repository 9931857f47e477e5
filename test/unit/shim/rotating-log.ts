// A thread that does to the files of a log what native/shim_log.c does, as quickly as it can; each file has the number of
// the rotation that made it.
import { renameSync, writeFileSync } from "node:fs";
import { workerData } from "node:worker_threads";
import { hasCode } from "../../../src/base/errors.ts";

const { path, rotations, files } = workerData as {
  readonly path: string;
  readonly rotations: number;
  readonly files: number;
};

for (let rotation = 1; rotation <= rotations; rotation++) {
  for (let number = files - 1; number > 1; number--) {
    rename(`${path}.${number - 1}`, `${path}.${number}`);
  }
  rename(path, `${path}.1`);
  writeFileSync(path, String(rotation), { flag: "wx" });
}

function rename(from: string, to: string): void {
  try {
    renameSync(from, to);
  } catch (error) {
    // Not so many files yet.
    if (!hasCode(error, "ENOENT")) throw error;
  }
}
