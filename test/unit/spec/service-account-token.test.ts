import { suite } from "uvu";
import * as assert from "uvu/assert";
import type { Container, Pod, PodSpec } from "../../../src/spec/pod.ts";
import { keepToken, mountToken } from "../../../src/spec/service-account-token.ts";

const folder = "/var/run/secrets/kubernetes.io/serviceaccount";
const mount = { name: "kube-api-access-abcde", mountPath: folder, readOnly: true };

function container(name: string, more: Partial<Container> = {}): Container {
  return { name, image: "busybox", ...more };
}

const mountsOf = (spec: PodSpec) =>
  [...(spec.initContainers ?? []), ...spec.containers].map(({ volumeMounts }) => volumeMounts);

const mounts = suite("mountToken()");

mounts("adds token, certificate and namespace to every container and init container", () => {
  const data = { name: "data", mountPath: "/data" };
  const spec = mountToken(
    {
      initContainers: [container("first", { volumeMounts: [data] })],
      containers: [container("main"), container("side")],
      volumes: [{ name: "data", emptyDir: {} }],
    },
    "abcde",
  );
  assert.equal(mountsOf(spec), [[data, mount], [mount], [mount]]);
  assert.equal(spec.volumes, [
    { name: "data", emptyDir: {} },
    {
      name: "kube-api-access-abcde",
      projected: {
        sources: [
          { serviceAccountToken: { expirationSeconds: 3607, path: "token" } },
          {
            configMap: { name: "kube-root-ca.crt", items: [{ key: "ca.crt", path: "ca.crt" }] },
          },
          {
            downwardAPI: {
              items: [
                {
                  path: "namespace",
                  fieldRef: { apiVersion: "v1", fieldPath: "metadata.namespace" },
                },
              ],
            },
          },
        ],
      },
    },
  ]);
});

mounts("leaves debug containers as they are, as Kubernetes does", () => {
  const debug = { name: "debug", image: "busybox" };
  const spec = mountToken({ containers: [container("a")], ephemeralContainers: [debug] }, "abcde");
  assert.equal(spec.ephemeralContainers, [debug]);
});

mounts("adds nothing where something is mounted there already", () => {
  const own = { name: "own", mountPath: folder };
  const spec: PodSpec = {
    containers: [container("main", { volumeMounts: [own] })],
    volumes: [{ name: "own", emptyDir: {} }],
  };
  assert.is(mountToken(spec, "abcde"), spec);
  const two = mountToken({ ...spec, containers: [...spec.containers, container("b")] }, "abcde");
  assert.equal(mountsOf(two), [[own], [mount]]);
});

mounts("takes a volume of this name that is there", () => {
  const volumes = [{ name: "kube-api-access-mine", emptyDir: {} }];
  const spec = mountToken({ containers: [container("main")], volumes }, "abcde");
  assert.equal(spec.volumes, volumes);
  assert.equal(mountsOf(spec), [[{ ...mount, name: "kube-api-access-mine" }]]);
});

mounts.run();

const keep = suite("keepToken()");

function pod(spec: PodSpec): Pod {
  return { apiVersion: "v1", kind: "Pod", metadata: { name: "a", namespace: "d", uid: "u" }, spec };
}

keep("gives a pod that is replaced by its manifest the token that it has", () => {
  const manifest = pod({ initContainers: [container("first")], containers: [container("main")] });
  const stored = pod(mountToken(manifest.spec, "abcde"));
  assert.equal(keepToken(manifest, stored), stored);
  assert.equal(keepToken(stored, stored), stored);
});

keep("leaves a pod without a token alone, and containers that it did not have", () => {
  const manifest = pod({ containers: [container("main")] });
  assert.equal(keepToken(manifest, manifest), manifest);
  const stored = pod(mountToken(manifest.spec, "abcde"));
  const renamed = keepToken(pod({ containers: [container("other")] }), stored);
  assert.equal(mountsOf(renamed.spec), [undefined]);
});

keep.run();
