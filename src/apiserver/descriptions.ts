/** What `explain` says about kinds and their fields: read when somebody asks, never at the start. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";

/** Definition → field → sentences; "" for the definition itself. */
export type Descriptions = Readonly<Record<string, Readonly<Record<string, string>>>>;

/** Beside the bundles; for the sources where the build has put it. */
const files = ["descriptions.json", "../../dist/descriptions.json"].map((file) =>
  join(import.meta.dirname, file),
);

/** Empty when the program was not built. */
export async function readDescriptions(): Promise<Descriptions> {
  for (const file of files) {
    const text = await readFile(file, "utf8").catch((error: NodeJS.ErrnoException) => {
      if (error.code === "ENOENT") return undefined;
      throw error;
    });
    if (text !== undefined) return JSON.parse(text) as Descriptions;
  }
  return {};
}
