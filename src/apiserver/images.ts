/**
 * Images: /nspod/v1/images. Imports answer with JSON lines, because they take a while:
 *
 *   {"progress": {…}}   any number, left out while the client is slow
 *   {"images": […]}     the end, or {"error": Status}
 */
import { PassThrough } from "node:stream";
import { PodError } from "../base/errors.ts";
import type { ImageSource, LoadedImage, Progress } from "../image/store-types.ts";
import { badRequest, statusOf } from "./problem.ts";
import { type Exchange, type Route, sendJson } from "./router.ts";
import { sendStream } from "./stream-answer.ts";

const base = "/nspod/v1/images";

export const imageRoutes: readonly Route[] = [
  {
    method: "GET",
    path: base,
    handle: ({ backend, response }) => sendJson(response, 200, { images: backend.images.list() }),
  },
  {
    method: "GET",
    path: `${base}/inspect`,
    query: ["name"],
    handle: ({ backend, response, query }) => {
      const name = query.required("name");
      const image = backend.images.find(name);
      if (image === undefined) {
        throw new PodError("NotFound", `Image "${name}" does not exist`, {
          data: { kind: "Image", name },
        });
      }
      sendJson(response, 200, image);
    },
  },
  {
    method: "POST",
    path: `${base}/load`,
    query: ["path", "keepExisting"],
    handle: async (exchange) => {
      const keepExisting = exchange.query.flag("keepExisting");
      await importImages(exchange, (source, options) =>
        exchange.backend.images.load(source, { ...options, keepExisting }),
      );
    },
  },
  {
    method: "POST",
    path: `${base}/import`,
    query: ["path", "reference", "keepExisting"],
    handle: async (exchange) => {
      const reference = exchange.query.required("reference");
      const keepExisting = exchange.query.flag("keepExisting");
      await importImages(exchange, async (source, options) => [
        await exchange.backend.images.importRootfs(source, { ...options, reference, keepExisting }),
      ]);
    },
  },
  {
    method: "POST",
    path: `${base}/tag`,
    query: ["source", "target"],
    handle: async ({ backend, response, query }) => {
      await backend.images.tag(query.required("source"), query.required("target"));
      sendJson(response, 200, {});
    },
  },
  {
    method: "DELETE",
    path: base,
    query: ["name", "force"],
    handle: async ({ backend, response, query }) => {
      const options = { force: query.flag("force"), inUse: backend.imagesInUse() };
      const report = await backend.images.remove(query.required("name"), options);
      sendJson(response, 200, report);
    },
  },
  {
    method: "POST",
    path: `${base}/prune`,
    query: ["all"],
    handle: async ({ backend, response, query }) => {
      const options = { all: query.flag("all"), inUse: backend.imagesInUse() };
      sendJson(response, 200, await backend.images.prune(options));
    },
  },
  {
    method: "GET",
    path: `${base}/save`,
    query: ["name[]", "format"],
    handle: async ({ backend, response, query }) => {
      const names = query.list("name");
      if (names.length === 0) throw badRequest('Parameter "name" is required');
      const format = query.oneOf("format", ["oci", "docker"]) ?? "oci";
      await sendStream(response, "application/x-tar", backend.images.save(names, format));
    },
  },
];

async function importImages(
  exchange: Exchange,
  work: (
    source: ImageSource,
    options: { readonly onProgress: (step: Progress) => void; readonly signal: AbortSignal },
  ) => Promise<readonly LoadedImage[]>,
): Promise<void> {
  const { request, response, query, signal, logger } = exchange;
  const path = query.text("path");
  if (path !== undefined && !path.startsWith("/")) {
    throw badRequest(`Parameter "path": must be absolute: got "${path}"`);
  }
  // A stream between: the import may destroy what it reads from, the connection must live on.
  const stream = path === undefined ? request.pipe(new PassThrough()) : undefined;
  request.once("close", () => {
    // A whole body closes the request too, and its end may still wait to be read.
    if (!request.complete) stream?.destroy();
  });
  const send = (line: unknown): void => {
    response.write(`${JSON.stringify(line)}\n`);
  };
  response.writeHead(200, { "content-type": "application/x-ndjson" });
  response.flushHeaders();
  try {
    const images = await work(path === undefined ? { stream: stream ?? request } : { path }, {
      onProgress: (progress) => {
        if (!response.writableNeedDrain && !response.destroyed) send({ progress });
      },
      signal,
    });
    send({ images });
  } catch (error) {
    if (!signal.aborted) logger.warn({ err: error }, "Import failed");
    send({ error: statusOf(error) });
  } finally {
    if (stream !== undefined) {
      request.unpipe(stream);
      stream.destroy();
      // The rest of the body is thrown away, so that the client gets to read the answer.
      request.resume();
    }
    response.end();
  }
}
