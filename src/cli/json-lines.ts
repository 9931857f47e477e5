/** Streams of JSON values, one per line: watches and progress reports. */
import type { Readable } from "node:stream";

/** The values of a stream, as they come in; an unfinished last line is a value too. */
export async function* readJsonLines(stream: Readable): AsyncGenerator<unknown, void, undefined> {
  for await (const line of readLines(stream)) {
    if (line.trim() !== "") yield JSON.parse(line);
  }
}

/** The lines of a stream without their newline; a last line without newline counts. */
export async function* readLines(stream: Readable): AsyncGenerator<string, void, undefined> {
  const decoder = new TextDecoder();
  let parts: string[] = [];
  for await (const chunk of stream) {
    const text = decoder.decode(chunk as Uint8Array, { stream: true });
    let from = 0;
    for (let end = text.indexOf("\n"); end !== -1; end = text.indexOf("\n", from)) {
      yield parts.join("") + text.slice(from, end);
      parts = [];
      from = end + 1;
    }
    if (from < text.length) parts.push(text.slice(from));
  }
  const rest = parts.join("") + decoder.decode();
  if (rest !== "") yield rest;
}
