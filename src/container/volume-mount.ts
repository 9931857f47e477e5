/** A volume as the sandbox sees it: ready on the host, to be bound into containers. */

export interface PreparedVolume {
  readonly name: string;
  /** Absolute path on the host: a folder that nspod made, or a vetted hostPath. */
  readonly source: string;
  readonly kind: "emptyDir" | "hostPath";
  /** The source is no directory, so the target is made as a file. */
  readonly isFile: boolean;
  /** Bound with nosuid and nodev: all but hostPath (security: B4). */
  readonly nosuidNodev: boolean;
}
