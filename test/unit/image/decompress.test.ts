import { gzipSync, zstdCompressSync } from "node:zlib";
import * as fc from "fast-check";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { decompress, detectCompression } from "../../../src/image/decompress.ts";
import { InflateLibrary } from "../../../src/sys/inflate.ts";

const unpack = suite("decompress()");

// Where ISA-L is not installed, both ways are zlib's.
const ways = { zlib: undefined, isal: InflateLibrary.load() };
type Way = keyof typeof ways;
const anyWay = fc.constantFrom<Way>("zlib", "isal");

async function all(packed: Buffer, chunk: number, way: Way): Promise<Buffer> {
  async function* source(): AsyncGenerator<Buffer> {
    for (let at = 0; at < packed.length; at += chunk) yield packed.subarray(at, at + chunk);
  }
  const out: Buffer[] = [];
  for await (const part of decompress(source(), detectCompression(packed), ways[way])) {
    // It is good until the next one is asked for.
    out.push(Buffer.from(part));
  }
  return Buffer.concat(out);
}

/** What came out, or "refused"; other errors than those of a damaged stream are thrown. */
async function outcome(packed: Buffer, chunk: number, way: Way): Promise<Buffer | "refused"> {
  try {
    return await all(packed, chunk, way);
  } catch (error) {
    assert.match(String(error), /PodError: its (gzip|zstd) data is damaged or truncated \(.+\)/);
    return "refused";
  }
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
      anyWay,
      async (kind, parts, chunk, way) => {
        const packed = Buffer.concat(parts.map((part) => packers[kind](Buffer.from(part))));
        assert.equal(await all(packed, chunk, way), Buffer.concat(parts));
      },
    ),
    { numRuns: 60 },
  );
});

unpack(
  "unpacks every level and strategy of zlib, also what is larger than all buffers",
  async () => {
    // Text that repeats itself far and near, and noise between.
    const line = Buffer.from("lib/modules/kernel/drivers/net/ethernet ".repeat(40));
    const parts = Array.from({ length: 2000 }, (_, i) =>
      i % 7 === 0 ? Buffer.from(String(Math.sin(i)).repeat(30)) : line.subarray(i % 300),
    );
    const content = Buffer.concat(parts);
    assert.ok(content.length > 2 << 20);
    for (const level of [0, 1, 6, 9]) {
      for (const strategy of [0, 2, 4]) {
        const packed = gzipSync(content, { level, strategy });
        for (const chunk of [50_000, packed.length]) {
          const found = await all(packed, chunk, "isal");
          assert.ok(found.equals(content), `level ${level}, strategy ${strategy}, cut at ${chunk}`);
        }
      }
    }
  },
);

unpack("reads what gzip's header may have, cut anywhere", async () => {
  const packed = gzipSync("content");
  // FEXTRA, FNAME, FCOMMENT; RFC 1952 2.3.
  const header = Buffer.concat([
    Buffer.from([0x1f, 0x8b, 8, 4 | 8 | 16, 0, 0, 0, 0, 0, 3, 5, 0]),
    Buffer.from("extra"),
    Buffer.from("a name\0a comment\0"),
  ]);
  const member = Buffer.concat([header, packed.subarray(10)]);
  const two = Buffer.concat([member, member]);
  for (const way of ["zlib", "isal"] as const) {
    for (let chunk = 1; chunk <= two.length; chunk++) {
      assert.is(String(await all(two, chunk, way)), "contentcontent", `${way}, cut at ${chunk}`);
    }
  }
});

unpack("takes zeros behind the last member for padding, and nothing else", async () => {
  const packed = gzipSync("content");
  for (const way of ["zlib", "isal"] as const) {
    const padded = Buffer.concat([packed, Buffer.alloc(600)]);
    assert.is(String(await outcome(padded, padded.length, way)), "content");
    const followed = Buffer.concat([packed, Buffer.from("something else")]);
    assert.is(await outcome(followed, followed.length, way), "refused");
  }
});

unpack("takes thousands of members", async () => {
  const packed = Buffer.concat(Array.from({ length: 5000 }, (_, i) => gzipSync(`${i},`)));
  const content = Array.from({ length: 5000 }, (_, i) => `${i},`).join("");
  assert.is(String(await all(packed, 256 << 10, "isal")), content);
});

unpack("gives the same of a damaged stream, or refuses it", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.lorem(), { minLength: 1, maxLength: 20 }),
      fc.array(fc.tuple(fc.nat(), fc.integer({ min: 1, max: 255 })), { maxLength: 3 }),
      fc.integer({ min: 1, max: 400 }),
      async (words, changes, chunk) => {
        const content = Buffer.from(words.join(" "));
        const packed = gzipSync(content);
        // Behind the magic, which tells the compression.
        for (const [at, bits] of changes) {
          const place = 3 + (at % (packed.length - 3));
          packed[place] = (packed[place] ?? 0) ^ bits;
        }
        const [zlib, isal] = [
          await outcome(packed, chunk, "zlib"),
          await outcome(packed, chunk, "isal"),
        ];
        for (const found of [zlib, isal]) {
          if (found !== "refused") assert.equal(found, content);
        }
      },
    ),
    { numRuns: 300 },
  );
});

unpack("refuses every truncation", async () => {
  const content = Buffer.from("some content that is packed ".repeat(20));
  for (const packed of [gzipSync(content), zstdCompressSync(content)]) {
    for (const way of ["zlib", "isal"] as const) {
      for (let cut = 5; cut < packed.length; cut += 3) {
        const found = await outcome(packed.subarray(0, cut), 7, way);
        assert.is(found, "refused", `${way} at ${cut}`);
      }
    }
  }
});

unpack("refuses a window of 2 GiB", async () => {
  // Magic, a descriptor without single segment, window exponent 21 (2 GiB), a raw block.
  const frame = Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0x00, 0xa8, 0x09, 0x00, 0x00, 0x41]);
  assert.is(await outcome(frame, 100, "zlib"), "refused");
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
