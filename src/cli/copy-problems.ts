/**
 * What the end of `cp` in a container tells on stderr, in words: one record for each thing that went wrong, errno,
 * operation and path with spaces between them, and a NUL behind. Source: native/copy.h. Paths are hostile.
 */
import { Writable } from "node:stream";
import { errnoName } from "../sys/abi.ts";

const texts: Readonly<Record<string, string>> = {
  EACCES: "permission denied",
  EDQUOT: "no space is left",
  EISDIR: "it is a folder",
  ELOOP: "it is a symbolic link",
  ENOENT: "no such file or directory",
  ENOSPC: "no space is left",
  ENOTDIR: "it is not a directory",
  EPERM: "operation not permitted",
  EROFS: "the file system is read-only",
  ETXTBSY: "it is a program that runs",
};

/** The sentence of one record. */
export function copyProblem(record: string): string {
  const match = /^(\d+) ([a-z]+) (.*)$/s.exec(record);
  if (match === null) return record.trim();
  const [, errno, operation = "", path = ""] = match;
  const name = errnoName(Number(errno));
  const where = path === "-" ? "the stream" : JSON.stringify(path);
  if (operation === "send") return `${where} is left out: it is no file, folder or symbolic link`;
  if (operation === "receive" && name === "EXDEV") {
    return `${where} is left out: its name leads out of the target`;
  }
  if (operation === "receive") return `${where} is left out: its kind is not supported`;
  if (name === "EBADMSG") return "What came is no tar stream";
  return `Cannot ${operation} ${where}: ${texts[name] ?? name}`;
}

/** Takes stderr and hands on a sentence for each record. */
export function copyProblems(onProblem: (sentence: string) => void): Writable {
  let rest = "";
  const decoder = new TextDecoder();
  return new Writable({
    write(chunk: Buffer, _encoding, done) {
      const records = (rest + decoder.decode(chunk, { stream: true })).split("\0");
      // A stream without an end of record is not ours; it shall not fill the memory.
      rest = (records.pop() ?? "").slice(0, 64 * 1024);
      for (const record of records) onProblem(copyProblem(record));
      done();
    },
    final(done) {
      if (rest.trim() !== "") onProblem(copyProblem(rest));
      done();
    },
  });
}
