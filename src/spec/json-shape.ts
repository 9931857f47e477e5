/**
 * How large a JSON text is as a value, told before anything is made of it or recurses into it. Three bytes are enough
 * for an object, and each costs a hundred times that once it is decoded.
 */

export interface JsonShape {
  /** How deep brackets and braces are nested outside of strings. */
  readonly depth: number;
  /** How many objects and lists there are. */
  readonly parts: number;
}

/** More than any object of Kubernetes has. */
export const maxDepth = 100;
export const maxParts = 100_000;

export function jsonShape(json: string): JsonShape {
  let nested = 0;
  let depth = 0;
  let parts = 0;
  for (const [token] of json.matchAll(/"(?:[^"\\]|\\.)*"|[[\]{}]/gs)) {
    if (token === "[" || token === "{") {
      parts++;
      depth = Math.max(depth, ++nested);
    } else if (token === "]" || token === "}") nested--;
  }
  return { depth, parts };
}

/** Why a value of this shape is refused: "is nested more than …"; undefined when it is not. */
export function refuseShape({ depth, parts }: JsonShape): string | undefined {
  if (depth > maxDepth) return `is nested more than ${maxDepth} levels deep`;
  return parts > maxParts ? `has more than ${maxParts} objects and lists` : undefined;
}
