/**
 * Bounds of what an archive may make us do: against bombs (security: IMG-07). The defaults are
 * far beyond honest images.
 */

export interface ImportLimits {
  /** Bytes of extended headers in front of one entry. */
  readonly headerBytes: number;
  /** Entries of one tar. */
  readonly entries: number;
  /** Folders inside folders. */
  readonly depth: number;
  /** Bytes of files of one layer, holes included. */
  readonly unpackedBytes: number;
  /** Unpacked : packed, once `ratioFreeBytes` are unpacked. */
  readonly ratio: number;
  readonly ratioFreeBytes: number;
}

export const defaultLimits: ImportLimits = {
  headerBytes: 1 << 20,
  entries: 2_000_000,
  depth: 1024,
  unpackedBytes: 64 * 2 ** 30,
  ratio: 200,
  ratioFreeBytes: 100 << 20,
};
