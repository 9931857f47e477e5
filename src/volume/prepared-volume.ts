/** A volume that is ready to be bound into containers. */

export interface PreparedVolume {
  /** Name in `spec.volumes`. */
  readonly name: string;
  readonly kind: "emptyDir" | "hostPath";
  /** Absolute path on the host (in the shim's mount namespace) that containers bind. */
  readonly source: string;
  /** hostPath may name a file, a socket or a device; everything else is a directory. */
  readonly isFile: boolean;
  /** Set-user-id files and devices have no effect: all but hostPath (security: B4). */
  readonly nosuidNodev: boolean;
}
