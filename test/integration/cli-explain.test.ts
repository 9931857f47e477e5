// Promise: the command line describes every kind and field that the daemon takes, and lists what there is.
import * as assert from "uvu/assert";
import { resources } from "../../src/spec/resources.ts";
import { podSuite } from "../support/pod-suite.ts";
import { requires } from "../support/requires.ts";

requires("root");

const { test, run } = podSuite("explain from the command line");

test("explain describes fields with the words of Kubernetes", async ({ instance }) => {
  const text = await instance.must(["explain", "pod.spec.containers"]);
  assert.match(text, /^KIND: {7}Pod\nVERSION: {4}v1\n\nFIELD: containers <\[\]Container>\n/);
  assert.match(text, "\n    List of containers belonging to the pod.");
  assert.match(text, /\n {2}name\t<string> -required-\n {4}\S/);
  const names = await instance.must(["explain", "deployment.apps", "--recursive"]);
  assert.match(names, /^GROUP: {6}apps\nKIND: {7}Deployment\n/);
  assert.match(
    names,
    "\n        containers\t<[]Container> -required-\n          args\t<[]string>\n",
  );
  const { code, stderr } = await instance.nspod(["explain", "pod.spec.contaners"]);
  assert.is(code, 1);
  assert.is(stderr, 'nspod: field "contaners" does not exist: did you mean "containers"?\n');
});

test("api-resources and api-versions list what is served", async ({ instance }) => {
  const lines = (await instance.must(["api-resources"])).split("\n");
  assert.match(lines[0] ?? "", /^NAME +SHORTNAMES +APIVERSION +NAMESPACED +KIND$/);
  for (const { plural, kind, apiVersion } of resources) {
    assert.ok(
      lines.some((line) => {
        const words = line.split(/ +/);
        return words[0] === plural && words.at(-1) === kind && words.includes(apiVersion);
      }),
      kind,
    );
  }
  const cluster = await instance.must(["api-resources", "--namespaced=false", "-o", "name"]);
  assert.match(cluster, /^namespaces$/m);
  assert.not.match(cluster, /^pods$/m);
  const wide = await instance.must(["api-resources", "--api-group=apps", "-o", "wide"]);
  assert.match(wide, /\ndeployments .*create,delete,deletecollection,get.* all\n/);
  const versions = (await instance.must(["api-versions"])).trimEnd().split("\n");
  assert.equal(versions, [...versions].sort());
  for (const version of ["v1", "apps/v1", "batch/v1"]) assert.ok(versions.includes(version));
});

run();
