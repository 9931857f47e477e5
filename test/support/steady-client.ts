// A client that asks all the time, each request on a connection of its own, and keeps what went wrong.
import { request } from "node:http";
import { patient } from "./patience.ts";

export class SteadyClient {
  /** Body of an answer → how often it came. */
  readonly answers: Map<string, number> = new Map();
  /** `ECONNREFUSED after 812 ms`. */
  readonly failures: string[] = [];
  readonly #address: string;
  readonly #loops: Promise<void>[];
  readonly #startedMs = performance.now();
  #isOver = false;

  /** @param workers - so many requests are under way at once. */
  constructor(address: string, workers = 4) {
    this.#address = address;
    this.#loops = Array.from({ length: workers }, () => this.#loop());
  }

  get count(): number {
    return [...this.answers.values()].reduce((sum, count) => sum + count, this.failures.length);
  }

  /** Ends after the answers to what is under way. */
  async stop(): Promise<void> {
    this.#isOver = true;
    await Promise.all(this.#loops);
  }

  async #loop(): Promise<void> {
    while (!this.#isOver) {
      try {
        const body = await ask(this.#address);
        this.answers.set(body, (this.answers.get(body) ?? 0) + 1);
      } catch (error) {
        const afterMs = Math.round(performance.now() - this.#startedMs);
        this.failures.push(`${String(error)} after ${afterMs} ms`);
      }
    }
  }
}

/**
 * One request on port 80.
 * @returns the body, without the newline at its end.
 * @throws Error when there was no whole answer with status 200.
 */
export async function ask(address: string): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const options = { host: address, port: 80, agent: false, timeout: patient(10_000) };
  const call = request(options, (response) => {
    let body = "";
    response.setEncoding("utf8");
    response.on("data", (chunk: string) => {
      body += chunk;
    });
    response.on("error", reject);
    response.on("end", () => {
      if (response.statusCode === 200 && response.complete) resolve(body.trimEnd());
      else reject(new Error(`status ${response.statusCode}, ${body.length} characters`));
    });
  });
  call.on("timeout", () => call.destroy(new Error("timeout")));
  call.on("error", reject);
  call.end();
  return await promise;
}
