// Who gets in over TLS.

import { Socket } from "node:net";
import { TLSSocket } from "node:tls";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { authenticate } from "../../../src/apiserver/authenticate.ts";
import type { Store } from "../../../src/store/store.ts";
import type { TokenClaims } from "../../../src/volume/service-account-tokens.ts";

const door = suite("authenticate()");

const claims: TokenClaims = {
  namespace: "shop",
  serviceAccount: { name: "default", uid: "sa-uid" },
  bound: { kind: "Pod", name: "web", uid: "pod-uid" },
  audiences: ["api"],
};

function storeWith(uids: Readonly<Record<string, string>>): Store {
  const get = (kind: string): unknown => {
    const uid = uids[kind];
    return uid === undefined ? undefined : { metadata: { uid } };
  };
  return { get } as unknown as Store;
}

const everything = ["system:masters", "system:authenticated"];

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
  assert.equal(enter(new Socket(), undefined), { name: "system:admin", groups: everything });
});

door("a certificate of administrators may do everything, another one nothing", () => {
  assert.equal(enter(tls({ O: "system:masters", CN: "kubernetes-admin" }), undefined), {
    name: "kubernetes-admin",
    groups: everything,
  });
  assert.throws(() => enter(tls({ CN: "nspod" }), undefined), /Unauthorized/);
  assert.throws(() => enter(tls(), undefined), /Unauthorized/);
});

door("a token lives as long as its account and its pod", () => {
  const user = enter(tls(), "Bearer good");
  assert.equal(user, {
    name: "system:serviceaccount:shop:default",
    groups: ["system:serviceaccounts", "system:serviceaccounts:shop", "system:authenticated"],
    uid: "sa-uid",
    extra: {
      "authentication.kubernetes.io/pod-name": ["web"],
      "authentication.kubernetes.io/pod-uid": ["pod-uid"],
    },
  });
  assert.throws(() => enter(tls(), "Bearer bad"), /Unauthorized/);
  assert.throws(() => enter(tls(), "Basic good"), /Unauthorized/);
  for (const uids of [{ ServiceAccount: "other", Pod: "pod-uid" }, { ServiceAccount: "sa-uid" }]) {
    assert.throws(() => enter(tls(), "Bearer good", storeWith(uids)), /Unauthorized/);
  }
});

door.run();
