// What an archive unpacks to is what umoci makes of it: mode, owner, time, links, devices,
// attributes, content. The merged view of several layers is compared through an overlay mount in a
// mount namespace of its own.
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { ImageStore } from "../../src/image/store.ts";
import { type Listing, listTree, without } from "../support/file-listing.ts";
import { ociArchive, ociMembers, type TarItem, tar, tarEntry } from "../support/image-archive.ts";
import { requires } from "../support/requires.ts";
import { runCommand } from "../support/run-command.ts";
import { withDeadline } from "../support/with-deadline.ts";

requires("root", "tool:umoci", "tool:python3", "tool:unshare");

const compare = suite("an image unpacks as umoci unpacks it");
let folder = "";
let store: ImageStore;

compare.before.each(async () => {
  folder = await mkdtemp(join(tmpdir(), "nspod-image-"));
  store = ImageStore.open({ root: join(folder, "root") });
});

compare.after.each(async () => {
  await store.settled();
  await rm(folder, { recursive: true, force: true });
});

async function shell(script: string): Promise<string> {
  const done = await runCommand("bash", ["-euc", script], { timeoutMs: 60_000 });
  if (done.code !== 0) throw new Error(`${script}\n${done.stderr}`);
  return done.stdout;
}

/** Loads the layers with nspod and returns the merged tree. */
async function ours(layers: readonly Buffer[]): Promise<Listing> {
  const path = join(folder, "image.tar");
  await writeFile(
    path,
    ociArchive([{ name: "test/compare:1", layers: layers.map((each) => ({ tar: each })) }]),
  );
  const [loaded] = await store.load({ path });
  if (loaded === undefined) throw new Error("nothing was loaded");
  const folders = store.layerFolders(loaded.image);
  const only = folders[0];
  if (folders.length === 1 && only !== undefined) return await listTree(only);
  // The mount lives and dies with the namespace; only the listing comes out of it.
  const merged = join(folder, "merged");
  await mkdir(merged, { recursive: true });
  const copy = join(folder, "copy");
  await mkdir(copy, { recursive: true });
  const lower = folders.toReversed().join(":");
  await shell(
    `unshare -m bash -euc 'mount -t overlay overlay -o lowerdir="${lower}" "${merged}"; cp -a "${merged}/." "${copy}/"'`,
  );
  return await listTree(copy);
}

/** Unpacks the same layers with umoci. */
async function theirs(layers: readonly Buffer[]): Promise<Listing> {
  const layout = join(folder, "layout");
  for (const [name, content] of ociMembers([
    { name: "test", layers: layers.map((each) => ({ tar: each })) },
  ])) {
    await mkdir(join(layout, name, ".."), { recursive: true });
    await writeFile(join(layout, name), content);
  }
  const bundle = join(folder, "bundle");
  await shell(`umoci unpack --image "${layout}:test" "${bundle}" >/dev/null`);
  return await listTree(join(bundle, "rootfs"));
}

async function assertSame(
  layers: readonly Buffer[],
  edit: (listing: Listing) => Listing = (listing) => listing,
): Promise<void> {
  assertEqual(edit(await ours(layers)), edit(await theirs(layers)));
}

/** Compares the records that differ only: a listing of hundreds says nothing. */
function assertEqual(found: Listing, expected: Listing, why?: string): void {
  const paths = [...new Set([...Object.keys(found), ...Object.keys(expected)])].filter(
    (path) => JSON.stringify(found[path]) !== JSON.stringify(expected[path]),
  );
  const pick = (listing: Listing): unknown[] => paths.map((path) => [path, listing[path]]);
  assert.equal(pick(found), pick(expected), why);
}

const root: TarItem = { name: "./", type: "5", mtime: 1_500_000_000 };

compare(
  "modes, owners, times, links, devices, FIFOs and long names of hand-made headers",
  withDeadline(60_000, async () => {
    await assertSame([
      tar([
        root,
        { name: "bin/", type: "5", mode: 0o2755, gid: 50 },
        { name: "bin/su", mode: 0o4755, content: "su" },
        { name: "bin/group", mode: 0o2711, uid: 7, gid: 9, content: "g" },
        { name: "tmp/", type: "5", mode: 0o1777 },
        { name: "tmp/none", mode: 0, content: "" },
        { name: "bin/ln", type: "1", link: "bin/su" },
        { name: "bin/abs", type: "1", link: "/bin/group" },
        { name: "lib", type: "2", link: "usr/lib", uid: 3, gid: 4 },
        { name: "dangling", type: "2", link: "../../../nowhere" },
        { name: "dev/", type: "5" },
        { name: "dev/null", type: "3", mode: 0o666, major: 1, minor: 3 },
        { name: "dev/big", type: "4", mode: 0o660, major: 259, minor: 70000 },
        { name: "dev/fifo", type: "6", mode: 0o600, uid: 1 },
        { name: "old", mtime: 0, content: "1970" },
        { name: "before", content: "1965", pax: [["mtime", "-157766400.5"]] },
        { name: "nanoseconds", content: "ns", pax: [["mtime", "1700000000.123456789"]] },
        {
          name: "ids",
          content: "i",
          pax: [
            ["uid", "4000000"],
            ["gid", "5000000"],
          ],
        },
        { name: `${"d".repeat(90)}/`, type: "5" },
        { name: "x", content: "long", pax: [["path", `${"d".repeat(90)}/${"e".repeat(90)}`]] },
        { name: "././@LongLink", type: "L", magic: "gnu", content: `${"g".repeat(180)}\0` },
        { name: "g", magic: "gnu", content: "gnu" },
        { name: "././@LongLink", type: "K", magic: "gnu", content: `${"k".repeat(180)}\0` },
        { name: "gnu-link", type: "2", magic: "gnu", link: "k" },
        { name: "v7", magic: "", content: "v7" },
      ]),
    ]);
  }),
);

compare(
  "attributes, empty files, large files and names that are not UTF-8",
  withDeadline(60_000, async () => {
    // VFS_CAP_REVISION_2, cap_net_bind_service+ep.
    const capability =
      "\x01\x00\x00\x02\x00\x04\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00";
    const names = Array.from({ length: 255 }, (_, i) => i + 1).filter(
      (i) => i !== 0x2f && i !== 0x2e,
    );
    await assertSame([
      tar([
        root,
        {
          name: "ping",
          mode: 0o755,
          uid: 5,
          content: "p",
          pax: [["SCHILY.xattr.security.capability", capability]],
        },
        { name: "noted", content: "n", pax: [["SCHILY.xattr.user.note", "a=b\nc\xff"]] },
        { name: "folder/", type: "5", pax: [["SCHILY.xattr.user.on", "folder"]] },
        { name: "empty", content: "" },
        { name: "large", content: Buffer.alloc(3_000_001, "large file ") },
        { name: "exact", content: Buffer.alloc(256 << 10, 7) },
        { name: "names/", type: "5" },
        ...names.map(
          (byte): TarItem => ({
            name: `names/${String.fromCharCode(byte)}`,
            content: String(byte),
          }),
        ),
        { name: "pax", content: "bytes", pax: [["path", "names/\xff\xfe\x01"]] },
      ]),
    ]);
  }),
);

compare(
  "entries that replace each other: the last one wins",
  withDeadline(60_000, async () => {
    await assertSame([
      tar([
        root,
        { name: "a", content: "file first" },
        { name: "a/", type: "5" },
        { name: "a/x", content: "x" },
        { name: "b/", type: "5" },
        { name: "b/c/", type: "5" },
        { name: "b/c/d", content: "d" },
        { name: "b", content: "file now" },
        { name: "c", type: "2", link: "b" },
        { name: "c", content: "no longer a link" },
        { name: "e", content: "one" },
        { name: "e", content: "two", mode: 0o600 },
        { name: "f/", type: "5", mode: 0o700 },
        { name: "f/kept", content: "kept" },
        { name: "f/", type: "5", mode: 0o750, uid: 6 },
        { name: "g", content: "linked" },
        { name: "h", type: "1", link: "g" },
        { name: "g", content: "new: h keeps the old" },
      ]),
    ]);
  }),
);

compare(
  "paths through symlinks stay inside and land where they point to",
  withDeadline(60_000, async () => {
    await assertSame([
      tar([
        root,
        { name: "run/", type: "5" },
        { name: "var/", type: "5" },
        { name: "var/run", type: "2", link: "/run" },
        { name: "var/run/pid", content: "1" },
        { name: "up", type: "2", link: "../../../../run" },
        { name: "up/escaped", content: "no" },
        { name: "loop1", type: "2", link: "run/../var/run" },
        { name: "loop1/far", content: "far" },
      ]),
    ]);
  }),
);

compare(
  "whiteouts, opaque folders and files taken from lower layers",
  withDeadline(90_000, async () => {
    const lower = tar([
      root,
      { name: "etc/", type: "5", mode: 0o751, uid: 8, gid: 9, mtime: 1_400_000_000 },
      { name: "etc/keep", content: "keep" },
      { name: "etc/gone", content: "gone" },
      { name: "etc/linked", content: "shared", mode: 0o640, uid: 11 },
      { name: "opt/", type: "5" },
      { name: "opt/a", content: "a" },
      { name: "opt/sub/", type: "5" },
      { name: "opt/sub/b", content: "b" },
      { name: "dir/", type: "5" },
      { name: "dir/hidden", content: "h" },
      { name: "lib", type: "2", link: "usr/lib" },
      { name: "usr/", type: "5", mode: 0o711 },
      { name: "usr/lib/", type: "5", mode: 0o755, gid: 12 },
    ]);
    const upper = tar([
      // No entry for "etc": its attributes are those of the layer below.
      { name: "etc/.wh.gone", content: "" },
      { name: "etc/new", content: "new" },
      { name: "etc/second", type: "1", link: "etc/linked" },
      { name: "opt/", type: "5", mtime: 1_300_000_000 },
      { name: "opt/.wh..wh..opq", content: "" },
      { name: "opt/c", content: "c" },
      { name: ".wh.dir", content: "" },
      { name: "dir/", type: "5", mtime: 1_300_000_000 },
      { name: "dir/fresh", content: "fresh" },
      { name: "lib/so", content: "through the symlink of the layer below" },
    ]);
    const top = tar([
      { name: "opt/", type: "5", mtime: 1_200_000_000 },
      { name: "opt/.wh.c", content: "" },
    ]);
    // umoci gives folders that it passes through the time of now.
    await assertSame([lower, upper, top], (listing) =>
      Object.fromEntries(
        Object.entries(listing).map(([path, record]) => [
          path,
          record["kind"] === "directory"
            ? (without({ path: record }, "time")["path"] ?? {})
            : record,
        ]),
      ),
    );
  }),
);

compare(
  "tars that GNU tar makes: PAX, GNU and sparse formats, attributes, hard links",
  withDeadline(90_000, async () => {
    const tree = join(folder, "tree");
    await shell(`
      mkdir -p "${tree}/deep/${"n".repeat(120)}/${"m".repeat(120)}" "${tree}/ünï"
      cd "${tree}"
      echo long > deep/${"n".repeat(120)}/${"m".repeat(120)}/file
      echo one > one; ln one two; ln -s one three; chmod 4750 one; chown 12:34 one
      printf 'x' > $'\\xff\\xfebytes'
      truncate -s 3M holes; printf data | dd of=holes bs=1 seek=1000000 conv=notrunc status=none
      printf end | dd of=holes bs=1 seek=3000000 conv=notrunc status=none
      truncate -s 100K hollow
      : > many; for i in $(seq 0 2 60); do printf X | dd of=many bs=1 seek=$((i*8192)) conv=notrunc status=none; done
      mkfifo pipe; mknod null c 1 3; touch -d '2001-02-03 04:05:06.789' one
      setcap cap_net_raw+ep one`);
    for (const format of [
      "--format=gnu --sparse",
      "--format=posix --sparse --sparse-version=0.0",
      "--format=posix --sparse --sparse-version=0.1",
      "--format=posix --sparse --sparse-version=1.0 --xattrs --xattrs-include=*",
      "--format=gnu",
    ]) {
      const file = join(folder, "layer.tar");
      await shell(`cd "${tree}" && tar ${format} -cf "${file}" .`);
      const loaded = await ours([await readFile(file)]);
      // umoci cannot read every sparse format: GNU tar itself is the judge here.
      const judge = join(folder, `judge`);
      await shell(
        `rm -rf "${judge}"; mkdir "${judge}"; tar --xattrs --xattrs-include='*' --numeric-owner --same-owner -xpf "${file}" -C "${judge}"`,
      );
      assertEqual(loaded, await listTree(judge), format);
    }
  }),
);

compare(
  "an entry for a file that a lower layer has changes nothing below",
  withDeadline(60_000, async () => {
    const lower = tar([root, { name: "f", content: "below" }]);
    const upper = tar([tarEntry({ name: "f", content: "above" })]);
    const merged = await ours([lower, upper]);
    assert.equal(merged["f"]?.["size"], 5);
    const [first] = store.layerFolders(store.get("test/compare:1"));
    const below = await listTree(first ?? "");
    assert.not.equal(below["f"]?.["content"], merged["f"]?.["content"]);
  }),
);

compare.run();
