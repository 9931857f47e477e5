/** Certificates as they lie on disk (pki.ts draws the folder), for who must not load the code that makes them. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { hasCode } from "../base/errors.ts";

export interface KeyPair {
  /** PEM. */
  readonly certificate: string;
  /** PEM, PKCS #8. */
  readonly key: string;
}

/** The pair as it lies on disk; undefined when one of its files is missing. */
export function readPair(folder: string, name: string): KeyPair | undefined {
  try {
    return {
      certificate: readFileSync(join(folder, `${name}.crt`), "utf8"),
      key: readFileSync(join(folder, `${name}.key`), "utf8"),
    };
  } catch (error) {
    if (hasCode(error, "ENOENT")) return undefined;
    throw error;
  }
}
