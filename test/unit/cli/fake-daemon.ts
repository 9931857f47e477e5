// A daemon of a few lines for tests of the command line: answers on a unix socket what the test
// says, and remembers what it was asked.
import { mkdtempSync, rmSync } from "node:fs";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { defaultInstance, type Instance } from "../../../src/base/instance.ts";
import { Context } from "../../../src/cli/context.ts";
import { Screen } from "../../../src/cli/screen.ts";

export interface Asked {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly body: string;
}

export type Answer = (asked: Asked, response: ServerResponse) => void;

export class FakeDaemon implements AsyncDisposable {
  readonly folder: string = mkdtempSync(join(tmpdir(), "nspod-cli-"));
  readonly asked: Asked[] = [];
  readonly server: Server;
  /** Set by the test; called for every request. */
  answer: Answer = (_, response) => fail(response, 404, "NotFound", "nothing here");

  constructor() {
    this.server = createServer((request, response) => {
      void this.#handle(request, response);
    });
  }

  get socketPath(): string {
    return join(this.folder, "nspod.sock");
  }

  get instance(): Instance {
    return { ...defaultInstance, root: this.folder, run: this.folder };
  }

  async listen(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.server.listen(this.socketPath, resolve);
    await promise;
  }

  async #handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? "/", "http://nspod");
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const asked: Asked = {
      method: request.method ?? "",
      path: url.pathname,
      query: url.searchParams,
      body: Buffer.concat(chunks).toString("utf8"),
    };
    this.asked.push(asked);
    this.answer(asked, response);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.server.closeAllConnections();
    const { promise, resolve } = Promise.withResolvers<void>();
    this.server.close(() => resolve());
    await promise;
    rmSync(this.folder, { recursive: true, force: true });
  }
}

export function reply(response: ServerResponse, value: unknown, status = 200): void {
  response.writeHead(status, { "content-type": "application/json" });
  response.end(JSON.stringify(value));
}

export function fail(
  response: ServerResponse,
  code: number,
  reason: string,
  message: string,
): void {
  reply(response, { kind: "Status", status: "Failure", code, reason, message }, code);
}

/** What a command printed. */
export interface Printed {
  out: string;
  err: string;
}

export function fakeScreen(isTerminal = false): {
  readonly screen: Screen;
  readonly printed: Printed;
} {
  const printed: Printed = { out: "", err: "" };
  const sink = (name: keyof Printed): ConstructorParameters<typeof Screen>[0]["out"] => ({
    write: (chunk, done) => {
      printed[name] += typeof chunk === "string" ? chunk : Buffer.from(chunk).toString("utf8");
      done?.();
      return true;
    },
    once: () => undefined,
    isTTY: isTerminal,
  });
  return { screen: new Screen({ out: sink("out"), err: sink("err"), env: {} }), printed };
}

export function fakeContext(
  daemon: FakeDaemon,
  options: { readonly namespace?: string; readonly isTerminal?: boolean } = {},
): { readonly context: Context; readonly printed: Printed } {
  const { screen, printed } = fakeScreen(options.isTerminal);
  const context = new Context({
    screen,
    instance: daemon.instance,
    givenNamespace: options.namespace,
  });
  return { context, printed };
}
