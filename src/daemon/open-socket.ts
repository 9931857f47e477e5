/** The client's end of a WebSocket until it is open; a refusal is an HTTP answer with a body that says why. */
import type { ClientRequestArgs } from "node:http";
import { type ClientOptions, WebSocket } from "ws";

/** Of Kubernetes' streams: KEP-4006. */
const subprotocol = "v5.channel.k8s.io";

/**
 * Opens a socket, paused: what came with the upgrade is emitted once the caller listens and resumes.
 * @param refused - makes the error of an answer that is no upgrade.
 * @throws what `refused` makes, and errors of the connection.
 */
export async function openSocket(
  url: string,
  options: ClientOptions | ClientRequestArgs,
  refused: (body: string, httpStatus: number) => Error,
): Promise<WebSocket> {
  const { promise, resolve, reject } = Promise.withResolvers<WebSocket>();
  const socket = new WebSocket(url, [subprotocol], { ...options, perMessageDeflate: false });
  socket.once("open", () => {
    socket.off("error", reject);
    // Before the promise is settled: nobody listens yet.
    socket.pause();
    resolve(socket);
  });
  socket.once("error", reject);
  socket.once("unexpected-response", (_request, response) => {
    const chunks: Buffer[] = [];
    response.on("data", (chunk: Buffer) => chunks.push(chunk));
    response.once("end", () => {
      reject(refused(Buffer.concat(chunks).toString("utf8"), response.statusCode ?? 0));
      // That it ends before it was open is no news.
      socket.on("error", () => undefined);
      socket.terminate();
    });
  });
  return await promise;
}
