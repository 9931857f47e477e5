import { suite } from "uvu";
import * as assert from "uvu/assert";
import { decodeObject } from "../../../src/spec/decode-json.ts";
import { fieldSupport } from "../../../src/spec/field-support.ts";
import { loadManifests } from "../../../src/spec/manifest.ts";
import { warningsOf } from "../../../src/spec/warnings.ts";

const warnings = suite("warningsOf()");

const pod = {
  apiVersion: "v1",
  kind: "Pod",
  metadata: { name: "a" },
  spec: {
    containers: [
      { name: "a", image: "b", lifecycle: { postStart: { tcpSocket: { port: 1 } } } },
      { name: "b", image: "b", lifecycle: { preStop: { tcpSocket: { port: 1 } } } },
    ],
  },
};

warnings("names each warned field by its path, with what does not happen", () => {
  const why = fieldSupport["LifecycleHandler"]?.warned?.["tcpSocket"];
  assert.equal(warningsOf(decodeObject(pod)), [
    `spec.containers[0].lifecycle.postStart.tcpSocket: ${why}`,
    `spec.containers[1].lifecycle.preStop.tcpSocket: ${why}`,
  ]);
});

warnings("has nothing to say about what is honoured", () => {
  const plain = { ...pod, spec: { containers: [{ name: "a", image: "b" }] } };
  assert.equal(warningsOf(decodeObject(plain)), []);
});

warnings("of a manifest come with its name, and not when it is refused", () => {
  const said: string[] = [];
  const options = { randomSuffix: () => "x7k2p", onWarning: (text: string) => said.push(text) };
  loadManifests(JSON.stringify(pod), "pod.json", options);
  assert.is(said.length, 2);
  assert.match(
    said[0] ?? "",
    /^pod\.json: spec\.containers\[0\]\.lifecycle\.postStart\.tcpSocket: /,
  );
  said.length = 0;
  const wrong = JSON.stringify({ ...pod, metadata: { name: "A" } });
  assert.throws(() => loadManifests(wrong, "pod.json", options));
  assert.equal(said, []);
});
warnings.run();
