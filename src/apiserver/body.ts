/**
 * Reading JSON bodies within limits: 3 MiB (as the Kubernetes API server), 100 levels, 100,000 parts, 30 s. The
 * handler gets the parsed value of the whole body or nothing. Where JSON may come, so may protobuf.
 */
import type { IncomingMessage } from "node:http";
import { isPodError } from "../base/errors.ts";
import { shownPath } from "../spec/field-issue.ts";
import { jsonShape, refuseShape } from "../spec/json-shape.ts";
import { duplicateKey } from "./duplicate-key.ts";
import { badRequest, RequestProblem } from "./problem.ts";

export const maxBodyBytes: number = 3 * 1024 * 1024;

const bodyTimeoutMs = 30_000;

const jsonType = "application/json";
const protobufType = "application/vnd.kubernetes.protobuf";

/**
 * The JSON value of a body; undefined when the body is empty.
 * @param mediaTypes - what Content-Type may say.
 * @throws RequestProblem 400, 408, 413 or 415.
 */
export async function readJson(
  request: IncomingMessage,
  mediaTypes: readonly string[] = [jsonType],
): Promise<unknown> {
  const { "content-type": type, "content-encoding": encoding } = request.headers;
  if (encoding !== undefined && encoding !== "identity") {
    throw unsupported(`Content-Encoding "${encoding}" is not supported`);
  }
  const body = await readBody(request, maxBodyBytes);
  if (body.length === 0) return undefined;
  const mediaType = mediaTypeOf(type ?? jsonType);
  if (mediaType === protobufType && mediaTypes.includes(jsonType)) return await readProtobuf(body);
  if (type !== undefined && !mediaTypes.includes(mediaType)) {
    throw unsupported(
      `the body of the request was in an unknown format - accepted media types include: ${mediaTypes.join(", ")}: got "${type}"`,
    );
  }
  const text = decodeUtf8(body);
  const refusal = refuseShape(jsonShape(text));
  if (refusal !== undefined) throw badRequest(`The body ${refusal}`);
  const value = parse(text);
  const twice = duplicateKey(text);
  if (twice !== undefined) {
    throw badRequest(`strict decoding error: duplicate field "${shownPath(twice)}"`);
  }
  return value;
}

/** Loaded by the first client that sends it: the tables are large. */
async function readProtobuf(body: Buffer): Promise<unknown> {
  const { decodeProtobuf } = await import("../spec/decode-protobuf.ts");
  try {
    return decodeProtobuf(body);
  } catch (error) {
    if (isPodError(error, "InvalidArgument")) throw badRequest(error.message);
    throw error;
  }
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
