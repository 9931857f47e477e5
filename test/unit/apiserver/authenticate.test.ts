// Who gets in over TLS, and what a service account may do there.

import { Socket } from "node:net";
import { TLSSocket } from "node:tls";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { authenticate, authorize, type TokenClaims } from "../../../src/apiserver/authenticate.ts";
import type { Store } from "../../../src/store/store.ts";

const door = suite("authenticate() and authorize()");

const claims: TokenClaims = {
  namespace: "shop",
  serviceAccount: { name: "default", uid: "sa-uid" },
  pod: { name: "web", uid: "pod-uid" },
};

function storeWith(uids: Readonly<Record<string, string>>): Store {
  const get = (kind: string): unknown => {
    const uid = uids[kind];
    return uid === undefined ? undefined : { metadata: { uid } };
  };
  return { get } as unknown as Store;
}

const alive = storeWith({ ServiceAccount: "sa-uid", Pod: "pod-uid" });

function enter(socket: Socket, authorization: string | undefined, store: Store = alive) {
  const readToken = (text: string) => (text === "good" ? claims : undefined);
  const headers = authorization === undefined ? {} : { authorization };
  return authenticate({ socket, headers }, { store, readToken, nowMs: 0 });
}

function tls(subject?: object): TLSSocket {
  const socket = new TLSSocket(new Socket());
  return Object.assign(socket, {
    authorized: subject !== undefined,
    getPeerCertificate: () => ({ subject }),
  });
}

door("the unix socket is root's", () => {
  assert.equal(enter(new Socket(), undefined), { name: "system:admin" });
});

door("a certificate of administrators may do everything, another one nothing", () => {
  assert.equal(enter(tls({ O: "system:masters", CN: "kubernetes-admin" }), undefined), {
    name: "kubernetes-admin",
  });
  assert.throws(() => enter(tls({ CN: "nspod" }), undefined), /Unauthorized/);
  assert.throws(() => enter(tls(), undefined), /Unauthorized/);
});

door("a token lives as long as its account and its pod", () => {
  const user = enter(tls(), "Bearer good");
  assert.equal(user, { name: "system:serviceaccount:shop:default", namespace: "shop" });
  assert.throws(() => enter(tls(), "Bearer bad"), /Unauthorized/);
  assert.throws(() => enter(tls(), "Basic good"), /Unauthorized/);
  for (const uids of [{ ServiceAccount: "other", Pod: "pod-uid" }, { ServiceAccount: "sa-uid" }]) {
    assert.throws(() => enter(tls(), "Bearer good", storeWith(uids)), /Unauthorized/);
  }
});

door(
  "a service account reads its own namespace without secrets, and what is about the server",
  () => {
    const may = (method: string, path: string, namespace = ""): boolean => {
      try {
        authorize({ name: "sa", namespace: "shop" }, { method, path, namespace });
        return true;
      } catch (error) {
        assert.is((error as { code?: number }).code, 403);
        return false;
      }
    };
    const own = "/api/v1/namespaces/{namespace}";
    assert.ok(may("GET", `${own}/pods`, "shop"));
    assert.ok(may("GET", `${own}/pods/{name}/log`, "shop"));
    for (const path of ["/api", "/api/v1", "/apis", "/apis/apps/v1", "/version", "/openapi/v2"]) {
      assert.ok(may("GET", path), path);
    }
    assert.not(may("GET", `${own}/pods`, "other"));
    assert.not(may("GET", `${own}/secrets`, "shop"));
    assert.not(may("GET", `${own}/secrets/{name}`, "shop"));
    assert.not(may("GET", `${own}/pods/{name}/exec`, "shop"));
    assert.not(may("GET", "/nspod/v1/namespaces/{namespace}/pods/{name}/copy", "shop"));
    assert.not(may("POST", `${own}/pods`, "shop"));
    assert.not(may("DELETE", `${own}/pods/{name}`, "shop"));
    for (const path of ["/api/v1/pods", "/api/v1/nodes/{name}", "/apis/apps/v1/deployments"]) {
      assert.not(may("GET", path), path);
    }
    for (const path of ["/nspod/v1/system/info", "/nspod/v1/images"]) {
      assert.not(may("GET", path), path);
    }
  },
);

door.run();
