import { gzipSync, zstdCompressSync } from "node:zlib";
import * as fc from "fast-check";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { decompress, detectCompression } from "../../../src/image/decompress.ts";

const unpack = suite("decompress()");

async function all(packed: Buffer, chunk: number): Promise<Buffer> {
  async function* source(): AsyncGenerator<Buffer> {
    for (let at = 0; at < packed.length; at += chunk) yield packed.subarray(at, at + chunk);
  }
  const out: Buffer[] = [];
  for await (const part of decompress(source(), detectCompression(packed))) out.push(part);
  return Buffer.concat(out);
}

const skippable = Buffer.concat([
  Buffer.from([0x50, 0x2a, 0x4d, 0x18, 3, 0, 0, 0]),
  Buffer.from("abc"),
]);
const packers = {
  none: (part: Buffer) => part,
  gzip: (part: Buffer) => gzipSync(part),
  zstd: (part: Buffer) => Buffer.concat([zstdCompressSync(part), skippable]),
};

unpack("joins members and frames, however the stream is cut", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom("gzip" as const, "zstd" as const),
      fc.array(fc.uint8Array({ maxLength: 3000 }), { minLength: 1, maxLength: 4 }),
      fc.integer({ min: 1, max: 500 }),
      async (kind, parts, chunk) => {
        const packed = Buffer.concat(parts.map((part) => packers[kind](Buffer.from(part))));
        assert.equal(await all(packed, chunk), Buffer.concat(parts));
      },
    ),
    { numRuns: 40 },
  );
});

unpack("refuses every truncation", async () => {
  const content = Buffer.from("some content that is packed ".repeat(20));
  for (const packed of [gzipSync(content), zstdCompressSync(content)]) {
    for (let cut = 5; cut < packed.length; cut += 3) {
      const result = all(packed.subarray(0, cut), 7).then(
        () => "accepted",
        (error: unknown) => String(error),
      );
      assert.match(
        await result,
        /PodError: its (gzip|zstd) data is damaged or truncated/,
        `at ${cut}`,
      );
    }
  }
});

unpack("refuses a window of 2 GiB", async () => {
  // Magic, a descriptor without single segment, window exponent 21 (2 GiB), a raw block.
  const frame = Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0x00, 0xa8, 0x09, 0x00, 0x00, 0x41]);
  const result = all(frame, 100).then(
    () => "accepted",
    (error: unknown) => String(error),
  );
  assert.match(await result, /data is damaged or truncated/);
});

unpack("names the formats that it does not read", () => {
  assert.is(detectCompression(Buffer.from("plain")), "none");
  assert.throws(() => detectCompression(Buffer.from("BZh91AY")), /compressed with bzip2/);
  assert.throws(
    () => detectCompression(Buffer.from([0xfd, 0x37, 0x7a, 0x58, 0x5a, 0])),
    /compressed with xz/,
  );
});

unpack.run();
