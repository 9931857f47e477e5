import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { atomicWrite } from "../../../src/base/atomic-write.ts";
import { armFailpoints, failpointVariable } from "../../../src/base/failpoint.ts";

const write = suite<{ folder: string }>("atomicWrite()");

write.before.each((context) => {
  context.folder = mkdtempSync(join(tmpdir(), "nspod-atomic-"));
});
write.after.each(({ folder }) => {
  armFailpoints({});
  rmSync(folder, { recursive: true, force: true });
});

write("replaces the content and leaves no other file", ({ folder }) => {
  const path = join(folder, "state");
  atomicWrite(path, "one");
  atomicWrite(path, "two");
  assert.is(readFileSync(path, "utf8"), "two");
  assert.equal(readdirSync(folder), ["state"]);
});

write("gives the file mode 0600 unless told otherwise", ({ folder }) => {
  atomicWrite(join(folder, "private"), "");
  atomicWrite(join(folder, "public"), "", { mode: 0o644 });
  assert.is(statSync(join(folder, "private")).mode & 0o777, 0o600);
  assert.is(statSync(join(folder, "public")).mode & 0o777, 0o644);
});

write("takes over from a writer that was killed half-way", ({ folder }) => {
  const path = join(folder, "state");
  writeFileSync(`${path}.tmp`, "half");
  atomicWrite(path, "whole");
  assert.is(readFileSync(path, "utf8"), "whole");
  assert.equal(readdirSync(folder), ["state"]);
});

write("leaves the old content and no other file when it fails", ({ folder }) => {
  const path = join(folder, "state");
  atomicWrite(path, "one");
  for (const step of ["write", "sync", "rename"]) {
    armFailpoints({ [failpointVariable]: `base/atomic-write.${step}=error(ENOSPC)` });
    assert.throws(() => atomicWrite(path, "two"), /ENOSPC/);
    assert.is(readFileSync(path, "utf8"), "one", step);
    assert.equal(readdirSync(folder), ["state"], step);
  }
});

write.run();
