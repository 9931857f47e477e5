import { suite } from "uvu";
import * as assert from "uvu/assert";
import { todaysBody } from "../../../src/apiserver/older-body.ts";

const body = suite("todaysBody()");

const pod = {
  apiVersion: "v1",
  kind: "Pod",
  metadata: { name: "web", namespace: "default", uid: "u" },
  spec: { containers: [], ephemeralContainers: [{ name: "old", image: "a" }] },
} as never;

body("adds ephemeral containers that kubectl 1.20 sends alone to those that are there", () => {
  const sent = {
    apiVersion: "v1",
    kind: "EphemeralContainers",
    metadata: {},
    ephemeralContainers: [
      { name: "old", image: "b" },
      { name: "new", image: "c" },
    ],
  };
  assert.equal(todaysBody(sent, pod), {
    ...(pod as object),
    spec: {
      containers: [],
      ephemeralContainers: [
        { name: "old", image: "a" },
        { name: "new", image: "c" },
      ],
    },
  });
});

body("leaves everything else as it is", () => {
  for (const sent of [undefined, [], { kind: "Pod" }, { kind: "EphemeralContainers" }]) {
    assert.is(todaysBody(sent, pod), sent);
  }
});

body.run();
