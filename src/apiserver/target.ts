/**
 * The path and query of a request. Everything is decoded exactly once, segment by segment, and each
 * segment must match the pattern of its place: an encoded slash, a NUL, a dot segment or broken
 * UTF-8 is a path that does not exist. Names never become file system paths here.
 */
import { badRequest, pathNotFound } from "./problem.ts";

export interface Target {
  /** Decoded segments of the path, at least one. */
  readonly segments: readonly string[];
  /** Decoded parameters in the order of the request. */
  readonly parameters: readonly (readonly [name: string, value: string])[];
}

/** @param url - the request target as received. @throws RequestProblem 404 or 400. */
export function parseTarget(url: string): Target {
  const at = url.indexOf("?");
  const path = at === -1 ? url : url.slice(0, at);
  if (!path.startsWith("/")) throw pathNotFound();
  return {
    segments: path.slice(1).split("/").map(decodeSegment),
    parameters: at === -1 ? [] : parseQuery(url.slice(at + 1)),
  };
}

// What names of objects, resources and verbs are made of; everything else has no place in a path.
const segmentPattern = /^[A-Za-z0-9](?:[A-Za-z0-9._-]{0,251}[A-Za-z0-9])?$/;

function decodeSegment(text: string): string {
  const segment = decode(text);
  if (segment === undefined || !segmentPattern.test(segment)) throw pathNotFound();
  return segment;
}

function parseQuery(text: string): readonly (readonly [string, string])[] {
  return text.split("&").flatMap((pair): (readonly [string, string])[] => {
    if (pair === "") return [];
    const at = pair.indexOf("=");
    const name = decode((at === -1 ? pair : pair.slice(0, at)).replaceAll("+", " "));
    const value = decode(at === -1 ? "" : pair.slice(at + 1).replaceAll("+", " "));
    if (name === undefined || value === undefined) {
      throw badRequest("The query holds a NUL byte or broken percent-encoding");
    }
    return [[name, value]];
  });
}

/** Percent-decoding of strict UTF-8 without NUL; undefined otherwise. */
function decode(text: string): string | undefined {
  try {
    const decoded = decodeURIComponent(text);
    return decoded.includes("\0") ? undefined : decoded;
  } catch {
    // URIError: overlong, truncated or otherwise broken UTF-8.
    return undefined;
  }
}
