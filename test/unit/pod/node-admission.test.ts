// refusePod(): what the node refuses, in the kubelet's words.
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { refusePod } from "../../../src/pod/node-admission.ts";
import type { Pod, PodSecurityContext, SecurityContext } from "../../../src/spec/pod.ts";

function podOf(ofPod: PodSecurityContext, ofContainer: SecurityContext = {}): Pod {
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name: "web", namespace: "default", uid: "u" },
    spec: {
      securityContext: ofPod,
      containers: [{ name: "c", image: "i", securityContext: ofContainer }],
    },
  };
}

const node = { hasAppArmor: false, allowedUnsafeSysctls: [] };
const withSysctl = (name: string) => podOf({ sysctls: [{ name, value: "1" }] });

const admission = suite("refusePod()");

admission("takes safe sysctls, and those that the node allows", () => {
  assert.is(refusePod(withSysctl("net.ipv4.tcp_syncookies"), node), undefined);
  assert.equal(refusePod(withSysctl("net/core/somaxconn"), node), {
    reason: "SysctlForbidden",
    message: 'forbidden sysctl: "net.core.somaxconn" not allowlisted',
  });
  for (const pattern of ["net.core.somaxconn", "net/core/somaxconn", "net.core.*", "net*"]) {
    const allowing = { ...node, allowedUnsafeSysctls: [pattern] };
    assert.is(refusePod(withSysctl("net.core.somaxconn"), allowing), undefined, pattern);
    assert.is(refusePod(withSysctl("kernel.msgmax"), allowing)?.reason, "SysctlForbidden");
  }
});

admission("never takes a sysctl of the whole machine", () => {
  const allowing = { ...node, allowedUnsafeSysctls: ["kernel.*", "vm.*"] };
  for (const name of ["kernel.panic", "vm.overcommit_memory", "kernel.core_pattern"]) {
    assert.is(refusePod(withSysctl(name), allowing)?.reason, "SysctlForbidden", name);
  }
  assert.is(refusePod(withSysctl("kernel.msgmax"), allowing), undefined);
});

admission("refuses profiles of AppArmor where there is none", () => {
  const profile = (type: "RuntimeDefault" | "Localhost" | "Unconfined") => ({
    appArmorProfile: { type, ...(type === "Localhost" ? { localhostProfile: "p" } : {}) },
  });
  const refused = {
    reason: "AppArmor",
    message: "Cannot enforce AppArmor: AppArmor is not enabled on the host",
  };
  for (const type of ["RuntimeDefault", "Localhost"] as const) {
    assert.equal(refusePod(podOf(profile(type)), node), refused);
    assert.equal(refusePod(podOf({}, profile(type)), node), refused);
  }
  assert.is(refusePod(podOf(profile("Unconfined"), profile("Unconfined")), node), undefined);
  const enabled = { ...node, hasAppArmor: true };
  assert.is(refusePod(podOf(profile("Localhost")), enabled), undefined);
  assert.match(
    refusePod(podOf(profile("RuntimeDefault")), enabled)?.message ?? "",
    /no default profile of its own/,
  );
});

admission.run();
