/**
 * Answers to what never becomes a request: broken HTTP, and headers that are too long or take too long.
 *
 * node:http counts the time of a header from the connection, its own process's delays included, and looks at the clock
 * before it reads: on a machine without time for the daemon a request that is all there would be late. So what has come
 * is read first. Source: Node.js, http "Event: 'clientError'"; libuv, "The I/O loop": timers come before polling.
 */
import type { IncomingMessage, Server } from "node:http";
import type { Duplex } from "node:stream";
import { hasCode, messageOf } from "../base/errors.ts";
import { badRequest, RequestProblem, statusOf } from "./problem.ts";

/** Makes a server answer them with a Status, and close the connection. */
export function refuseBrokenRequests(server: Server): void {
  server.on("clientError", (error, socket) => {
    if (!hasCode(error, timeoutCode)) {
      refuse(error, socket);
      return;
    }
    let isWhole = false;
    const look = (request: IncomingMessage): void => {
      if (request.socket === socket) isWhole = true;
    };
    server.on("request", look).on("upgrade", look);
    // After the next look at what all connections have brought.
    setImmediate(() => {
      server.off("request", look).off("upgrade", look);
      if (!isWhole) refuse(error, socket);
    });
  });
}

const timeoutCode = "ERR_HTTP_REQUEST_TIMEOUT";

function refuse(error: Error, socket: Duplex): void {
  if (!socket.writable) return;
  const status = statusOf(problemOf(error));
  const body = JSON.stringify(status);
  const head = [
    `HTTP/1.1 ${status.code} ${status.reason}`,
    "Content-Type: application/json",
    `Content-Length: ${Buffer.byteLength(body)}`,
    "Connection: close",
  ];
  socket.end(`${head.join("\r\n")}\r\n\r\n${body}`);
}

function problemOf(error: Error): RequestProblem {
  if (hasCode(error, timeoutCode)) {
    const words = "The header of the request did not come in time: send the request again";
    return new RequestProblem([408, "Timeout", "DeadlineExceeded"], words);
  }
  if (hasCode(error, "HPE_HEADER_OVERFLOW")) {
    const words = "The header of the request is too long";
    return new RequestProblem([431, "RequestHeaderFieldsTooLarge", "InvalidArgument"], words);
  }
  return badRequest(`This is no request of HTTP/1.1: ${messageOf(error)}`);
}
