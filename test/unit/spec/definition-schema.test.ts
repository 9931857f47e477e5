import { suite } from "uvu";
import * as assert from "uvu/assert";
import { schemaOf } from "../../../src/spec/definition-schema.ts";
import { definitions, kindDefinitions } from "../../../src/spec/definitions.gen.ts";
import { fieldSupport } from "../../../src/spec/field-support.ts";
import { resources } from "../../../src/spec/resources.ts";

function complaints(kind: string, value: unknown): string[] {
  const found: string[] = [];
  schemaOf(kind).decode(value, "", {
    report: (path, message) =>
      found.push(`${path}: ${typeof message === "string" ? message : message()}`),
  });
  return found;
}

const schemas = suite("schemaOf()");

schemas("takes a ConfigMap with text and base64", () => {
  const object = {
    apiVersion: "v1",
    kind: "ConfigMap",
    metadata: { name: "a" },
    data: { key: "text" },
    binaryData: { raw: "AAECAw==" },
    immutable: true,
  };
  assert.equal(complaints("ConfigMap", object), []);
});

schemas("names what does not fit, each at its path", () => {
  const object = {
    apiVersion: "v1",
    kind: "Secret",
    metadata: { name: "a" },
    data: { key: "not base64!" },
    strngData: {},
    immutable: "yes",
  };
  assert.equal(complaints("Secret", object), [
    'data.key: must be base64: got "not base64!"',
    'strngData: unknown field "strngData": did you mean "stringData"?',
    'immutable: must be true or false: got "yes"',
  ]);
});

schemas("takes a number or a name where Kubernetes takes both", () => {
  const pod = (port: unknown): unknown => ({
    apiVersion: "v1",
    kind: "Service",
    metadata: { name: "a" },
    spec: { ports: [{ port: 80, targetPort: port }] },
  });
  assert.equal(complaints("Service", pod(8080)), []);
  assert.equal(complaints("Service", pod("http")), []);
  assert.equal(complaints("Service", pod(true)), [
    "spec.ports[0].targetPort: must be an integer: got true",
  ]);
});

schemas("every resource has a definition of its kind and version", () => {
  for (const { kind, apiVersion } of resources) {
    assert.equal(kindDefinitions[kind], { apiVersion, kind });
    assert.ok(schemaOf(kind).zero());
  }
});

schemas("every exception of the support table is a field of Kubernetes", () => {
  for (const [definition, support] of Object.entries(fieldSupport)) {
    for (const field of Object.values(support).flatMap((fields) => Object.keys(fields))) {
      assert.ok(definitions[definition]?.[field], `${definition}.${field}`);
    }
  }
});

schemas.run();
