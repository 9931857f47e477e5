import { suite } from "uvu";
import * as assert from "uvu/assert";
import { linksOf, serviceLinks } from "../../../src/pod/service-links.ts";
import type { Service, ServiceSpec } from "../../../src/spec/kubernetes.gen.ts";
import { pod } from "./fixtures.ts";

function service(name: string, spec: ServiceSpec, namespace = "default"): Service {
  return { apiVersion: "v1", kind: "Service", metadata: { name, namespace, uid: name }, spec };
}

const web = service("my-web", {
  clusterIP: "10.96.0.7",
  ports: [{ name: "http", port: 80, protocol: "TCP" }],
});

const test = suite("serviceLinks()");

test("names address and ports in both forms", () => {
  assert.equal(linksOf(web), [
    { name: "MY_WEB_SERVICE_HOST", value: "10.96.0.7" },
    { name: "MY_WEB_SERVICE_PORT", value: "80" },
    { name: "MY_WEB_SERVICE_PORT_HTTP", value: "80" },
    { name: "MY_WEB_PORT", value: "tcp://10.96.0.7:80" },
    { name: "MY_WEB_PORT_80_TCP", value: "tcp://10.96.0.7:80" },
    { name: "MY_WEB_PORT_80_TCP_PROTO", value: "tcp" },
    { name: "MY_WEB_PORT_80_TCP_PORT", value: "80" },
    { name: "MY_WEB_PORT_80_TCP_ADDR", value: "10.96.0.7" },
  ]);
});

test("knows nothing of Services without an address", () => {
  assert.equal(linksOf(service("a", { clusterIP: "None", ports: [{ port: 1 }] })), []);
  assert.equal(linksOf(service("a", { type: "ExternalName", externalName: "x" })), []);
});

test("takes the pod's namespace, and `kubernetes` whatever the pod says", () => {
  const other = service("other", web.spec, "elsewhere");
  const master = service("kubernetes", web.spec);
  const namesOf = (enableServiceLinks: boolean): (string | undefined)[] => {
    const own = pod();
    const asked = { ...own, spec: { ...own.spec, enableServiceLinks } };
    return serviceLinks([web, other, master], asked)
      .map(({ name }) => name)
      .filter((name) => name.endsWith("_SERVICE_HOST"));
  };
  assert.equal(namesOf(true), ["MY_WEB_SERVICE_HOST", "KUBERNETES_SERVICE_HOST"]);
  assert.equal(namesOf(false), ["KUBERNETES_SERVICE_HOST"]);
});

test.run();
