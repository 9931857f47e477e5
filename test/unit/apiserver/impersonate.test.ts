import { suite } from "uvu";
import * as assert from "uvu/assert";
import type { User } from "../../../src/apiserver/authenticate.ts";
import { impersonated, subjectOf } from "../../../src/apiserver/impersonate.ts";

const admin: User = { name: "kubernetes-admin", groups: ["system:masters"] };
const account: User = { ...subjectOf("system:serviceaccount:shop:robot"), uid: "1" };

const test = suite("impersonated()");

test("leaves a request without such headers to who sent it", () => {
  assert.is(impersonated(account, { headersDistinct: { accept: ["*/*"] } }), account);
});

test("is for administrators only", () => {
  const headersDistinct = { "impersonate-user": ["jane"] };
  assert.equal(impersonated(admin, { headersDistinct }), {
    name: "jane",
    groups: ["system:authenticated"],
  });
  for (const headers of [headersDistinct, { "impersonate-group": ["system:masters"] }]) {
    assert.throws(
      () => impersonated(account, { headersDistinct: headers }),
      (error: { code?: number; message: string }) =>
        error.code === 403 && error.message.includes('cannot impersonate resource "users"'),
    );
  }
});

test("keeps nothing of who sent the request", () => {
  const headersDistinct = { "impersonate-user": ["system:serviceaccount:a:b"] };
  assert.equal(impersonated({ ...admin, uid: "7", extra: { a: ["b"] } }, { headersDistinct }), {
    name: "system:serviceaccount:a:b",
    groups: ["system:serviceaccounts", "system:serviceaccounts:a", "system:authenticated"],
  });
});

test.run();
