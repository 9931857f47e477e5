// Which pods drain evicts, and what it says of the others.
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { listToDrain } from "../../../src/cli/drain-filter.ts";
import type { Pod } from "../../../src/spec/pod.ts";

const test = suite("listToDrain");

function pod(name: string, owner?: string, more: Partial<Pod> = {}): Pod {
  const reference = {
    apiVersion: "apps/v1",
    kind: owner ?? "",
    name: "x",
    uid: "x",
    controller: true,
  };
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: {
      name,
      namespace: "default",
      uid: name,
      ...(owner !== undefined && { ownerReferences: [reference] }),
    },
    spec: { containers: [] },
    status: { phase: "Running" },
    ...more,
  };
}

const withData = { spec: { containers: [], volumes: [{ name: "d", emptyDir: {} }] } };

function names(pods: readonly Pod[]): string {
  return pods.map(({ metadata }) => metadata.name).join();
}

test("pods that somebody replaces go; the others are named with the option that allows it", () => {
  const all = [
    pod("a", "ReplicaSet"),
    pod("b"),
    pod("c"),
    pod("d", "DaemonSet"),
    pod("e", "Job", withData),
  ];
  const plain = listToDrain(all, {});
  assert.is(names(plain.pods), "a");
  assert.equal(plain.errors, [
    "cannot delete Pods that declare no controller (use --force to override): default/b, default/c",
    "cannot delete DaemonSet-managed Pods (use --ignore-daemonsets to ignore): default/d",
    "cannot delete Pods with local storage (use --delete-emptydir-data to override): default/e",
  ]);
  const forced = listToDrain(all, {
    force: true,
    ignoreDaemonsets: true,
    deleteEmptydirData: true,
  });
  assert.is(names(forced.pods), "a,b,c,e");
  assert.equal(forced.errors, []);
  assert.equal(forced.warnings, [
    "deleting Pods that declare no controller: default/b, default/c",
    "ignoring DaemonSet-managed Pods: default/d",
    "deleting Pods with local storage: default/e",
  ]);
});

test("pods that have ended go in any case", () => {
  const ended = pod("z", undefined, { ...withData, status: { phase: "Succeeded" } });
  assert.is(names(listToDrain([ended], {}).pods), "z");
});

test.run();
