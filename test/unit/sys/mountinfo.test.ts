import fc from "fast-check";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { isPodError } from "../../../src/base/errors.ts";
import { cgroup2Mount, type Mount, mountOf, parseMountinfo } from "../../../src/sys/mountinfo.ts";

const parse = suite("parseMountinfo()");

parse("reads the example of the manual page", () => {
  const line =
    "36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 shared:2 - ext3 /dev/root rw,errors=continue\n";
  assert.equal(parseMountinfo(line), [
    {
      id: 36,
      parentId: 35,
      device: "98:0",
      root: "/mnt1",
      mountPoint: "/mnt2",
      options: ["rw", "noatime"],
      propagation: ["master:1", "shared:2"],
      fileSystem: "ext3",
      source: "/dev/root",
      superOptions: ["rw", "errors=continue"],
    },
  ]);
});

parse("undoes octal escapes", () => {
  const line = "1 0 0:5 / /a\\040b\\134c\\012\\043 rw - tmpfs a\\011b rw\n";
  assert.is(parseMountinfo(line)[0]?.mountPoint, "/a b\\c\n#");
  assert.is(parseMountinfo(line)[0]?.source, "a\tb");
});

const name = fc
  .string({ unit: "grapheme", maxLength: 12 })
  .map((text) => text.replaceAll("\0", ""));
const path = name.map((text) => `/${text}`);
const word = fc.stringMatching(/^[a-z0-9=:]{1,8}$/);
const words = fc.array(word, { minLength: 1, maxLength: 3 });
const mountArbitrary: fc.Arbitrary<Mount> = fc.record(
  {
    id: fc.nat(),
    parentId: fc.nat(),
    device: fc.tuple(fc.nat(999), fc.nat(999)).map(([major, minor]) => `${major}:${minor}`),
    root: path,
    mountPoint: path,
    options: words,
    propagation: fc.array(word, { maxLength: 2 }),
    fileSystem: fc.stringMatching(/^[a-z0-9.]{1,8}$/),
    source: name,
    superOptions: words,
  },
  { noNullPrototype: true },
);

parse("gives back whatever the kernel's form can say", () => {
  fc.assert(
    fc.property(fc.array(mountArbitrary, { maxLength: 5 }), (mounts) => {
      assert.equal(parseMountinfo(mounts.map(format).join("")), mounts);
    }),
  );
});

parse("takes any text or says which line it does not understand", () => {
  fc.assert(
    fc.property(fc.string({ maxLength: 80 }), (text) => {
      try {
        parseMountinfo(text);
      } catch (error) {
        assert.ok(isPodError(error, "Internal"));
      }
    }),
  );
});

parse.run();

const lookup = suite("mountOf(), cgroup2Mount()");

const table = parseMountinfo(
  [
    "1 0 8:1 / / rw - ext4 /dev/sda1 rw",
    "2 1 0:2 / /var rw - tmpfs tmpfs rw",
    "3 2 0:3 / /var/lib rw - tmpfs old rw",
    "4 3 0:4 / /var/lib rw - xfs new rw",
    "5 1 0:5 /part /cg rw - cgroup2 none rw",
    "6 1 0:5 / /sys/fs/cgroup/unified rw - cgroup2 none rw",
  ].join("\n"),
);

lookup("finds the nearest mount above, the latest of two on one place", () => {
  assert.is(mountOf(table, "/var/lib/nspod")?.source, "new");
  assert.is(mountOf(table, "/var/library")?.id, 2);
  assert.is(mountOf(table, "/var")?.id, 2);
  assert.is(mountOf(table, "/etc")?.id, 1);
  assert.is(mountOf([], "/etc"), undefined);
});

lookup("prefers the root of the cgroup hierarchy to a part", () => {
  assert.is(cgroup2Mount(table)?.mountPoint, "/sys/fs/cgroup/unified");
  assert.is(cgroup2Mount(table.slice(0, 5))?.mountPoint, "/cg");
  assert.is(cgroup2Mount([]), undefined);
});

lookup.run();

function format(mount: Mount): string {
  const fields = [
    mount.id,
    mount.parentId,
    mount.device,
    mangle(mount.root),
    mangle(mount.mountPoint),
    mount.options.join(","),
    ...mount.propagation,
    "-",
    mount.fileSystem,
    mangle(mount.source),
    mount.superOptions.join(","),
  ];
  return `${fields.join(" ")}\n`;
}

// As mangle_path() and seq_mangle() of the kernel do.
function mangle(text: string): string {
  return text.replace(
    /[ \t\n\\#]/g,
    (letter) => `\\${letter.charCodeAt(0).toString(8).padStart(3, "0")}`,
  );
}
