/**
 * Names for contents: a 32-bit FNV-1a hash of an object, in letters that make no words. Equal objects have equal
 * hashes whatever the order of their fields. Source: Kubernetes, "Pod-template-hash label".
 */

const letters = "bcdfghjklmnpqrstvwxz2456789";

/** @param collisionCount - how often the name of this content was taken by another one. */
export function contentHash(content: unknown, collisionCount = 0): string {
  const text = canonicalJson(content) + (collisionCount === 0 ? "" : `#${collisionCount}`);
  let hash = 0x811c9dc5;
  for (const byte of Buffer.from(text)) hash = Math.imul(hash ^ byte, 0x01000193) >>> 0;
  return [...String(hash)].map((digit) => letters[digit.charCodeAt(0) % letters.length]).join("");
}

/** JSON with the fields of every object in order. */
export function canonicalJson(value: unknown): string {
  return JSON.stringify(value, (_, part: unknown) =>
    typeof part === "object" && part !== null && !Array.isArray(part)
      ? Object.fromEntries(Object.entries(part).sort(([a], [b]) => (a < b ? -1 : 1)))
      : part,
  );
}
