/**
 * Reads a tar stream entry by entry: TarGuard in front, tar-stream behind it. Names are one
 * character per byte (latin1), so that every name survives whatever encoding it has.
 *
 * The visitor sees begin(), data() for content, end(), in the order of the archive; begin() and
 * end() may return a promise, which holds the stream.
 */
import { extract, type Header } from "tar-stream";
import { PodError } from "../base/errors.ts";
import { paxNumber, type SparseFile } from "./pax-records.ts";
import {
  type EntryExtras,
  type GuardLimits,
  printableName,
  TarGuard,
  type TarType,
} from "./tar-guard.ts";

export interface TarTime {
  /** Since 1970; negative before. */
  readonly seconds: number;
  readonly nanoseconds: number;
}

export interface TarEntry {
  /** 1 for the first entry of the archive. */
  readonly number: number;
  readonly type: TarType;
  /** One character per byte, as the archive spells it. */
  readonly name: string;
  readonly linkName: string;
  /** Permission bits, 0..07777. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly modified: TarTime;
  /** Bytes of content in the archive. */
  readonly size: number;
  readonly major: number;
  readonly minor: number;
  /** Names are one character per byte, without "SCHILY.xattr.". */
  readonly xattrs: readonly (readonly [name: string, value: Buffer])[];
  readonly sparse?: SparseFile;
}

export interface TarVisitor {
  begin(entry: TarEntry): void | Promise<void>;
  data(chunk: Buffer): void;
  end(): void | Promise<void>;
}

export interface ReadTarOptions extends GuardLimits {
  /** The two zero blocks at the end must be there. */
  readonly needsEndMark: boolean;
}

/**
 * Reads to the end of the stream, also past the end mark, so that checksums of the compression
 * are checked. @throws PodError that names the entry, and whatever source and visitor throw.
 */
export async function readTar(
  source: AsyncIterable<Buffer>,
  visitor: TarVisitor,
  options: ReadTarOptions,
): Promise<void> {
  const guard = new TarGuard(options);
  // Unknown formats are v7 headers: the guard has checked them by their checksum.
  // (A variable, because tar-stream's own types leave these two options out.)
  const parserOptions = { filenameEncoding: "latin1", allowUnknownFormat: true };
  const parser = extract(parserOptions as Parameters<typeof extract>[0]);
  const ended = Promise.withResolvers<void>();
  // A failure is also seen by the loop below; this keeps an early one from being "unhandled".
  ended.promise.catch(() => undefined);
  let failure: { readonly error: unknown } | undefined;
  const fail = (error: unknown): void => {
    failure ??= { error };
    parser.destroy();
    wake();
    ended.reject(error);
  };
  let wake: () => void = () => undefined;
  // tar-stream is finished with its input, maybe before the visitor with the last entry.
  let isFinished = false;
  let isVisiting = false;
  const endWhenDone = (): void => {
    if (isFinished && !isVisiting) ended.resolve();
  };

  parser.on("entry", (header, content, next) => {
    const proceed = (result: void | Promise<void>, then: () => void): void => {
      if (result instanceof Promise) result.then(then).catch(fail);
      else then();
    };
    try {
      const extras = guard.nextExtras();
      if (extras === undefined) throw new PodError("Internal", "An entry came without its header");
      const entry = tarEntry(header, extras);
      isVisiting = true;
      const finish = (): void => {
        // Not from inside this handler: tar-stream would recurse once per empty entry.
        proceed(visitor.end(), () => {
          isVisiting = false;
          endWhenDone();
          queueMicrotask(next);
        });
      };
      proceed(visitor.begin(entry), () => {
        if (entry.size === 0) {
          finish();
          return;
        }
        content.on("data", (chunk) => {
          if (failure !== undefined) return;
          try {
            // tar-stream hands out parts of the buffers that were written to it.
            visitor.data(chunk as Buffer);
          } catch (error) {
            fail(error);
          }
        });
        content.on("error", () => undefined);
        content.on("end", () => {
          if (failure !== undefined) return;
          try {
            finish();
          } catch (error) {
            fail(error);
          }
        });
      });
    } catch (error) {
      fail(error);
    }
  });
  parser.on("error", fail);
  parser.on("drain", () => wake());
  parser.on("finish", () => {
    isFinished = true;
    endWhenDone();
  });

  for await (const chunk of source) {
    let isDrained = true;
    for (const piece of guard.push(chunk)) isDrained = parser.write(piece);
    if (failure === undefined && !isDrained) {
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
    if (failure !== undefined) throw failure.error;
  }
  const padding = guard.finish(options.needsEndMark);
  if (padding.length > 0) parser.write(padding);
  parser.end(undefined);
  await ended.promise;
}

function tarEntry(header: Header, extras: EntryExtras): TarEntry {
  const name = extras.name ?? header.name;
  const refuse = (why: string): PodError =>
    new PodError("InvalidArgument", `entry ${extras.number} (${printableName(name)}): ${why}`);
  const record = (key: string): Buffer | undefined => {
    const value = extras.records.findLast((each) => each.key === key)?.value;
    return value === undefined || value.length === 0 ? undefined : value;
  };
  const id = (key: "uid" | "gid"): number => {
    const value = extras.records.length === 0 ? undefined : record(key);
    const number = value === undefined ? header[key] : paxNumber(value, key);
    // 2^32-1 means "leave it" to chown(2).
    if (!Number.isSafeInteger(number) || number < 0 || number >= 0xffffffff) {
      throw refuse(`its ${key} is not a number from 0 to 4294967294`);
    }
    return number;
  };
  const linkName = extras.linkName ?? header.linkname ?? "";
  if (name.includes("\0") || linkName.includes("\0")) throw refuse("its name contains a NUL byte");
  const mode = header.mode;
  if (!Number.isSafeInteger(mode)) throw refuse("its mode is not a number");
  const changed = extras.records.length === 0 ? undefined : record("mtime");
  const modified =
    changed === undefined
      ? { seconds: Math.floor(header.mtime.getTime() / 1000), nanoseconds: 0 }
      : paxTime(changed.toString("latin1"));
  if (modified === undefined || !Number.isSafeInteger(modified.seconds)) {
    throw refuse("its time is not a number");
  }
  return {
    number: extras.number,
    type: extras.type,
    name,
    linkName,
    mode: mode & 0o7777,
    uid: id("uid"),
    gid: id("gid"),
    modified,
    size: header.size,
    major: header.devmajor,
    minor: header.devminor,
    xattrs: extras.records
      .filter(({ key }) => key.startsWith("SCHILY.xattr."))
      .map(({ key, value }) => [key.slice("SCHILY.xattr.".length), value] as const),
    ...(extras.sparse === undefined ? {} : { sparse: extras.sparse }),
  };
}

/** "1700000000.123456789", also negative; undefined when it is no time. */
export function paxTime(text: string): TarTime | undefined {
  const match = /^(-?)([0-9]{1,15})(?:\.([0-9]*))?$/.exec(text);
  if (match === null) return undefined;
  const whole = Number(match[2]);
  const fraction = Number((match[3] ?? "").slice(0, 9).padEnd(9, "0"));
  if (match[1] === "") return { seconds: whole, nanoseconds: fraction };
  // -1.25 s is 0.75 s after -2 s.
  return fraction === 0
    ? { seconds: -whole, nanoseconds: 0 }
    : { seconds: -whole - 1, nanoseconds: 1_000_000_000 - fraction };
}
