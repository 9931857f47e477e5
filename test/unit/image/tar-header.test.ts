// The split of a header block against tar-stream's and against what GNU tar was asked to write.
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as fc from "fast-check";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { splitHeader, tarStreamHeaders } from "../../../src/image/tar-header.ts";
import { tarEntry } from "../../support/image-archive.ts";

const split = suite("splitHeader()");

/** A number as some tool writes it into a field of `length` bytes. */
function field(value: number, length: number, form: string): Buffer {
  const bytes = Buffer.alloc(length);
  if (form === "binary") {
    bytes.writeUIntBE(value, length - 6, 6);
    bytes[0] = 0x80;
    return bytes;
  }
  const digits = value.toString(8);
  if (form === "full") bytes.write(digits.padStart(length, "0"), "latin1");
  if (form === "spaces") bytes.write(`${digits.padStart(length - 2, " ")} \0`, "latin1");
  if (form === "usual") bytes.write(`${digits.padStart(length - 1, "0")}\0`, "latin1");
  return bytes;
}

const forms = ["usual", "spaces", "full", "binary", "none"];
const number = (length: number): fc.Arbitrary<Buffer> =>
  fc
    .record({ value: fc.nat(8 ** (length - 2) - 1), form: fc.constantFrom(...forms) })
    .map(({ value, form }) => field(value, length, form));
const text = (length: number): fc.Arbitrary<Buffer> =>
  fc.uint8Array({ maxLength: length }).map((bytes) => Buffer.from(bytes));

const header = fc.record({
  name: text(100),
  linkName: text(100),
  prefix: text(155),
  mode: number(8),
  uid: number(8),
  gid: number(8),
  modified: number(12),
  major: number(8),
  minor: number(8),
  magic: fc.constantFrom("ustar" as const, "gnu" as const, "" as const),
});

split("reads what tar-stream reads", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(header, { minLength: 1, maxLength: 5 }), async (headers) => {
      const entries = headers.map((each, index) => {
        const patch = (block: Buffer): void => {
          block.fill(0, 0, 100).fill(0, 157, 257);
          each.name.copy(block, 0);
          each.linkName.copy(block, 157);
          each.prefix.copy(block, 345);
          each.mode.copy(block, 100);
          each.uid.copy(block, 108);
          each.gid.copy(block, 116);
          each.modified.copy(block, 136);
          each.major.copy(block, 329);
          each.minor.copy(block, 337);
        };
        const block = tarEntry({ name: "", magic: each.magic, patch });
        const { size, type, records } = { size: 0, type: "file" as const, records: [] };
        return { header: block, size, type, records, number: index + 1 };
      });
      const expected = await tarStreamHeaders()(entries);
      assert.equal(
        entries.map((entry) => splitHeader(entry.header)),
        expected,
      );
    }),
    { numRuns: 300 },
  );
});

split("reads what GNU tar writes, also large owners and times before 1970", () => {
  const folder = mkdtempSync(join(tmpdir(), "nspod-header-"));
  try {
    const long = `${"p".repeat(80)}/${"n".repeat(60)}`;
    writeFileSync(join(folder, "a"), "content");
    const made = (format: string, owner: number, time: number, name: string): Buffer =>
      spawnSync(
        "tar",
        [
          ...["-cf", "-", `--format=${format}`, `--owner=o:${owner}`, `--group=g:${owner + 1}`],
          ...["--mode=4751", `--mtime=@${time}`, `--transform=s,^a$,${name},`, "a"],
        ],
        { cwd: folder },
      ).stdout.subarray(0, 512);
    for (const [format, owner, time, name] of [
      // GNU's own format puts a long name into a header of its own.
      ["ustar", 1000, 1_700_000_000, long],
      ["gnu", 4_000_000_000, -5, "short"],
      ["gnu", 3_000_000, -2_000_000_000, "short"],
    ] as const) {
      const found = splitHeader(made(format, owner, time, name));
      const { mode, uid, gid, modified } = found;
      assert.equal([mode, uid, gid, modified], [0o4751, owner, owner + 1, time], format);
      assert.is(found.name, name);
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
});

split("takes what is no number for none", () => {
  const bad = (content: string): number =>
    splitHeader(
      tarEntry({ name: "a", patch: (block) => void block.write(content, 108, 8, "latin1") }),
    ).uid;
  assert.ok(Number.isNaN(bad("\xc0\0\0\0\0\0\0\x01")));
  assert.ok(Number.isNaN(bad("x       ")));
  assert.is(bad("        "), 0);
  assert.is(bad("\xff\xff\xff\xff\xff\xff\xff\xff"), -1);
});

split.run();
