/** "sha256:0123456789ab…" → "0123456789ab", as docker shows image ids. */
export function shortId(digest: string): string {
  return digest.slice(digest.indexOf(":") + 1).slice(0, 12);
}
