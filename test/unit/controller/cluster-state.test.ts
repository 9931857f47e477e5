// Which nodes a pod with claims may go to, as what is stored says.
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { ObjectMirror } from "../../../src/agent/object-mirror.ts";
import { ClusterState } from "../../../src/controller/cluster-state.ts";
import type { StoredObject } from "../../../src/store/watch-event.ts";
import { bindCompleted } from "../../../src/volume/claims.ts";
import { nodeOf, podOf } from "../scheduler/fixture.ts";

const pod = podOf("p", {
  volumes: [{ name: "data", persistentVolumeClaim: { claimName: "data" } }],
});

/** A claim that is bound to a volume on these nodes; undefined: to one that is everywhere. */
function bound(...nodes: readonly string[]): readonly StoredObject[] {
  const values = { key: "kubernetes.io/hostname", operator: "In", values: nodes };
  const required = { nodeSelectorTerms: [{ matchExpressions: [values] }] };
  const metadata = { name: "data", uid: "u" };
  const claim = {
    apiVersion: "v1",
    kind: "PersistentVolumeClaim",
    metadata: { ...metadata, namespace: "default", annotations: { [bindCompleted]: "yes" } },
    spec: { volumeName: "data" },
  };
  const volume = {
    apiVersion: "v1",
    kind: "PersistentVolume",
    metadata: { ...metadata, namespace: "" },
    spec: nodes.length === 0 ? {} : { nodeAffinity: { required } },
  };
  return [claim, volume];
}

function reaching(objects: readonly StoredObject[]): readonly string[] {
  const store = new ObjectMirror();
  using state = new ClusterState(store, "own");
  for (const name of ["own", "far"]) store.put(nodeOf(name).node);
  for (const object of objects) store.put(object);
  const { nodes, reachesVolumes } = state.cluster();
  return nodes
    .map(({ node }) => node)
    .flatMap((node) => {
      return reachesVolumes?.(pod, node) ? [node.metadata.name] : [];
    });
}

const volumes = suite("ClusterState reachesVolumes");

volumes("a claim that is not bound is bound where volumes are made", () => {
  assert.equal(reaching([]), ["own"]);
});

volumes("a bound one leads to its volume", () => {
  assert.equal(reaching(bound("far")), ["own", "far"]);
  assert.equal(reaching(bound("elsewhere")), ["own"]);
  assert.equal(reaching(bound()), ["own", "far"]);
});

volumes.run();
