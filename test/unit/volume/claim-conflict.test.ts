// Which nodes a claim leaves to the scheduler, in its phrases.
import { suite } from "uvu";
import * as assert from "uvu/assert";
import type { PersistentVolume, PersistentVolumeClaim } from "../../../src/spec/kubernetes.gen.ts";
import { claimConflict } from "../../../src/volume/claim-conflict.ts";
import { bindCompleted } from "../../../src/volume/claims.ts";
import { localPathVolume } from "../../../src/volume/local-path.ts";
import { claimOf, classOf, volumeOf } from "./claims.ts";

const elsewhere = "node(s) had volume node affinity conflict";
const nothingToBind = "node(s) didn't find available persistent volumes to bind";

function node(name: string, folder?: string) {
  return { name, labels: { "kubernetes.io/hostname": name }, ...(folder && { folder }) };
}

const delayed = classOf("fast", { volumeBindingMode: "WaitForFirstConsumer" });
const far = localPathVolume(claimOf("data"), delayed, { name: "n2", folder: "/far" });

/** What each of two nodes that make folders, and of one that does not, say. */
function conflicts(
  claim: PersistentVolumeClaim,
  volumes: readonly PersistentVolume[] = [],
  classes = [delayed],
): readonly (string | undefined)[] {
  const nodes = [node("n1", "/near"), node("n2", "/far"), node("n3")];
  return nodes.map((each) => claimConflict(claim, each, { volumes, classes }));
}

const conflict = suite("claimConflict()");

conflict("a claim that waits for its pod goes wherever folders are made", () => {
  assert.equal(conflicts(claimOf("data")), [undefined, undefined, nothingToBind]);
});

conflict("or to a volume that is free", () => {
  const { claimRef: _, ...spec } = far.spec;
  const free = { ...far, spec };
  const classes = [classOf("fast", { ...delayed, provisioner: "kubernetes.io/no-provisioner" })];
  assert.equal(conflicts(claimOf("data"), [free], classes), [
    nothingToBind,
    undefined,
    nothingToBind,
  ]);
  const selecting = claimOf("data", { selector: { matchLabels: { a: "b" } } });
  assert.equal(conflicts(selecting, [free]), [nothingToBind, nothingToBind, nothingToBind]);
});

conflict("one that has a volume, or the half of one, goes to that", () => {
  const half = claimOf("data");
  assert.equal(conflicts(half, [far]), [elsewhere, undefined, elsewhere]);
  const bound = claimOf(
    "data",
    { volumeName: far.metadata.name },
    { annotations: { [bindCompleted]: "yes" } },
  );
  assert.equal(conflicts(bound, [far]), [elsewhere, undefined, elsewhere]);
  assert.equal(conflicts(bound), [elsewhere, elsewhere, elsewhere]);
  const everywhere = volumeOf(far.metadata.name);
  assert.equal(conflicts(bound, [everywhere]), [undefined, undefined, undefined]);
});

conflict("what is bound at once is no matter of nodes", () => {
  const none = [undefined, undefined, undefined];
  assert.equal(conflicts(claimOf("data"), [], [classOf("fast")]), none);
  assert.equal(conflicts(claimOf("data", { storageClassName: "" })), none);
  assert.equal(conflicts(claimOf("data", { volumeName: "later" })), none);
});

conflict("a claim without a class has the default one", () => {
  const { storageClassName: _, ...spec } = claimOf("data").spec;
  const annotations = { "storageclass.kubernetes.io/is-default-class": "true" };
  const classes = [{ ...delayed, metadata: { ...delayed.metadata, annotations } }];
  assert.equal(conflicts({ ...claimOf("data"), spec }, [], classes), [
    undefined,
    undefined,
    nothingToBind,
  ]);
});

conflict.run();
