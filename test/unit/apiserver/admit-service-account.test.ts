import { suite } from "uvu";
import * as assert from "uvu/assert";
import { admitServiceAccount } from "../../../src/apiserver/admit-service-account.ts";
import { isPodError } from "../../../src/base/errors.ts";
import type { ServiceAccount } from "../../../src/spec/kubernetes.gen.ts";
import type { Pod, PodSpec } from "../../../src/spec/pod.ts";
import type { Store } from "../../../src/store/store.ts";

const test = suite("admitServiceAccount()");

function admit(
  spec: Partial<PodSpec>,
  account: Partial<ServiceAccount> | undefined,
  mountsTokens = true,
): PodSpec {
  const get = (kind: string, namespace: string, name: string) => {
    assert.equal([kind, namespace], ["ServiceAccount", "shop"]);
    return account?.metadata?.name === name || name === "default" ? account : undefined;
  };
  const store = { get } as unknown as Store;
  const pod: Pod = {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name: "web", namespace: "shop", uid: "" },
    spec: { containers: [{ name: "main", image: "busybox" }], ...spec },
  };
  return admitServiceAccount({ store, mountsTokens }, pod).spec;
}

function hasToken(...given: Parameters<typeof admit>): boolean {
  const { volumes = [], containers } = admit(...given);
  const [volume] = volumes;
  assert.is(containers[0]?.volumeMounts?.[0]?.name, volume?.name);
  return /^kube-api-access-[a-z0-9]{5}$/.test(volume?.name ?? "");
}

test("the pod decides on its token, then its account, and both may be silent", () => {
  for (const [pod, account, expected] of [
    [undefined, undefined, true],
    [undefined, true, true],
    [undefined, false, false],
    [true, false, true],
    [false, true, false],
  ] as const) {
    const field = (value: boolean | undefined) =>
      value === undefined ? {} : { automountServiceAccountToken: value };
    assert.is(hasToken(field(pod), field(account)), expected, `${pod} ${account}`);
  }
});

test("there is no token where pods cannot reach the API", () => {
  assert.not(hasToken({ automountServiceAccountToken: true }, {}, false));
});

test("an account that does not exist forbids the pod, but for the one that every namespace has", () => {
  assert.ok(hasToken({}, undefined));
  assert.throws(
    () => admit({ serviceAccountName: "robot" }, undefined),
    (error: unknown) =>
      isPodError(error, "PermissionDenied") &&
      error.message ===
        'pods "web" is forbidden: error looking up service account shop/robot: serviceaccount "robot" not found',
  );
});

test("image pull secrets of the account are for pods that name none", () => {
  const account = { imagePullSecrets: [{ name: "registry" }] };
  assert.equal(admit({}, account).imagePullSecrets, account.imagePullSecrets);
  assert.equal(admit({ imagePullSecrets: [] }, account).imagePullSecrets, account.imagePullSecrets);
  const own = [{ name: "own" }];
  assert.equal(admit({ imagePullSecrets: own }, account).imagePullSecrets, own);
  assert.is(admit({}, {}).imagePullSecrets, undefined);
});

test.run();
