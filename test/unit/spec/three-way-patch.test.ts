import * as fc from "fast-check";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { strategicMerge } from "../../../src/spec/strategic-merge.ts";
import { threeWayPatch } from "../../../src/spec/three-way-patch.ts";

const patch = suite("threeWayPatch()");

const pod = (spec: object, metadata: object = {}): Record<string, unknown> => ({
  kind: "Pod",
  metadata: { name: "web", ...metadata },
  spec,
});
const container = (name: string, rest: object = {}): object => ({
  name,
  image: "busybox",
  ...rest,
});

patch("is nothing when all that is wished stands there, whatever others added", () => {
  const wanted = pod({ containers: [container("a")] });
  const live = pod(
    { containers: [container("a", { imagePullPolicy: "Always" })], restartPolicy: "Always" },
    { uid: "1" },
  );
  assert.is(threeWayPatch({ before: wanted, wanted, live }, "Pod"), undefined);
  assert.is(threeWayPatch({ before: {}, wanted, live }, "Pod"), undefined);
});

patch("names the item that changes and the order of all", () => {
  const before = pod({ containers: [container("a"), container("b")] });
  const wanted = pod({ containers: [container("a", { image: "new" }), container("b")] });
  assert.equal(threeWayPatch({ before, wanted, live: before }, "Pod"), {
    spec: {
      containers: [{ name: "a", image: "new" }],
      "$setElementOrder/containers": [{ name: "a" }, { name: "b" }],
    },
  });
});

patch("removes what was applied and is no longer wished, and nothing else", () => {
  const before = pod(
    {
      containers: [
        container("a", {
          env: [
            { name: "X", value: "1" },
            { name: "Y", value: "2" },
          ],
        }),
      ],
    },
    { labels: { mine: "1", old: "1" } },
  );
  const wanted = pod(
    { containers: [container("a", { env: [{ name: "X", value: "1" }] })] },
    { labels: { mine: "1" } },
  );
  const live = pod(
    {
      containers: [
        container("a", {
          env: [
            ...["X", "Y"].map((name, index) => ({ name, value: `${index + 1}` })),
            { name: "Z", value: "3" },
          ],
        }),
      ],
    },
    { labels: { mine: "1", old: "1", theirs: "1" } },
  );
  const made = threeWayPatch({ before, wanted, live }, "Pod");
  const after = strategicMerge(live, made, "Pod") as typeof live;
  assert.equal((after["metadata"] as { labels: object }).labels, { mine: "1", theirs: "1" });
  const [first] = (after["spec"] as { containers: { env: { name: string }[] }[] }).containers;
  assert.equal(
    first?.env.map(({ name }) => name),
    ["X", "Z"],
  );
});

patch("replaces lists whose items cannot be told apart", () => {
  const ports = [
    { containerPort: 53, protocol: "TCP" },
    { containerPort: 53, protocol: "UDP" },
  ];
  const wanted = pod({ containers: [container("a", { ports })] });
  const live = pod({ containers: [container("a", { ports: [ports[0]] })] });
  const after = strategicMerge(live, threeWayPatch({ before: live, wanted, live }, "Pod"), "Pod");
  assert.equal(after, wanted);
});

patch("merges finalizers as a set", () => {
  const before = pod({}, { finalizers: ["a", "b"] });
  const wanted = pod({}, { finalizers: ["b", "c"] });
  const live = pod({}, { finalizers: ["a", "b", "theirs"] });
  const after = strategicMerge(live, threeWayPatch({ before, wanted, live }, "Pod"), "Pod");
  assert.equal((after["metadata"] as { finalizers: object }).finalizers, ["b", "theirs", "c"]);
});

const value = fc.constantFrom("1", "2", "3");
const labels = fc.dictionary(fc.constantFrom("a", "b", "c", "d"), value, {
  maxKeys: 4,
  noNullPrototype: true,
});
const items = fc
  .uniqueArray(fc.constantFrom("a", "b", "c", "d"), { maxLength: 4 })
  .chain((names) =>
    fc
      .tuple(...names.map((name) => value.map((image) => ({ name, image }))))
      .map((list) => [...list]),
  );
const anyPod = fc
  .record({ labels, containers: items })
  .map(({ labels: own, containers }) => pod({ containers }, { labels: own }));

patch("what was applied alone becomes exactly what is wished, and then needs no patch", () => {
  fc.assert(
    fc.property(anyPod, anyPod, (before, wanted) => {
      const made = threeWayPatch({ before, wanted, live: before }, "Pod");
      const after = made === undefined ? before : strategicMerge(before, made, "Pod");
      assert.equal(after, wanted);
      assert.is(threeWayPatch({ before: wanted, wanted, live: after }, "Pod"), undefined);
    }),
  );
});

patch("converges whatever is stored", () => {
  fc.assert(
    fc.property(anyPod, anyPod, anyPod, (before, wanted, live) => {
      const made = threeWayPatch({ before, wanted, live }, "Pod");
      const after = made === undefined ? live : strategicMerge(live, made, "Pod");
      assert.is(threeWayPatch({ before: wanted, wanted, live: after }, "Pod"), undefined);
    }),
  );
});

patch.run();
