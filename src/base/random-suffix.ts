/** The end of generated names. Apart from ids.ts: a command line must not pay 6 ms for node:crypto. */

// No vowels and none of 0, 1, 3: no words and no look-alikes (apimachinery util/rand).
const letters = "bcdfghjklmnpqrstvwxz2456789";

/** The five letters that `metadata.generateName` gets. Not secret, and not sure to be new: creating tells. */
export function randomSuffix(): string {
  return Array.from({ length: 5 }, () => letters[Math.floor(Math.random() * letters.length)]).join(
    "",
  );
}
