/**
 * Which manifest of an index fits this machine. Names are Go's (GOOS, GOARCH), as the OCI
 * image-spec wants them; variants as containerd's platforms package normalises them: arm64 is
 * arm64/v8, amd64 is amd64/v1.
 */
import type { Platform } from "./oci-types.ts";

const architectures: Readonly<Record<string, string>> = { x64: "amd64", arm64: "arm64" };
const impliedVariant: Readonly<Record<string, string>> = { amd64: "v1", arm64: "v8" };
/** Other names of the same architecture; containerd platforms/database.go. */
const aliases: Readonly<Record<string, string>> = {
  x86_64: "amd64",
  "x86-64": "amd64",
  aarch64: "arm64",
};

/** The platform of this process. */
export function hostPlatform(): Platform {
  return { os: "linux", architecture: architectures[process.arch] ?? process.arch };
}

export function formatPlatform({ os, architecture, variant }: Platform): string {
  const name = `${os || "unknown"}/${architecture || "unknown"}`;
  return variant === undefined ? name : `${name}/${variant}`;
}

/**
 * How well an image for `offered` runs on `host`: 0 = not at all, more is better. A variant beyond
 * the baseline (amd64/v3) fits only a host that claims it.
 */
export function platformScore(host: Platform, offered: Platform): number {
  if (offered.os.toLowerCase() !== host.os) return 0;
  const architecture = offered.architecture.toLowerCase();
  if ((aliases[architecture] ?? architecture) !== host.architecture) return 0;
  const baseline = impliedVariant[host.architecture] ?? "";
  const wanted = variantNumber(host.variant ?? baseline);
  const found = variantNumber(offered.variant ?? baseline);
  return found > wanted ? 0 : 1 + found;
}

/** "v8" → 8, "v8.2" and "8" → 8, anything else 0. */
function variantNumber(variant: string): number {
  return Number(/^v?(\d{1,3})/.exec(variant)?.[1] ?? 0);
}
