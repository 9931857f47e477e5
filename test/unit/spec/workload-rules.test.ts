// Defaults and rules of workloads, shares of a whole, hashes of contents.
import fc from "fast-check";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { defaultObject, validateObject, validateUpdate } from "../../../src/spec/admit.ts";
import { decodeObject } from "../../../src/spec/decode-json.ts";
import { resolveIntOrPercent } from "../../../src/spec/int-or-percent.ts";
import type { Deployment } from "../../../src/spec/kubernetes.gen.ts";
import type { KubernetesObject } from "../../../src/spec/resources.ts";
import { contentHash } from "../../../src/spec/template-hash.ts";

const base = {
  selector: { matchLabels: { app: "web" } },
  template: {
    metadata: { labels: { app: "web" } },
    spec: { containers: [{ name: "main", image: "busybox" }] },
  },
};

function made(kind: string, spec: object): KubernetesObject {
  const wish = { apiVersion: "apps/v1", kind, metadata: { name: "web" }, spec };
  return defaultObject(decodeObject(wish), { randomSuffix: () => "abcde" });
}

const paths = (object: KubernetesObject): readonly string[] =>
  validateObject(object).map(({ path }) => path);

const rules = suite("rules of workloads");

rules("fill in what Kubernetes does, once", () => {
  const web = made("Deployment", base) as unknown as Deployment;
  assert.is(web.spec.replicas, 1);
  assert.is(web.spec.progressDeadlineSeconds, 600);
  assert.equal(web.spec.strategy, {
    type: "RollingUpdate",
    rollingUpdate: { maxUnavailable: "25%", maxSurge: "25%" },
  });
  assert.equal(defaultObject(web, { randomSuffix: () => "" }), web);
  for (const kind of ["Deployment", "ReplicaSet", "StatefulSet", "DaemonSet"]) {
    assert.equal(paths(made(kind, base)), []);
  }
});

rules("name the field that is wrong", () => {
  const selector = { matchLabels: { app: "other" } };
  assert.equal(paths(made("Deployment", { ...base, selector })), ["spec.template.metadata.labels"]);
  const strategy = { rollingUpdate: { maxSurge: 0, maxUnavailable: "0%" } };
  assert.equal(paths(made("Deployment", { ...base, strategy })), [
    "spec.strategy.rollingUpdate.maxUnavailable",
  ]);
  const template = {
    ...base.template,
    spec: { ...base.template.spec, restartPolicy: "Never" },
  };
  assert.equal(paths(made("DaemonSet", { ...base, template })), [
    "spec.template.spec.restartPolicy",
  ]);
});

rules("keep the selector as it is", () => {
  const before = made("Deployment", base);
  const labels = { app: "web", tier: "front" };
  const next = made("Deployment", {
    selector: { matchLabels: labels },
    template: { ...base.template, metadata: { labels } },
  });
  assert.equal(validateUpdate(next, before), [
    { path: "spec.selector", message: "field is immutable", at: "value" },
  ]);
});

rules.run();

const numbers = suite("resolveIntOrPercent(), contentHash()");

numbers("rounds a share up or down", () => {
  assert.is(resolveIntOrPercent("25%", 5, "up"), 2);
  assert.is(resolveIntOrPercent("25%", 5, "down"), 1);
  assert.is(resolveIntOrPercent(3, 5, "down"), 3);
});

numbers("a hash is a label of its content, whatever the order of the fields", () => {
  fc.assert(
    fc.property(
      fc.dictionary(fc.string(), fc.jsonValue()),
      fc.nat({ max: 3 }),
      (content, count) => {
        const reversed = Object.fromEntries(Object.entries(content).reverse());
        const hash = contentHash(content, count);
        assert.is(contentHash(reversed, count), hash);
        assert.match(hash, /^[bcdfghjklmnpqrstvwxz2-9]{1,10}$/);
      },
    ),
  );
  assert.is.not(contentHash({}, 1), contentHash({}));
});

numbers.run();
