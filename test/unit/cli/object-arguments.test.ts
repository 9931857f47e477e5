import { suite } from "uvu";
import * as assert from "uvu/assert";
import {
  objectLabel,
  parseObjects,
  parseObjectsOrPods,
  parseResource,
  podName,
} from "../../../src/cli/object-arguments.ts";
import { resources } from "../../../src/spec/resources.ts";

const shown = (wanted: ReturnType<typeof parseObjects>): readonly string[] =>
  wanted.map(({ resource, name }) => `${resource.plural}/${name ?? "*"}`);

const words = suite("parseObjects()");

/** In the order of the table of resources. */
const everything = resources
  .filter(({ kind }) =>
    /^(Pod|Service|ReplicaSet|Deployment|StatefulSet|DaemonSet|CronJob|Job)$/.test(kind),
  )
  .map(({ plural }) => `${plural}/*`)
  .join(" ");

for (const [line, wanted] of [
  ["pods", "pods/*"],
  ["po,cm", "pods/* configmaps/*"],
  ["all", everything],
  ["all,pods", everything],
  ["pod web db", "pods/web pods/db"],
  ["pod,cm web", "pods/web configmaps/web"],
  ["pod/web cm/settings", "pods/web configmaps/settings"],
  ["Pod web", "pods/web"],
  ["storageclasses.storage.k8s.io", "storageclasses/*"],
  ["storageclasses.v1.storage.k8s.io", "storageclasses/*"],
] as const) {
  words(`reads ${line}`, () => assert.is(shown(parseObjects(line.split(" "))).join(" "), wanted));
}

words("knows every word of every resource", () => {
  for (const resource of resources) {
    for (const word of [
      resource.plural,
      resource.singular,
      resource.kind,
      ...resource.shortNames,
    ]) {
      assert.is(parseResource(word), resource);
    }
  }
});

words("refuses what no object is", () => {
  assert.throws(() => parseObjects(["pdos"]), 'resource type "pdos": did you mean "pods"?');
  assert.throws(() => parseObjects(["confgimap", "x"]), 'did you mean "configmap"?');
  assert.throws(() => parseObjects(["pods.apps"]), 'resource type "pods.apps"');
  assert.throws(() => parseObjects(["pod/web", "db"]), "every argument in that form");
  assert.throws(() => parseObjects(["pod/"]), "TYPE/NAME");
  assert.throws(() => parseObjects(["pod/a/b"]), "TYPE/NAME");
  assert.throws(() => parseObjects([""]), "You must specify the type");
});

words("without a type means pods where that is so", () => {
  assert.equal(shown(parseObjectsOrPods(["web", "db"])), ["pods/web", "pods/db"]);
  assert.equal(shown(parseObjectsOrPods(["cm", "db"])), ["configmaps/db"]);
  assert.equal(shown(parseObjectsOrPods(["secret/x"])), ["secrets/x"]);
  assert.equal(parseObjectsOrPods([]), []);
  assert.throws(() => parseObjectsOrPods(["configmpas", "x"]), 'did you mean "configmaps"?');
});

words("podName() takes pods only", () => {
  assert.is(podName("web"), "web");
  assert.is(podName("po/web"), "web");
  assert.throws(() => podName("cm/web"), "works on pods only");
});

words("objectLabel() names the group", () => {
  assert.is(objectLabel(parseResource("sc"), "fast"), "storageclass.storage.k8s.io/fast");
  assert.is(objectLabel(parseResource("po"), "web"), "pod/web");
});

words.run();
