// judgeFindings(): who owns what was found, and what has no owner.
import { suite } from "uvu";
import * as assert from "uvu/assert";
import type { Digest } from "../../../src/base/ids.ts";
import { type Finding, judgeFindings, type KnownOwners } from "../../../src/cli/census.ts";
import { chainIds, hexOf } from "../../../src/image/layout.ts";

const census = suite("judgeFindings()");

const digest = (letter: string): Digest => `sha256:${letter.repeat(64)}` as Digest;
const layers = [digest("1"), digest("2")];
const known: KnownOwners = {
  pods: new Map([["uid-1", "default/web"]]),
  links: new Map([
    ["veth1", "uid-1"],
    ["veth3", ""],
  ]),
  volumes: new Set(["pvc-1"]),
  images: [{ name: "busybox:latest", digests: [digest("a"), digest("b")], layers }],
};

function ownerOf(claim: Finding["claim"]): string | undefined {
  return judgeFindings([{ kind: "folder", name: "x", claim }], known)[0]?.owner;
}

census("knows pods by uid and by link, volumes, images by blob and layer", () => {
  assert.is(ownerOf("instance"), "instance");
  assert.is(ownerOf({ pod: "uid-1" }), "pod default/web");
  assert.is(ownerOf({ link: "veth1" }), "pod default/web");
  assert.is(ownerOf({ link: "veth3" }), "instance", "made ahead, for a pod to come");
  assert.is(ownerOf({ volume: "pvc-1" }), "volume pvc-1");
  assert.is(ownerOf({ digest: "b".repeat(64) }), "image busybox:latest");
  assert.is(ownerOf({ layer: "2".repeat(64) }), "image busybox:latest");
  const chained = chainIds(layers)[1];
  assert.is(ownerOf({ layer: `chain-${hexOf(chained ?? digest("0"))}` }), "image busybox:latest");
});

census("gives nothing an owner that only looks like something known", () => {
  for (const claim of [
    "nobody" as const,
    { pod: "uid-2" },
    { link: "veth2" },
    { volume: "pvc-2" },
    { digest: "c".repeat(64) },
    { layer: `chain-${"2".repeat(64)}` },
    { pod: "" },
  ]) {
    assert.is(ownerOf(claim), undefined, JSON.stringify(claim));
  }
});

census("is in the same order whatever the kernel's was", () => {
  const findings: readonly Finding[] = [
    { kind: "link", name: "b", claim: "instance" },
    { kind: "cgroup", name: "z", claim: "instance" },
    { kind: "link", name: "a", claim: "nobody" },
  ];
  const one = judgeFindings(findings, known);
  assert.equal(one, judgeFindings(findings.toReversed(), known));
  assert.equal(
    one.map(({ name }) => name),
    ["z", "a", "b"],
  );
});

census.run();
