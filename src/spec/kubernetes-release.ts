/** The release of Kubernetes that nspod speaks like, as clients compare it with their own. */
export const kubernetesRelease = { major: "1", minor: "34" } as const;

/** `v1.34.0+nspod-0.1.0`. @param version - of nspod */
export function releaseName(version: string): string {
  const { major, minor } = kubernetesRelease;
  return `v${major}.${minor}.0+nspod-${version}`;
}
