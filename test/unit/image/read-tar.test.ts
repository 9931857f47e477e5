// The tar readers against hand-made headers: every way to cut a stream into chunks, every truncation;
// and the reader of files, which passes content over, against the reader of streams.
import { closeSync, mkdtempSync, openSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as fc from "fast-check";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { messageOf } from "../../../src/base/errors.ts";
import {
  paxTime,
  type ReadTarOptions,
  readTar,
  readTarFile,
  type TarEntry,
  type TarVisitor,
} from "../../../src/image/read-tar.ts";
import { padded, paxEntry, type TarItem, tar, tarEntry } from "../../support/image-archive.ts";
import { withDeadline } from "../../support/with-deadline.ts";

const read = suite("readTar()");

interface Read {
  readonly entry: TarEntry;
  readonly content: string;
}

type Reader = (
  bytes: Buffer,
  chunk: number,
  visitor: TarVisitor,
  options: ReadTarOptions,
) => Promise<void>;

const asStream: Reader = (bytes, chunk, visitor, options) => {
  async function* source(): AsyncGenerator<Buffer> {
    // A copy: the reader may change what it is given.
    for (let at = 0; at < bytes.length; at += chunk)
      yield Buffer.from(bytes.subarray(at, at + chunk));
  }
  return readTar(source(), visitor, options);
};

/** The file grows by one chunk whenever the reader has to wait. */
const asFile: Reader = async (bytes, chunk, visitor, options) => {
  const folder = mkdtempSync(join(tmpdir(), "nspod-tar-"));
  const path = join(folder, "tar");
  writeFileSync(path, bytes);
  const fd = openSync(path, "r");
  let grown = 0;
  const beyond = (position: number): number | Promise<number> => {
    if (grown > position || grown === bytes.length) return grown - position;
    grown = Math.min(grown + chunk, bytes.length);
    return Promise.resolve().then(() => beyond(position));
  };
  try {
    await readTarFile({ fd, beyond }, visitor, options);
  } finally {
    closeSync(fd);
    rmSync(folder, { recursive: true });
  }
};

async function entries(
  bytes: Buffer,
  {
    chunk = 1 << 20,
    needsEndMark = true,
    headerBytes = 1 << 20,
    limit = 1000,
    reader = asStream,
  } = {},
): Promise<Read[]> {
  const found: { entry: TarEntry; content: Buffer[] }[] = [];
  await reader(
    bytes,
    chunk,
    {
      begin(entry) {
        found.push({ entry, content: [] });
      },
      data(part) {
        found.at(-1)?.content.push(Buffer.from(part));
      },
      range(at, length) {
        assert.ok(length > 0 && at + length <= bytes.length);
        found.at(-1)?.content.push(bytes.subarray(at, at + length));
      },
      end() {},
    },
    { headerBytes, entries: limit, needsEndMark },
  );
  return found.map(({ entry, content }) => ({
    entry,
    content: Buffer.concat(content).toString("latin1"),
  }));
}

async function refusal(
  bytes: Buffer,
  options: Parameters<typeof entries>[1] = {},
): Promise<string> {
  try {
    await entries(bytes, options);
    return "accepted";
  } catch (error) {
    return messageOf(error);
  }
}

const sample: readonly (TarItem | Buffer)[] = [
  { name: "d/", type: "5", mode: 0o1777 },
  { name: "d/a", content: "alpha", uid: 1, gid: 2, mode: 0o4755, mtime: 5 },
  {
    name: "short",
    content: "long",
    pax: [
      ["path", `d/${"p".repeat(200)}\xff`],
      ["mtime", "7.25"],
      ["SCHILY.xattr.user.x", "a\n\xfe="],
    ],
  },
  { name: "././@LongLink", type: "L", content: `${"g".repeat(300)}\0`, magic: "gnu" },
  { name: "cut", content: "x".repeat(1500), magic: "gnu" },
  { name: "s", type: "2", link: "d/a" },
  { name: "n", type: "3", major: 1, minor: 3 },
];

read("gives names, attributes and content as the headers say", async () => {
  const [folder, alpha, pax, gnu, link, node] = await entries(tar(sample));
  assert.is(folder?.entry.type, "directory");
  assert.is(folder?.entry.mode, 0o1777);
  assert.equal(
    [alpha?.content, alpha?.entry.uid, alpha?.entry.gid, alpha?.entry.mode],
    ["alpha", 1, 2, 0o4755],
  );
  assert.is(pax?.entry.name, `d/${"p".repeat(200)}\xff`);
  assert.equal(pax?.entry.modified, { seconds: 7, nanoseconds: 250_000_000 });
  assert.equal(pax?.entry.xattrs, [["user.x", Buffer.from("a\n\xfe=", "latin1")]]);
  assert.is(gnu?.entry.name, "g".repeat(300));
  assert.is(gnu?.content, "x".repeat(1500));
  assert.equal([link?.entry.type, link?.entry.linkName], ["symlink", "d/a"]);
  assert.equal([node?.entry.type, node?.entry.major, node?.entry.minor], ["character", 1, 3]);
});

read("does not care how the stream is cut into chunks", async () => {
  const bytes = tar(sample);
  const whole = await entries(bytes);
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 1, max: 2000 }), async (chunk) => {
      assert.equal(await entries(bytes, { chunk }), whole);
    }),
    { numRuns: 40 },
  );
});

read("gives the same of a file that grows, without reading what is large", async () => {
  const file = fc.record({
    name: fc.stringMatching(/^[a-z\xff]{1,8}$/),
    content: fc.oneof(
      fc.constant(Buffer.alloc(0)),
      fc.integer({ min: 1, max: 40_000 }).map((size) => Buffer.alloc(size, size % 251)),
      fc.integer({ min: 8190, max: 8194 }).map((size) => Buffer.alloc(size, size % 251)),
    ),
  });
  await fc.assert(
    fc.asyncProperty(
      fc.array(file, { maxLength: 12 }),
      fc.integer({ min: 200, max: 100_000 }),
      async (files, chunk) => {
        const bytes = tar([...sample, ...files, { name: "V", type: "V", content: "note" }]);
        const found = await entries(bytes, { reader: asFile, chunk });
        assert.equal(found, await entries(bytes));
      },
    ),
    { numRuns: 60 },
  );
});

for (const [name, reader] of [
  ["stream", asStream],
  ["file", asFile],
] as const) {
  read(
    `refuses every truncation of a ${name}, at block borders and elsewhere`,
    withDeadline(20_000, async () => {
      const bytes = tar([...sample, { name: "large", content: Buffer.alloc(9000, 1) }]);
      // The last block belongs to the end mark: without it, one zero block is left.
      for (let cut = 0; cut < bytes.length; cut += 128) {
        const found = await refusal(bytes.subarray(0, cut), { reader });
        assert.match(found, /truncated/, `at ${cut}`);
      }
    }),
  );
}

read("accepts a layer without end mark and without the rest of its last block", async () => {
  const bytes = tar([{ name: "a", content: "a" }]);
  const options = { needsEndMark: false };
  assert.is(await refusal(bytes.subarray(0, 1024), options), "accepted");
  assert.match(await refusal(bytes.subarray(0, 500), options), /truncated/);
  // umoci leaves out what fills the last block.
  assert.equal(
    (await entries(bytes.subarray(0, 513), options)).map(({ content }) => content),
    ["a"],
  );
  assert.match(await refusal(bytes.subarray(0, 512), options), /truncated/);
});

read("waits for the visitor of the last entry when no end mark follows", async () => {
  const seen: string[] = [];
  async function* source(): AsyncGenerator<Buffer> {
    yield tar([{ name: "a", content: "alpha" }]).subarray(0, 517);
  }
  await readTar(
    source(),
    {
      async begin() {
        for (let turn = 0; turn < 10; turn++) await new Promise(setImmediate);
      },
      data: (part) => void seen.push(part.toString()),
      async end() {
        for (let turn = 0; turn < 10; turn++) await new Promise(setImmediate);
        seen.push("end");
      },
    },
    { headerBytes: 1 << 20, entries: 10, needsEndMark: false },
  );
  assert.equal(seen, ["alpha", "end"]);
});

read("survives any damage with one PodError or a result", async () => {
  const bytes = tar(sample);
  await fc.assert(
    fc.asyncProperty(fc.nat(bytes.length - 1), fc.nat(255), async (at, value) => {
      const damaged = Buffer.from(bytes);
      damaged[at] = value;
      const found = await refusal(damaged);
      assert.not.match(found, /Internal|undefined|NaN/);
      assert.is(await refusal(damaged, { reader: asFile }), found);
    }),
    { numRuns: 300 },
  );
});

const good = tarEntry({ name: "a", content: "a" });
const flipped = Buffer.from(good);
flipped[3] = 0x41;
const refusals: readonly (readonly [string, Buffer, RegExp])[] = [
  ["a wrong checksum", tar([flipped]), /^entry 1: the checksum of its header is wrong/],
  ["a lone zero block", tar([good, Buffer.alloc(512), good]), /lone zero block after 1 entries/],
  ["more after the end mark", tar([good, Buffer.alloc(1024), good]), /goes on after its end mark/],
  ["an unknown type", tar([{ name: "a", type: "Z" }]), /^entry 1 \("a"\): entries of type "Z"/],
  ["a multi-volume part", tar([{ name: "a", type: "M" }]), /type "M"/],
  [
    "a malformed PAX header",
    tar([{ name: "p", type: "x", content: "12 path\n" }, { name: "a" }]),
    /PAX header is malformed/,
  ],
  ["a negative owner", tar([{ name: "a", pax: [["uid", "-1"]] }]), /"uid" is not a number/],
  [
    "the owner that means none",
    tar([{ name: "a", pax: [["uid", "4294967295"]] }]),
    /its uid is not a number from 0/,
  ],
  [
    "a time that is none",
    tar([{ name: "a", pax: [["mtime", "soon"]] }]),
    /its time is not a number/,
  ],
  ["a size that is none", tar([{ name: "a", pax: [["size", "x"]] }]), /"size" is not a number/],
  ["a NUL in a name", tar([{ name: "a", pax: [["path", "a\0b"]] }]), /NUL/],
  [
    "a file whose name ends with a slash",
    tar([{ name: "a/", content: "x" }]),
    /name ends with "\/"/,
  ],
  [
    "a long PAX header",
    tar([{ name: "p", type: "x", content: Buffer.alloc(2 << 20) }]),
    /extended header is larger/,
  ],
  [
    "a long name of 1 GiB",
    tar([{ name: "l", type: "L", size: 2 ** 30 }]),
    /extended header is larger/,
  ],
  [
    "many small PAX headers",
    tar([...Array.from({ length: 600 }, () => paxEntry([["comment", "c".repeat(2000)]])), good]),
    /extended header is larger/,
  ],
  ["too many entries", tar(Array.from({ length: 1001 }, () => good)), /more than 1000 entries/],
  [
    "a sparse map outside the file",
    tar([
      {
        name: "s",
        pax: [
          ["GNU.sparse.size", "100"],
          ["GNU.sparse.map", "90,20"],
        ],
      },
    ]),
    /sparse map is malformed/,
  ],
  [
    "a sparse map that overlaps",
    tar([
      {
        name: "s",
        pax: [
          ["GNU.sparse.size", "100"],
          ["GNU.sparse.map", "0,20,10,5"],
        ],
      },
    ]),
    /sparse map is malformed/,
  ],
  [
    "an unknown sparse format",
    tar([
      {
        name: "s",
        pax: [
          ["GNU.sparse.major", "2"],
          ["GNU.sparse.minor", "0"],
        ],
      },
    ]),
    /sparse format 2.0/,
  ],
  ["no tar at all", padded(Buffer.from("no tar at all")), /checksum/],
];
for (const [what, bytes, reason] of refusals) {
  read(`refuses ${what}`, async () => {
    assert.match(await refusal(bytes), reason);
    assert.match(await refusal(bytes, { reader: asFile }), reason);
  });
}

read("takes the size of PAX headers and ignores that of entries without content", async () => {
  const [file, next] = await entries(
    tar([{ name: "f", size: 0, content: "hello", pax: [["size", "5"]] }, { name: "after" }]),
  );
  assert.equal([file?.content, next?.entry.name], ["hello", "after"]);
  const [link, file2] = await entries(
    tar([{ name: "l", type: "1", link: "x", size: 999 }, { name: "y" }]),
  );
  assert.equal([link?.entry.size, file2?.entry.name], [0, "y"]);
});

read("keeps global PAX records until a local one takes them back", async () => {
  const found = await entries(
    tar([paxEntry([["uid", "7"]], "g"), { name: "a" }, { name: "b", uid: 3, pax: [["uid", ""]] }]),
  );
  assert.equal(
    found.map(({ entry }) => entry.uid),
    [7, 3],
  );
});

read("reads the map of old GNU sparse files over extension blocks", async () => {
  const extension = Buffer.alloc(512);
  extension.write("00000004000\0", 0);
  extension.write("00000000001\0", 12);
  const [sparse, next] = await entries(
    tar([
      {
        name: "s",
        type: "S",
        magic: "gnu",
        content: "abcde",
        extension,
        patch(header) {
          ["0", "1000", "2000", "3000"].forEach((offset, index) => {
            header.write(`${offset.padStart(11, "0")}\0`, 386 + 24 * index);
            header.write("00000000001\0", 398 + 24 * index);
          });
          header[482] = 1;
          header.write("00000010000\0", 483);
        },
      },
      { name: "next", content: "n" },
    ]),
  );
  assert.equal(sparse?.entry.sparse, {
    realSize: 0o10000,
    ranges: [0, 0o1000, 0o2000, 0o3000, 0o4000].map((offset) => ({ offset, length: 1 })),
  });
  assert.equal([sparse?.content, next?.content], ["abcde", "n"]);
});

read.run();

const time = suite("paxTime()");

time("reads fractions and times before 1970", () => {
  assert.equal(paxTime("12"), { seconds: 12, nanoseconds: 0 });
  assert.equal(paxTime("1.5"), { seconds: 1, nanoseconds: 500_000_000 });
  assert.equal(paxTime("-1.25"), { seconds: -2, nanoseconds: 750_000_000 });
  assert.equal(paxTime("1.1234567899"), { seconds: 1, nanoseconds: 123_456_789 });
  for (const text of ["", "x", "1e5", "--1", " 1"]) assert.is(paxTime(text), undefined);
});

time.run();
