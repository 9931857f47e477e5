import { suite } from "uvu";
import * as assert from "uvu/assert";
import type { Pod, PodSpec } from "../../../src/spec/pod.ts";
import { kernelHostname, podFqdn, shortHostname } from "../../../src/spec/pod-hostname.ts";

function podOf(spec: Partial<PodSpec>, name = "web-0"): Pod {
  const metadata = { name, namespace: "shop", uid: "u" };
  return { apiVersion: "v1", kind: "Pod", metadata, spec: { containers: [], ...spec } };
}

const names = suite("names of a pod");

names("the host name is the pod's name, at most 63 bytes, or what the spec says", () => {
  assert.is(shortHostname(podOf({})), "web-0");
  assert.is(shortHostname(podOf({ hostname: "" })), "web-0");
  assert.is(shortHostname(podOf({ hostname: "db" })), "db");
  assert.is(shortHostname(podOf({}, `${"a".repeat(62)}-b`)), "a".repeat(62));
});

names("a subdomain makes a full name, and setHostnameAsFQDN gives it to the kernel", () => {
  const spec = { hostname: "db", subdomain: "shop-db" };
  assert.is(podFqdn(podOf(spec)), "db.shop-db.shop.svc.cluster.local");
  assert.equal(kernelHostname(podOf(spec)), { name: "db" });
  assert.equal(kernelHostname(podOf({ ...spec, setHostnameAsFQDN: true })), {
    name: "db.shop-db.shop.svc.cluster.local",
  });
  assert.equal(kernelHostname(podOf({ setHostnameAsFQDN: true })), { name: "web-0" });
});

names("a full name of more than 64 characters is a problem", () => {
  const subdomain = "s".repeat(40);
  assert.equal(kernelHostname(podOf({ subdomain })), { name: "web-0" });
  assert.equal(kernelHostname(podOf({ subdomain, setHostnameAsFQDN: true })), {
    problem: `failed to construct FQDN from Pod hostname and cluster domain, FQDN web-0.${subdomain}.shop.svc.cluster.local is too long (64 characters is the max, 69 characters requested)`,
  });
});

names("hostnameOverride wins over all of them", () => {
  const pod = podOf({ hostname: "db", subdomain: "s", hostnameOverride: "db.example.com" });
  assert.is(podFqdn(pod), undefined);
  assert.equal(kernelHostname(pod), { name: "db.example.com" });
});

names.run();
