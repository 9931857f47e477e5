// Promise: a container's variables are what the manifest says they come from, and one whose source
// is missing waits for it, saying so in the words of the kubelet.
import { hostname, totalmem } from "node:os";
import * as assert from "uvu/assert";
import { isPodError } from "../../src/base/errors.ts";
import { podSuite } from "../support/pod-suite.ts";
import { shell, sleeper, statusOf } from "../support/pods.ts";
import { requires } from "../support/requires.ts";

requires("root");

const { test, run } = podSuite("environment", "busybox");

function parse(text: string): Readonly<Record<string, string>> {
  return Object.fromEntries(
    text
      .split("\n")
      .filter((line) => line.includes("="))
      .map((line) => [line.slice(0, line.indexOf("=")), line.slice(line.indexOf("=") + 1)]),
  );
}

test("a container sees variables from every source, and so does what is started in it", async (pods) => {
  await pods.createManifest("environment");
  const pod = await pods.until("environment", "its container to run", (each) =>
    Boolean(statusOf(each, "main").state?.running),
  );
  // Not through a shell: some drop variables whose names they cannot use.
  const started = async (): Promise<string> =>
    await pods.instance.must(["exec", "environment", "-c", "main", "--", "env"]);
  const seen = parse(await started());
  const { podIP = "", hostIP = "" } = pod.status ?? {};
  const expected: Readonly<Record<string, string>> = {
    COLOUR: "green",
    text: "$(COLOUR) and $$",
    "with.dots-and_dashes": "odd",
    S_PASSWORD: "s3cret $(COLOUR)",
    S_COLOUR: "red",
    POD_NAME: "environment",
    POD_NAMESPACE: "default",
    POD_UID: pod.metadata.uid,
    POD_APP: "environment",
    POD_NOTE: "two words",
    NODE_NAME: hostname(),
    ACCOUNT: "env-robot",
    HOST_IP: hostIP,
    HOST_IPS: hostIP,
    POD_IP: podIP,
    POD_IPS: podIP,
    CPU_LIMIT: "2",
    CPU_REQUEST: "100",
    MEMORY_LIMIT: "64",
    KEY: "$(COLOUR) and $$",
    SECRET: "s3cret $(COLOUR)",
    FROM_FILE: "as #it is",
    TOGETHER: "environment/blue/s3cret $(COLOUR)/$(NO_KEY)/$(COLOUR)",
  };
  for (const [name, value] of Object.entries(expected)) assert.is(seen[name], value, name);
  for (const name of ["NO_KEY", "NO_SECRET", "NO_FILE"]) assert.is(seen[name], undefined, name);
  assert.match(podIP, /^10\./);
  const kibibytes = Number(seen["NODE_MEMORY"]);
  assert.ok(kibibytes > 0 && kibibytes <= Math.ceil(totalmem() / 1024), seen["NODE_MEMORY"]);
  // exec runs with what the first process got, not with what the objects say by now.
  await pods.patch("ConfigMap", "env-settings", { data: { text: "changed" } });
  assert.is(parse(await started())["text"], "$(COLOUR) and $$");
  const first = parse(await pods.ask("environment", "tr '\\0' '\\n' </proc/1/environ", "main"));
  for (const [name, value] of Object.entries(expected)) assert.is(first[name], value, name);
  assert.is(await pods.log("environment", "main"), "environment red\n");
  await pods.delete("environment");
});

test("a missing object keeps the container waiting, and its arrival starts it at once", async (pods) => {
  const waiting = (message: string): Promise<unknown> =>
    pods.until("patient", message, (pod) => {
      const state = statusOf(pod, "main").state?.waiting;
      return state?.reason === "CreateContainerConfigError" && state.message === message;
    });
  await waiting('secret "later" not found');
  await pods.createObject({
    kind: "Secret",
    ...{ apiVersion: "v1", metadata: { name: "later" }, stringData: { LATER: "two" } },
  });
  await waiting('configmap "late" not found');
  const late = { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "late" } };
  await pods.createObject({ ...late, ...{ data: { other: "x" } } });
  await waiting("couldn't find key word in ConfigMap default/late");
  const before = Date.now();
  await pods.patch("ConfigMap", "late", { data: { word: "one" } });
  await pods.untilEnded("patient");
  // The retry by time alone would come after 20 s and more.
  assert.ok(Date.now() - before < 8_000);
  assert.is(await pods.log("patient"), "one two\n");
  const failed = (await pods.events("patient")).filter(({ reason }) => reason === "Failed");
  assert.ok(failed.some(({ message }) => message === 'Error: secret "later" not found'));
  await pods.delete("patient");
});

test("a pod may be created only for a service account that is there", async (pods) => {
  const spec = { serviceAccountName: "nobody", containers: [shell("main", "true")] };
  try {
    await pods.create("orphan", spec);
    assert.unreachable("the pod was created");
  } catch (error) {
    assert.ok(isPodError(error, "PermissionDenied"), String(error));
    assert.is(
      error.message,
      'pods "orphan" is forbidden: error looking up service account default/nobody: serviceaccount "nobody" not found',
    );
  }
});

// What a container writes into a volume must not lead the node to other files, nor hold it up.
for (const [words, command] of [
  ["a link to a file of the node", "ln -s /etc/hostname /scratch/env"],
  ["a folder that is a link", "ln -s /etc /scratch/etc; ln -s etc/hostname /scratch/env"],
  ["a FIFO", "mkfifo /scratch/env"],
  ["a directory", "mkdir /scratch/env"],
  ["a device", "mknod /scratch/env c 1 5"],
  ["a file without end", "dd if=/dev/zero of=/scratch/env bs=1M count=4"],
  ["no variables", "echo A=1 > /scratch/env"],
] as const) {
  test(`a file of variables that is ${words} is an error of the container`, async (pods) => {
    const name = `hostile-${words.replace(/[^a-z]+/g, "-")}`.replace(/-$/, "");
    const valueFrom = { fileKeyRef: { volumeName: "scratch", path: "env", key: "A" } };
    await pods.create(name, {
      volumes: [{ name: "scratch", emptyDir: {} }],
      initContainers: [
        shell("trap", command, {
          volumeMounts: [{ name: "scratch", mountPath: "/scratch" }],
          securityContext: { capabilities: { add: ["MKNOD"] } },
        }),
      ],
      containers: [sleeper("main", { env: [{ name: "A", valueFrom }] })],
    });
    const pod = await pods.until(
      name,
      "the refusal",
      (each) => statusOf(each, "main").state?.waiting?.reason === "CreateContainerConfigError",
    );
    const message = statusOf(pod, "main").state?.waiting?.message ?? "";
    assert.match(message, /env/);
    assert.not.match(message, new RegExp(hostname()));
    await pods.delete(name);
  });
}

run();
