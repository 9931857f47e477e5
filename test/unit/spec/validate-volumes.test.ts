// Volumes and mounts besides those of validate-pod.test.ts.
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { defaultVolume } from "../../../src/spec/default-volume.ts";
import { IssueList } from "../../../src/spec/field-issue.ts";
import type { Container, Volume, VolumeMount } from "../../../src/spec/pod.ts";
import { validateVolumeMounts } from "../../../src/spec/validate-volume-mounts.ts";
import { validateVolumes } from "../../../src/spec/validate-volumes.ts";

function aboutVolume(source: Omit<Volume, "name">): string[] {
  const { issues, report } = new IssueList();
  validateVolumes([{ name: "v", ...source }], report);
  return issues.map(({ path, message }) => `${path.replace("spec.volumes[0].", "")}: ${message}`);
}

function aboutMount(
  mount: Partial<VolumeMount>,
  securityContext: NonNullable<Container["securityContext"]> = {},
): string[] {
  const { issues, report } = new IssueList();
  const volumeMounts = [{ name: "v", mountPath: "/v", ...mount }];
  validateVolumeMounts({ volumeMounts, securityContext }, new Set(["v"]), "c", report);
  return issues.map(({ path, message }) => `${path.replace("c.volumeMounts[0].", "")}: ${message}`);
}

const claimSpec = {
  accessModes: ["ReadWriteOnce"],
  resources: { requests: { storage: "1Gi" } },
} as const;
const metadata = { name: "", namespace: "", uid: "" };

const volumes = suite("validateVolumes()");

volumes("takes every kind", () => {
  assert.equal(aboutVolume({ persistentVolumeClaim: { claimName: "data.1" } }), []);
  const volumeClaimTemplate = { metadata, spec: claimSpec };
  assert.equal(aboutVolume({ ephemeral: { volumeClaimTemplate } }), []);
  assert.equal(aboutVolume({ image: { reference: "reg.example/a:1" } }), []);
  for (const medium of ["", "Memory", "HugePages", "HugePages-2Mi", "HugePages-1Gi"]) {
    assert.equal(aboutVolume({ emptyDir: { medium } }), []);
  }
});

volumes("complains about names and choices", () => {
  assert.match(
    aboutVolume({ persistentVolumeClaim: { claimName: "Data" } })[0] ?? "",
    "persistentVolumeClaim.claimName: ",
  );
  assert.equal(aboutVolume({ ephemeral: {} }), ["ephemeral.volumeClaimTemplate: is required"]);
  const template = { metadata, spec: { accessModes: [] } };
  assert.is(aboutVolume({ ephemeral: { volumeClaimTemplate: template } }).length, 2);
  assert.equal(aboutVolume({ image: {} }), ["image.reference: must name an image"]);
  assert.match(
    aboutVolume({ image: { reference: "a b" } })[0] ?? "",
    "image.reference: must not contain spaces",
  );
  for (const medium of ["memory", "Disk", "HugePages-", "HugePages-0Mi", "HugePages-2MiB"]) {
    assert.match(aboutVolume({ emptyDir: { medium } })[0] ?? "", "emptyDir.medium: must be one of");
  }
});

volumes("a volume has one source", () => {
  const two = { emptyDir: {}, persistentVolumeClaim: { claimName: "a" } };
  assert.match(
    aboutVolume(two)[0] ?? "",
    "must have one source: got emptyDir and persistentVolumeClaim",
  );
});

volumes.run();

const mounts = suite("validateVolumeMounts()");

mounts("Bidirectional is for privileged containers", () => {
  const both = { mountPropagation: "Bidirectional" } as const;
  assert.is(aboutMount(both).length, 1);
  assert.equal(aboutMount(both, { privileged: true }), []);
  assert.equal(aboutMount({ mountPropagation: "HostToContainer" }), []);
});

mounts("recursiveReadOnly goes with readOnly and without propagation", () => {
  const readOnly = true;
  for (const recursiveReadOnly of ["IfPossible", "Enabled"]) {
    assert.equal(aboutMount({ readOnly, recursiveReadOnly }), []);
    assert.equal(aboutMount({ readOnly, recursiveReadOnly, mountPropagation: "None" }), []);
    assert.equal(aboutMount({ recursiveReadOnly }), [
      "recursiveReadOnly: may only be given when readOnly is true",
    ]);
    const propagated = {
      readOnly,
      recursiveReadOnly,
      mountPropagation: "HostToContainer",
    } as const;
    assert.equal(aboutMount(propagated), [
      "recursiveReadOnly: may only be given when mountPropagation is None",
    ]);
  }
  assert.equal(aboutMount({ recursiveReadOnly: "Disabled" }), []);
  assert.match(aboutMount({ recursiveReadOnly: "Yes" })[0] ?? "", "must be one of");
});

mounts("subPath and subPathExpr exclude each other and stay inside", () => {
  assert.equal(aboutMount({ subPathExpr: "$(A)/b" }), []);
  assert.is(aboutMount({ subPath: "a", subPathExpr: "b" }).length, 1);
  assert.match(aboutMount({ subPathExpr: "../a" })[0] ?? "", "subPathExpr: must not contain");
  assert.match(aboutMount({ subPathExpr: "/a" })[0] ?? "", "subPathExpr: must be a relative path");
});

mounts.run();

const defaults = suite("defaultVolume()");

defaults("is an emptyDir when it names no source, and nothing else otherwise", () => {
  assert.equal(defaultVolume({ name: "v" }), { name: "v", emptyDir: {} });
  const secret = { name: "v", persistentVolumeClaim: { claimName: "a" } };
  assert.equal(defaultVolume(secret), secret);
});

defaults("an image is always pulled by the tag latest", () => {
  const policy = (reference: string) =>
    defaultVolume({ name: "v", image: { reference } }).image?.pullPolicy;
  assert.is(policy("a"), "Always");
  assert.is(policy("a:latest"), "Always");
  assert.is(policy("a:1"), "IfNotPresent");
});

defaults("the claim in a template gets the defaults of claims", () => {
  const volumeClaimTemplate = { metadata, spec: claimSpec };
  const { ephemeral } = defaultVolume({ name: "v", ephemeral: { volumeClaimTemplate } });
  assert.is(ephemeral?.volumeClaimTemplate?.spec.volumeMode, "Filesystem");
});

defaults.run();
