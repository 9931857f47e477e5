/**
 * What a container takes from its image. Content, not policy: every value is used as data (security: R6, IMG-11).
 * Source: OCI image-spec config.md, "Properties", object `config`.
 */

export interface ImageDefaults {
  readonly entrypoint: readonly string[];
  readonly cmd: readonly string[];
  /** `NAME=value` */
  readonly env: readonly string[];
  /** `user[:group]` by name or number; "" is root. */
  readonly user: string;
  /** "" is "/". */
  readonly workingDir: string;
  /** Paths that stay writable when the root file system is read-only. */
  readonly volumes: readonly string[];
  readonly stopSignal?: string;
}

/** The part of an OCI image configuration that is read here. */
export interface OciImageConfig {
  readonly config?: {
    readonly Entrypoint?: readonly string[] | null;
    readonly Cmd?: readonly string[] | null;
    readonly Env?: readonly string[] | null;
    readonly User?: string;
    readonly WorkingDir?: string;
    readonly Volumes?: Readonly<Record<string, unknown>> | null;
    readonly StopSignal?: string;
  };
}

/** Reads the defaults of an image; absent and null are empty. */
export function imageDefaults(image: OciImageConfig): ImageDefaults {
  const config = image.config ?? {};
  return {
    entrypoint: config.Entrypoint ?? [],
    cmd: config.Cmd ?? [],
    env: config.Env ?? [],
    user: config.User ?? "",
    workingDir: config.WorkingDir ?? "",
    volumes: Object.keys(config.Volumes ?? {}),
    ...(config.StopSignal ? { stopSignal: config.StopSignal } : {}),
  };
}
