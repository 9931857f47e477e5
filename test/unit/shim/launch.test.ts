import { suite } from "uvu";
import * as assert from "uvu/assert";
import { compileLaunch } from "../../../src/shim/launch.ts";
import { K } from "../../../src/sys/abi.ts";
import type { Program } from "../../../src/sys/program.ts";

const launch = suite("compileLaunch()");

const program = compileLaunch(
  {
    podUid: "u",
    folder: "/run/nspod/pods/u",
    cloneFlags: K.CLONE_NEWNS,
    prepare: (inside) => inside.from("pod host name").call("sethostname", ["web", 3]),
  },
  17,
  18,
);

launch("prepares inside the namespaces, with the folder as working directory", () => {
  const calls = names(program);
  const prepared = calls.indexOf("sethostname");
  assert.ok(calls.indexOf("mount") < prepared && calls.indexOf("fchdir") < prepared);
  assert.ok(
    prepared < calls.indexOf("chdir") && calls.lastIndexOf("chdir") < calls.indexOf("dup3"),
  );
});

launch("makes the socket while the umask lets nobody else in", () => {
  const calls = names(program);
  const masks = program.operations.filter(({ name }) => name === "umask");
  assert.equal(
    masks.map(({ operands }) => operands[0]),
    [0o177, 0o022],
  );
  assert.ok(calls.indexOf("umask") < calls.indexOf("bind"));
  assert.ok(calls.indexOf("bind") < calls.lastIndexOf("umask"));
});

launch("places the descriptors and closes all others last", () => {
  const placed = program.operations.filter(({ name }) => name === "dup3");
  assert.equal(
    placed.map(({ operands }) => operands[1]),
    [0, 1, 2, 3, 4, 5, 6],
  );
  assert.equal(
    placed.map(({ operands }) => operands[2]),
    [0, 0, 0, 0, 0, 0, K.O_CLOEXEC],
  );
  assert.equal(names(program).slice(-2), ["close_range", "execveat"]);
});

launch("every operation says where it comes from", () => {
  assert.equal(
    program.operations.filter(({ origin }) => origin === ""),
    [],
  );
});

launch.run();

function names(each: Program): string[] {
  return each.operations.map(({ name }) => name).filter((name) => name !== "RELOC");
}
