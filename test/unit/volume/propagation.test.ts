import { suite } from "uvu";
import * as assert from "uvu/assert";
import type { Pod, VolumeMount } from "../../../src/spec/pod.ts";
import { Program } from "../../../src/sys/program.ts";
import { compileVolumes } from "../../../src/volume/prepare.ts";
import { propagationOf } from "../../../src/volume/propagation.ts";
import type { VolumeHost } from "../../../src/volume/volume-kind.ts";

type Propagation = VolumeMount["mountPropagation"];

function podOf(source: object, ...asked: readonly Propagation[]): Pod {
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name: "p", namespace: "default", uid: "1f" },
    spec: {
      volumes: [{ name: "v", ...source }],
      containers: asked.map((mountPropagation, index) => ({
        name: `c${index}`,
        image: "busybox",
        volumeMounts: [
          { name: "v", mountPath: "/v", ...(mountPropagation && { mountPropagation }) },
        ],
      })),
    },
  };
}

const propagation = suite("propagationOf()");

propagation("is the most that a container asks for", () => {
  assert.is(propagationOf(podOf({}, undefined, "None"), "v"), "None");
  assert.is(propagationOf(podOf({}, "None", "HostToContainer"), "v"), "HostToContainer");
  assert.is(propagationOf(podOf({}, "HostToContainer", "Bidirectional"), "v"), "Bidirectional");
  assert.is(propagationOf(podOf({}, "Bidirectional"), "other"), "None");
});

propagation.run();

const programs = suite("compileVolumes() with mountPropagation");

/** The calls before and after the mount namespace is cut off. */
function calls(pod: Pod): readonly (readonly string[])[] {
  // Nothing of the node is asked for these kinds.
  const { open, mount } = compileVolumes({} as VolumeHost, pod, "/pods/1f/volumes");
  return [open, mount].map((part) => {
    const program = new Program("sandbox");
    part(program);
    return program.operations.map(({ name }) => name);
  });
}

programs("keeps a clone of the host's mount for Bidirectional on a hostPath only", () => {
  const host = { hostPath: { path: "/srv" } };
  assert.equal(calls(podOf(host, "Bidirectional")), [["open_tree"], ["move_mount", "close"]]);
  assert.equal(calls(podOf(host, "HostToContainer")), [[], []]);
});

programs("shares any other volume among the containers of the pod", () => {
  assert.equal(calls(podOf({ emptyDir: {} }, "HostToContainer")), [[], ["mount", "mount"]]);
  assert.equal(calls(podOf({ emptyDir: {} }, undefined)), [[], []]);
});

programs.run();
