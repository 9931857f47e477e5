/**
 * Reading JSON bodies within limits: 3 MiB (as the Kubernetes API server), 100 levels, 30 s. The
 * handler gets the parsed value of the whole body or nothing.
 */
import type { IncomingMessage } from "node:http";
import { shownPath } from "../spec/field-issue.ts";
import { duplicateKey } from "./duplicate-key.ts";
import { badRequest, RequestProblem } from "./problem.ts";

export const maxBodyBytes: number = 3 * 1024 * 1024;

const maxDepth = 100;

const bodyTimeoutMs = 30_000;

/**
 * The JSON value of a body; undefined when the body is empty.
 * @param mediaTypes - what Content-Type may say.
 * @throws RequestProblem 400, 408, 413 or 415.
 */
export async function readJson(
  request: IncomingMessage,
  mediaTypes: readonly string[] = ["application/json"],
): Promise<unknown> {
  const { "content-type": type, "content-encoding": encoding } = request.headers;
  if (encoding !== undefined && encoding !== "identity") {
    throw unsupported(`Content-Encoding "${encoding}" is not supported`);
  }
  const text = decodeUtf8(await readBody(request, maxBodyBytes));
  if (text === "") return undefined;
  if (type !== undefined && !mediaTypes.includes(mediaTypeOf(type))) {
    throw unsupported(
      `the body of the request was in an unknown format - accepted media types include: ${mediaTypes.join(", ")}: got "${type}"`,
    );
  }
  if (depthOf(text) > maxDepth) {
    throw badRequest(`The body is nested more than ${maxDepth} levels deep`);
  }
  const value = parse(text);
  const twice = duplicateKey(text);
  if (twice !== undefined) {
    throw badRequest(`strict decoding error: duplicate field "${shownPath(twice)}"`);
  }
  return value;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw badRequest(`The body is no JSON: ${error instanceof Error ? error.message : ""}`);
  }
}

/** `application/json; charset=utf-8` → `application/json`. */
export function mediaTypeOf(contentType: string): string {
  return (contentType.split(";", 1)[0] ?? "").trim().toLowerCase();
}

function unsupported(message: string): RequestProblem {
  return new RequestProblem([415, "UnsupportedMediaType", "InvalidArgument"], message);
}

function readBody(request: IncomingMessage, limit: number): Promise<Buffer> {
  const { promise, resolve, reject } = Promise.withResolvers<Buffer>();
  const chunks: Buffer[] = [];
  let size = 0;
  const fail = (error: Error): void => {
    request.removeAllListeners("data");
    // What still comes is thrown away, so that the client gets to read the answer.
    request.resume();
    reject(error);
  };
  const timer = setTimeout(() => {
    const message = `The body did not arrive within ${bodyTimeoutMs / 1000} s`;
    fail(new RequestProblem([408, "Timeout", "DeadlineExceeded"], message));
  }, bodyTimeoutMs);
  const tooLarge = (): void => {
    const message = `The body is larger than ${limit} bytes`;
    fail(new RequestProblem([413, "RequestEntityTooLarge", "InvalidArgument"], message));
  };
  request.on("data", (chunk: Buffer) => {
    size += chunk.length;
    if (size > limit) tooLarge();
    else chunks.push(chunk);
  });
  request.once("end", () => resolve(Buffer.concat(chunks)));
  request.once("error", reject);
  request.once("close", () => reject(badRequest("The connection ended before the body did")));
  if (Number(request.headers["content-length"] ?? 0) > limit) tooLarge();
  return promise.finally(() => clearTimeout(timer));
}

function decodeUtf8(bytes: Buffer): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    // TypeError: the only thing that fatal decoding throws.
    throw badRequest("The body is no UTF-8 text");
  }
}

/** How deep brackets and braces are nested outside of strings. */
export function depthOf(json: string): number {
  let depth = 0;
  let deepest = 0;
  for (const [token] of json.matchAll(/"(?:[^"\\]|\\.)*"|[[\]{}]/gs)) {
    if (token === "[" || token === "{") deepest = Math.max(deepest, ++depth);
    else if (token === "]" || token === "}") depth--;
  }
  return deepest;
}
