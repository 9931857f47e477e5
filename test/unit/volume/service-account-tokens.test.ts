import { createPublicKey, verify } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import {
  ServiceAccountTokens,
  type TokenRequest,
  tokenIssuer,
} from "../../../src/volume/service-account-tokens.ts";

const request: TokenRequest = {
  namespace: "shop",
  serviceAccount: { name: "robot", uid: "sa" },
  pod: { name: "web", uid: "pod" },
  nodeName: "node",
  audience: "vault",
  expirationSeconds: 3600,
};

const test = suite("ServiceAccountTokens");
let folder = "";

test.before.each(() => {
  folder = mkdtempSync(join(tmpdir(), "nspod-tokens-"));
});
test.after.each(() => rmSync(folder, { recursive: true }));

test("signs with a key of the instance that only root reads", () => {
  const keyFile = join(folder, "key");
  const { text } = new ServiceAccountTokens(keyFile).get(request, 1_000_000_500);
  assert.is(statSync(keyFile).mode & 0o777, 0o600);
  const [header = "", claims = "", signature = ""] = text.split(".");
  const isGenuine = verify(
    "sha256",
    Buffer.from(`${header}.${claims}`),
    { key: createPublicKey(readFileSync(keyFile, "utf8")), dsaEncoding: "ieee-p1363" },
    Buffer.from(signature, "base64url"),
  );
  assert.ok(isGenuine);
  const said = JSON.parse(Buffer.from(claims, "base64url").toString()) as Record<string, unknown>;
  assert.is(typeof said["jti"], "string");
  assert.equal(
    { ...said, jti: "" },
    {
      aud: ["vault"],
      exp: 1_003_600,
      iat: 1_000_000,
      iss: "https://kubernetes.default.svc.cluster.local",
      jti: "",
      "kubernetes.io": {
        namespace: "shop",
        node: { name: "node" },
        pod: { name: "web", uid: "pod" },
        serviceaccount: { name: "robot", uid: "sa" },
      },
      nbf: 1_000_000,
      sub: "system:serviceaccount:shop:robot",
    },
  );
});

test("the key survives the daemon", () => {
  const keyFile = join(folder, "key");
  const header = (): unknown =>
    new ServiceAccountTokens(keyFile).get(request, 0).text.split(".")[0];
  assert.is(header(), header());
});

test("a token is kept for four fifths of its life, at most a day", () => {
  const tokens = new ServiceAccountTokens(join(folder, "key"));
  const first = tokens.get(request, 0);
  assert.is(first.refreshAtMs, 2_880_000);
  assert.is(tokens.get(request, 2_879_999).text, first.text);
  assert.is.not(tokens.get({ ...request, audience: "other" }, 0).text, first.text);
  const second = tokens.get(request, 2_880_000);
  assert.is.not(second.text, first.text);
  const long = tokens.get({ ...request, expirationSeconds: 10 ** 7 }, 0);
  assert.is(long.refreshAtMs, 86_400_000);
  // A clock that was set back by years.
  assert.is.not(tokens.get(request, -(10 ** 10)).text, second.text);
});

test("reads what it has signed for the API server, while it is valid", () => {
  const tokens = new ServiceAccountTokens(join(folder, "key"));
  const wish = { ...request, audience: tokenIssuer };
  const { text } = tokens.get(wish, 0);
  const { namespace, serviceAccount, pod } = wish;
  assert.equal(tokens.read(text, 1000), {
    namespace,
    serviceAccount,
    bound: { kind: "Pod", ...pod },
    audiences: [tokenIssuer],
  });
  assert.is(tokens.read(text, wish.expirationSeconds * 1000), undefined);
  assert.is(tokens.read(tokens.get(request, 0).text, 1000), undefined);
  const other = new ServiceAccountTokens(join(folder, "other"));
  assert.is(other.read(text, 1000), undefined);
  for (const wrong of ["", "a.b.c", `${text}x.y`, `x${text}`]) {
    assert.is(tokens.read(wrong, 1000), undefined);
  }
});

test("reads for whom a token is, and what it is bound to", () => {
  const tokens = new ServiceAccountTokens(join(folder, "key"));
  const { namespace, serviceAccount, expirationSeconds } = request;
  const audiences = ["vault", "bank"];
  for (const bound of [
    undefined,
    { kind: "Pod", name: "web", uid: "1" },
    { kind: "Secret", name: "key", uid: "2" },
    { kind: "Node", name: "n1", uid: "3" },
  ] as const) {
    const claims = { namespace, serviceAccount, audiences, ...(bound && { bound }) };
    const text = tokens.issue({ ...claims, expirationSeconds }, 0);
    assert.equal(tokens.read(text, 0, ["bank", "vault", "shop"]), {
      ...claims,
      audiences: ["bank", "vault"],
    });
    assert.is(tokens.read(text, 0, ["shop"]), undefined);
    assert.is(tokens.read(text, 0), undefined);
  }
});

test.run();
