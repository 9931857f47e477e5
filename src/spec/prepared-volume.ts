/** A volume that is ready on the host, to be bound into containers. */

/** The sources of `spec.volumes` that nspod prepares. */
export type VolumeSourceName =
  | "configMap"
  | "downwardAPI"
  | "emptyDir"
  | "ephemeral"
  | "hostPath"
  | "image"
  | "persistentVolumeClaim"
  | "projected"
  | "secret";

export interface PreparedVolume {
  /** Name in `spec.volumes`. */
  readonly name: string;
  readonly kind: VolumeSourceName;
  /** Absolute path on the host (in the shim's mount namespace) that containers bind. */
  readonly source: string;
  /** hostPath may name a file, a socket or a device; everything else is a directory. */
  readonly isFile: boolean;
  /** Set-user-id files and devices have no effect: all but paths of the host (security: B4). */
  readonly nosuidNodev: boolean;
  /** Every mount of it is read-only, whatever the container asks for. */
  readonly readOnly?: boolean;
  /** Nothing in it can be executed. */
  readonly noexec?: boolean;
  /** Of an image volume: the id of the image, "" before it is known. */
  readonly imageId?: string;
  /** fsGroup owns what is in it. */
  readonly hasOwnership?: boolean;
}
