// Promise: a pod has the names that its manifest gives it (test/manifests/names.yaml).
import * as assert from "uvu/assert";
import { manifestFile } from "../support/manifest-file.ts";
import { podSuite } from "../support/pod-suite.ts";
import { requires } from "../support/requires.ts";

requires("root", "kernel:5.15");

const { test, run } = podSuite("names of a pod", "busybox");

test("subdomain, full name and override", async (pods) => {
  await pods.instance.must(["apply", "-f", manifestFile("names")]);
  const said = async (name: string): Promise<string[]> => {
    const { status } = await pods.untilEnded(name);
    const lines = (await pods.log(name)).trimEnd().split("\n");
    return lines.map((line) => line.replace(status?.podIP ?? "no address", "<ip>"));
  };
  const full = (short: string): string => `${short}.shop.default.svc.cluster.local`;
  const hosts = (short: string): string => `<ip>\t${full(short)}\t${short}`;
  assert.equal(await said("with-subdomain"), ["first", "first", "first", hosts("first")]);
  assert.equal(await said("fqdn"), [
    full("second"),
    full("second"),
    full("second"),
    hosts("second"),
  ]);
  const other = "www.example.com";
  assert.equal(await said("override"), [other, other, other, `<ip>\t${other}`]);
});

test("a name that Linux cannot take is said", async (pods) => {
  const found = await pods.until("too-long", "a reason", ({ status }) =>
    JSON.stringify(status).includes("64 characters is the max"),
  );
  assert.is(found.status?.phase, "Pending");
  const events = await pods.events("too-long");
  assert.ok(events.some(({ reason }) => reason === "FailedCreatePodSandBox"));
});

run();
