import { suite } from "uvu";
import * as assert from "uvu/assert";
import { equalities, newDisruptionBudget } from "../../../src/cli/new-object.ts";
import { type Exposed, exposeObject, newService } from "../../../src/cli/new-service.ts";

const service = suite("newService()");

service("reads pairs of ports as kubectl does", () => {
  const { spec } = newService("s", { type: "NodePort", tcp: ["80:http"], nodePort: "30080" });
  assert.equal(spec, {
    type: "NodePort",
    selector: { app: "s" },
    ports: [{ name: "80-http", port: 80, protocol: "TCP", targetPort: "http", nodePort: 30080 }],
  });
  const { spec: same } = newService("s", { type: "ClusterIP", tcp: ["443"] });
  assert.equal((same as { ports: unknown }).ports, [
    { name: "443", port: 443, protocol: "TCP", targetPort: 443 },
  ]);
});

service("needs ports, unless it is headless or a name", () => {
  assert.throws(() => newService("s", { type: "ClusterIP" }), "at least one --tcp");
  assert.throws(() => newService("s", { type: "ClusterIP", tcp: ["x"] }), "PORT[:TARGETPORT]");
  assert.is(
    (newService("s", { type: "ClusterIP", clusterip: "None" })["spec"] as { clusterIP: string })
      .clusterIP,
    "None",
  );
  assert.throws(() => newService("s", { type: "ExternalName" }), "--external-name");
});

service.run();

const expose = suite("exposeObject()");

const deployment = {
  kind: "Deployment",
  metadata: { name: "web", labels: { app: "web", tier: "front" } },
  spec: {
    selector: { matchLabels: { app: "web" } },
    template: {
      spec: {
        containers: [
          { name: "a", image: "a", ports: [{ containerPort: 80 }] },
          { name: "b", image: "b", ports: [{ containerPort: 53, protocol: "UDP" }] },
        ],
      },
    },
  },
} as unknown as Exposed;

expose("takes selector, labels and ports from what is there", () => {
  assert.equal(exposeObject(deployment, {}), {
    apiVersion: "v1",
    kind: "Service",
    metadata: { name: "web", labels: { app: "web", tier: "front" } },
    spec: {
      selector: { app: "web" },
      ports: [
        { name: "port-1", port: 80, protocol: "TCP", targetPort: 80 },
        { name: "port-2", port: 53, protocol: "UDP", targetPort: 53 },
      ],
    },
  });
});

expose("options win, and a known port keeps its protocol", () => {
  const made = exposeObject(deployment, {
    name: "dns",
    port: "53",
    targetPort: "dns",
    type: "NodePort",
    selector: "x=y",
    labels: "l=m",
  });
  assert.equal(made.metadata, { name: "dns", labels: { l: "m" } });
  assert.equal(made["spec"], {
    type: "NodePort",
    selector: { x: "y" },
    ports: [{ port: 53, protocol: "UDP", targetPort: "dns" }],
  });
});

expose("says what is missing", () => {
  const pod = { kind: "Pod", metadata: { name: "p" }, spec: { containers: [] } };
  assert.throws(() => exposeObject(pod, { port: "80" }), "the pod has no labels");
  assert.throws(() => exposeObject(pod, { selector: "a=b" }), "--port");
  const complex = {
    ...deployment,
    spec: { ...deployment.spec, selector: { matchExpressions: [{}] } },
  };
  assert.throws(() => exposeObject(complex, { port: "80" }), "couldn't retrieve selectors");
});

expose.run();

const objects = suite("new objects");

objects("a budget says one of two numbers, or a share", () => {
  const spec = newDisruptionBudget("b", { selector: "app==x", maxUnavailable: "20%" })["spec"];
  assert.equal(spec, { maxUnavailable: "20%", selector: { matchLabels: { app: "x" } } });
  assert.throws(() => newDisruptionBudget("b", { selector: "app=x" }), "--min-available");
  assert.throws(() => equalities("app in (x)", "--selector"), "KEY=VALUE");
  assert.throws(() => equalities("app!=x", "--selector"), "KEY=VALUE");
});

objects.run();
