// planMounts(): what is bound where, in which order, and what is refused.
import { suite } from "uvu";
import * as assert from "uvu/assert";
import {
  absolutePath,
  type MountPlanInput,
  planMounts,
} from "../../../src/container/mount-plan.ts";
import type { VolumeMount } from "../../../src/spec/pod.ts";
import type { PreparedVolume } from "../../../src/spec/prepared-volume.ts";
import { throwsPodError } from "./throws-pod-error.ts";

const data: PreparedVolume = {
  name: "data",
  source: "/pods/1f/volumes/data",
  kind: "emptyDir",
  isFile: false,
  nosuidNodev: true,
};
const host: PreparedVolume = {
  name: "host",
  source: "/srv/file",
  kind: "hostPath",
  isFile: true,
  nosuidNodev: false,
};

function input(
  volumeMounts: readonly VolumeMount[],
  changes: Partial<MountPlanInput> = {},
): MountPlanInput {
  return {
    container: { name: "web", image: "i", volumeMounts },
    field: "spec.containers[0]",
    privileged: false,
    readOnlyRoot: false,
    volumes: new Map([
      ["data", data],
      ["host", host],
    ]),
    files: {
      hosts: "/f/hosts",
      hostname: "/f/hostname",
      resolvConf: "/f/resolv.conf",
      terminationLog: "/f/log",
    },
    imageVolumes: [],
    variables: new Map([["POD", "web-0"]]),
    ...changes,
  };
}

const targets = (made: MountPlanInput): string[] => planMounts(made).map(({ target }) => target);

const mounts = suite("planMounts()");

mounts("binds the pod's files, of which only hosts and the log can be written", () => {
  assert.equal(
    planMounts(input([])).map(({ target, readOnly, kind }) => [target, readOnly, kind]),
    [
      ["/etc/hosts", false, "file"],
      ["/etc/hostname", true, "file"],
      ["/etc/resolv.conf", true, "file"],
      ["/dev/termination-log", false, "file"],
    ],
  );
  const [hosts] = planMounts(input([], { readOnlyRoot: true }));
  assert.is(hosts?.readOnly, true);
});

mounts("mounts shallow targets first and keeps the order of equals", () => {
  const made = input([
    { name: "data", mountPath: "/a/b/c" },
    { name: "data", mountPath: "/z" },
    { name: "data", mountPath: "/a" },
  ]);
  assert.equal(targets(made), [
    "/z",
    "/a",
    "/etc/hosts",
    "/etc/hostname",
    "/etc/resolv.conf",
    "/dev/termination-log",
    "/a/b/c",
  ]);
});

mounts("leaves its own files out where the pod mounts something", () => {
  const made = input([{ name: "host", mountPath: "/etc/resolv.conf" }]);
  const [found, ...more] = planMounts(made).filter(({ target }) => target === "/etc/resolv.conf");
  assert.is(found?.source, "/srv/file");
  assert.equal(more, []);
});

mounts("makes directories below an emptyDir as open as the emptyDir", () => {
  const [made] = planMounts(input([{ name: "data", mountPath: "/d", subPath: "./a//b/" }]));
  assert.is(made?.subPath, "a/b");
  assert.is(made?.subPathMode, 0o777);
  assert.is(made?.kind, "source");
  assert.ok(made?.nosuidNodev);
});

mounts("expands subPathExpr with the container's variables, strictly", () => {
  const subPathExpr = (text: string) =>
    planMounts(input([{ name: "data", mountPath: "/d", subPathExpr: text }]));
  assert.is(subPathExpr("logs/$(POD)")[0]?.subPath, "logs/web-0");
  assert.is(subPathExpr("$$(POD)")[0]?.subPath, "$(POD)");
  for (const [text, words] of [
    ["$(NONE)/$(OTHER)", 'no value for variable "NONE", "OTHER"'],
    ["../$(POD)", 'must not contain "..": got "../web-0"'],
    ["/$(POD)", 'must be a relative path: got "/web-0"'],
  ] as const) {
    const message = `spec.containers[0].volumeMounts[0].subPathExpr: ${words}`;
    throwsPodError(() => subPathExpr(text), "CreateContainerConfigError", message);
  }
});

mounts(
  "readOnly is as deep as recursiveReadOnly says, and a volume may be read-only itself",
  () => {
    const depth = (mount: Partial<VolumeMount>, volume: Partial<PreparedVolume> = {}) => {
      const volumes = new Map([["data", { ...data, ...volume }]]);
      const [made] = planMounts(input([{ name: "data", mountPath: "/d", ...mount }], { volumes }));
      return [made?.readOnly, made?.recursiveReadOnly];
    };
    assert.equal(depth({}), [false, false]);
    assert.equal(depth({ readOnly: true }), [true, false]);
    assert.equal(depth({ readOnly: true, recursiveReadOnly: "Disabled" }), [true, false]);
    assert.equal(depth({ readOnly: true, recursiveReadOnly: "IfPossible" }), [true, true]);
    assert.equal(depth({ readOnly: true, recursiveReadOnly: "Enabled" }), [true, true]);
    assert.equal(depth({}, { readOnly: true }), [true, false]);
  },
);

mounts("propagation is private unless it is asked for", () => {
  const propagation = (mountPropagation?: "None" | "HostToContainer" | "Bidirectional") =>
    planMounts(
      input([{ name: "data", mountPath: "/d", ...(mountPropagation && { mountPropagation }) }]),
    )[0]?.propagation;
  assert.equal(
    [
      propagation(),
      propagation("None"),
      propagation("HostToContainer"),
      propagation("Bidirectional"),
    ],
    ["private", "private", "slave", "shared"],
  );
});

mounts(
  "binds an image's volume on itself, unless the pod mounts there or it is none of its business",
  () => {
    const imageVolumes = [
      "/var/lib/db",
      "/../../etc/ssl/",
      "/proc",
      "/sys/x",
      "/dev/y",
      "/",
      "/taken",
    ];
    const made = planMounts(input([{ name: "data", mountPath: "/taken" }], { imageVolumes }));
    const own = made.filter(({ source }) => source === undefined);
    assert.equal(
      own.map(({ target }) => target),
      ["/etc/ssl", "/var/lib/db"],
    );
  },
);

for (const mountPath of [
  "/proc",
  "/proc/sys",
  "/sys",
  "/sys/fs/cgroup",
  "/dev",
  "/",
  "/x/../proc",
]) {
  mounts(`refuses a volume on ${mountPath}`, () => {
    assert.throws(
      () => planMounts(input([{ name: "data", mountPath }])),
      /^spec\.containers\[0\]\.volumeMounts\[0\]\.mountPath: .*: got "/,
    );
  });
}

mounts("lets a privileged container have volumes on /sys and /dev, never on /proc", () => {
  const made = (mountPath: string) =>
    targets(input([{ name: "data", mountPath }], { privileged: true }));
  assert.ok(made("/sys").includes("/sys"));
  assert.ok(made("/dev").includes("/dev"));
  assert.throws(() => made("/proc/acpi"));
});

mounts("lets everyone have a volume below /dev", () => {
  assert.ok(targets(input([{ name: "data", mountPath: "/dev/shm" }])).includes("/dev/shm"));
});

mounts("names the field of a volume that the pod does not have", () => {
  throwsPodError(
    () => planMounts(input([{ name: "nope", mountPath: "/x" }])),
    "CreateContainerConfigError",
    'spec.containers[0].volumeMounts[0].name: no volume "nope" in this pod',
  );
});

mounts("makes paths absolute and clean", () => {
  assert.is(absolutePath("data"), "/data");
  assert.is(absolutePath("//a/./b/../c/"), "/a/c");
  assert.is(absolutePath("/../.."), "/");
  assert.is(absolutePath(""), "/");
});

mounts.run();
