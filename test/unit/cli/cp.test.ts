import { suite } from "uvu";
import * as assert from "uvu/assert";
import { parseCopyPlace } from "../../../src/cli/copy-place.ts";
import { copyProblem, copyProblems } from "../../../src/cli/copy-problems.ts";

const places = suite("parseCopyPlace()");

places("tells pods from paths as kubectl does", () => {
  const pod = (namespace: string | undefined, name: string, path: string): object => ({
    kind: "pod",
    namespace,
    pod: name,
    path,
  });
  assert.equal(parseCopyPlace("web:/etc/hosts"), pod(undefined, "web", "/etc/hosts"));
  assert.equal(parseCopyPlace("prod/web-0:rel"), pod("prod", "web-0", "rel"));
  assert.equal(parseCopyPlace("web:/a:b"), pod(undefined, "web", "/a:b"));
  assert.equal(parseCopyPlace("-"), { kind: "stream" });
  for (const path of ["/tmp/a:b", "./a:b", "file", "a/b/c:d", "../x"]) {
    assert.equal(parseCopyPlace(path), { kind: "local", path });
  }
  assert.throws(() => parseCopyPlace(""), /can not be empty/);
  assert.throws(() => parseCopyPlace("web:"), /can not be empty/);
});

places.run();

const problems = suite("copyProblem()");

problems("makes sentences of records, also of those that nobody of ours wrote", () => {
  assert.is(copyProblem('2 open /a "b"'), 'Cannot open "/a \\"b\\"": no such file or directory');
  assert.is(copyProblem("30 mkdir /x"), 'Cannot mkdir "/x": the file system is read-only');
  assert.is(
    copyProblem("22 send a/fifo"),
    '"a/fifo" is left out: it is no file, folder or symbolic link',
  );
  assert.is(copyProblem("18 receive ../x"), '"../x" is left out: its name leads out of the target');
  assert.is(copyProblem("74 read -"), "What came is no tar stream");
  assert.is(copyProblem(" Killed\n"), "Killed");
});

problems("puts records together from pieces", async () => {
  const told: string[] = [];
  const sink = copyProblems((sentence) => told.push(sentence));
  for (const piece of ["2 op", "en /a\x002 open /", "b\0rest"]) sink.write(piece);
  await new Promise<void>((resolve) => {
    sink.end(resolve);
  });
  assert.equal(told, [
    'Cannot open "/a": no such file or directory',
    'Cannot open "/b": no such file or directory',
    "rest",
  ]);
});

problems.run();
