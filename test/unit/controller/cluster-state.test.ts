// Which nodes a pod with claims may go to, as what is stored says.
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { ObjectMirror } from "../../../src/agent/object-mirror.ts";
import { ClusterState } from "../../../src/controller/cluster-state.ts";
import type { Pod } from "../../../src/spec/pod.ts";
import type { StoredObject } from "../../../src/store/watch-event.ts";
import { localPathVolume, volumesAnnotation } from "../../../src/volume/local-path.ts";
import { nodeOf, podOf } from "../scheduler/fixture.ts";
import { claimOf, classOf, podWith } from "../volume/claims.ts";

const delayed = classOf("fast", { volumeBindingMode: "WaitForFirstConsumer" });

/** The nodes that a pod may go to: n1 and n2 make folders, n3 does not. */
function reaching(pod: Pod, ...objects: readonly StoredObject[]): readonly string[] {
  const store = new ObjectMirror();
  using state = new ClusterState(store);
  for (const name of ["n1", "n2", "n3"]) {
    const { node } = nodeOf(name);
    const annotations = name === "n3" ? {} : { [volumesAnnotation]: `/${name}` };
    store.put({ ...node, metadata: { ...node.metadata, annotations } });
  }
  for (const object of objects) store.put(object);
  const { nodes, volumeConflict } = state.cluster();
  return nodes
    .filter(({ node }) => volumeConflict?.(pod, node) === undefined)
    .map(({ node }) => node.metadata.name);
}

const volumes = suite("ClusterState volumeConflict");

volumes("a claim that is not bound goes where folders are made, a bound one to its own", () => {
  const pod = podWith("web", "data");
  assert.equal(reaching(pod, delayed, claimOf("data")), ["n1", "n2"]);
  const made = localPathVolume(claimOf("data"), delayed, { name: "n2", folder: "/n2" });
  assert.equal(reaching(pod, delayed, claimOf("data"), made), ["n2"]);
});

volumes("all claims of a pod count, and one that is missing keeps it from no node", () => {
  const made = localPathVolume(claimOf("data"), delayed, { name: "n2", folder: "/n2" });
  const objects = [delayed, claimOf("data"), claimOf("logs"), made];
  assert.equal(reaching(podWith("web", "logs", "data"), ...objects), ["n2"]);
  assert.equal(reaching(podWith("web", "nothing"), delayed), ["n1", "n2", "n3"]);
});

volumes("the claim that will be made for a pod counts as one", () => {
  const metadata = { name: "", namespace: "", uid: "" };
  const volumeClaimTemplate = { metadata, spec: claimOf("x").spec };
  const pod = podOf("web", { volumes: [{ name: "v", ephemeral: { volumeClaimTemplate } }] });
  assert.equal(reaching(pod, delayed), ["n1", "n2"]);
});

volumes.run();
