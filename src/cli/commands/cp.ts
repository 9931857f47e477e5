/** `nspod cp`: files between this machine and a container, without a tar program in the image. */
import { stat } from "node:fs/promises";
import { basename, resolve } from "node:path";
import { PassThrough, type Readable } from "node:stream";
import { finished } from "node:stream/promises";
import { hasCode, isPodError, PodError } from "../../base/errors.ts";
import type { Query } from "../../base/format-query.ts";
import { packTree } from "../../image/pack-tree.ts";
import { unpackTree } from "../../image/unpack-tree.ts";
import type { Pod } from "../../spec/pod.ts";
import { type Context, podsPath } from "../context.ts";
import { type CopyPlace, parseCopyPlace } from "../copy-place.ts";
import { copyProblems } from "../copy-problems.ts";
import { defaultContainer, requireContainer } from "../default-container.ts";
import { type RemoteStreams, runRemoteSession } from "../remote-session.ts";

export interface CpOptions {
  readonly container?: string;
  /** False with --no-preserve. */
  readonly preserve: boolean;
}

type PodPlace = Extract<CopyPlace, { readonly kind: "pod" }>;

/** @returns 0, or 1 when something was left out. */
export async function copyFiles(
  context: Context,
  source: string,
  target: string,
  options: CpOptions,
): Promise<number> {
  const from = parseCopyPlace(source);
  const to = parseCopyPlace(target);
  if (from.kind === "pod" && to.kind !== "pod") {
    return await copyOut(context, from, to, options);
  }
  if (to.kind === "pod" && from.kind !== "pod") {
    return await copyIn(context, from, to, options);
  }
  throw new PodError(
    "InvalidArgument",
    "One end must be in a pod and the other here: nspod cp POD:PATH PATH, or nspod cp PATH POD:PATH",
  );
}

async function copyOut(
  context: Context,
  from: PodPlace,
  to: Exclude<CopyPlace, PodPlace>,
  options: CpOptions,
): Promise<number> {
  const query = { from: from.path };
  if (to.kind === "stream") {
    return await new Copy(context, from, options).run(query, { stdout: process.stdout });
  }
  const copy = new Copy(context, from, options);
  const archive = new PassThrough();
  const unpacked = unpackTree(prepared(archive), {
    target: resolve(to.path),
    name: basename(from.path),
    onLeftOut: (sentence) => copy.complain(sentence),
  });
  // The session stops when nobody takes what it sends.
  const stop = new AbortController();
  unpacked.catch(() => stop.abort());
  try {
    await copy.run(query, { stdout: archive, signal: stop.signal });
  } catch (error) {
    if (!stop.signal.aborted) {
      archive.destroy();
      throw error;
    }
  }
  archive.end();
  try {
    await unpacked;
  } catch (error) {
    // Why the stream has no end was said already.
    if (!copy.hasFailed || !isPodError(error)) throw error;
  }
  return copy.hasFailed ? 1 : 0;
}

async function* prepared(archive: Readable): AsyncGenerator<Buffer, void, undefined> {
  for await (const chunk of archive) yield chunk as Buffer;
}

async function copyIn(
  context: Context,
  from: Exclude<CopyPlace, PodPlace>,
  to: PodPlace,
  options: CpOptions,
): Promise<number> {
  const copy = new Copy(context, to, options);
  const query = { to: to.path, owners: options.preserve };
  if (from.kind === "stream")
    return await copy.run({ ...query, name: "" }, { stdin: process.stdin });
  const path = resolve(from.path);
  await requireLocal(path, from.path);
  const archive = packTree(path, (leftOut) =>
    copy.complain(`"${leftOut}" is left out: it is no file, folder or symbolic link`),
  );
  const failed = finished(archive, { writable: false }).then(
    () => undefined,
    (error: unknown) => error,
  );
  const stop = new AbortController();
  archive.once("error", () => stop.abort());
  try {
    const name = basename(path) || ".";
    return await copy.run({ ...query, name }, { stdin: archive, signal: stop.signal });
  } catch (error) {
    throw stop.signal.aborted ? await failed : error;
  }
}

async function requireLocal(path: string, shown: string): Promise<void> {
  try {
    await stat(path);
  } catch (error) {
    if (!hasCode(error, "ENOENT", "ENOTDIR")) throw error;
    throw new PodError("NotFound", `error: ${shown} doesn't exist in local filesystem`);
  }
}

/** One copy: its session and whether something of it was left out. */
class Copy {
  readonly #context: Context;
  readonly #place: PodPlace;
  readonly #options: CpOptions;
  hasFailed = false;

  constructor(context: Context, place: PodPlace, options: CpOptions) {
    this.#context = context;
    this.#place = place;
    this.#options = options;
  }

  complain(sentence: string): void {
    this.hasFailed = true;
    this.#context.screen.remark(`nspod: ${sentence}`);
  }

  async run(query: Query, streams: Partial<RemoteStreams>): Promise<number> {
    const { client, screen, namespace: usual } = this.#context;
    const namespace = this.#place.namespace ?? usual;
    const pod = await client.json<Pod>("GET", podsPath(namespace, this.#place.pod));
    const container =
      this.#options.container === undefined
        ? defaultContainer(pod, screen)
        : requireContainer(pod, this.#options.container);
    const path = `/nspod/v1/namespaces/${namespace}/pods/${pod.metadata.name}/copy`;
    const stderr = copyProblems((sentence) => this.complain(sentence));
    const sink = new PassThrough();
    sink.resume();
    try {
      const code = await runRemoteSession(
        client,
        path,
        { ...query, container },
        { stdout: sink, stderr, ...streams },
      );
      if (code !== 0) this.hasFailed = true;
    } finally {
      stderr.end();
      await finished(stderr);
    }
    return this.hasFailed ? 1 : 0;
  }
}
