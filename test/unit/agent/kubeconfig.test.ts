import { suite } from "uvu";
import * as assert from "uvu/assert";
import { accessOf } from "../../../src/agent/kubeconfig.ts";

const access = suite("accessOf()");

const base64 = (text: string): string => Buffer.from(text).toString("base64");
const files = (name: string): string => `content of ${name}`;

function config(cluster: object, user: object): Parameters<typeof accessOf>[0] {
  return {
    "current-context": "c",
    contexts: [{ name: "c", context: { cluster: "k", user: "u" } }],
    clusters: [{ name: "k", cluster }],
    users: [{ name: "u", user }],
  };
}

const server = "https://192.0.2.1:6443";

access("takes certificates as data, and out of files", () => {
  const asData = config(
    { server, "certificate-authority-data": base64("ca"), "tls-server-name": "kubernetes" },
    { "client-certificate-data": base64("crt"), "client-key-data": base64("key") },
  );
  assert.equal(accessOf(asData, files), {
    server: new URL(server),
    authority: "ca",
    serverName: "kubernetes",
    certificate: "crt",
    key: "key",
  });
  const asFiles = config({ server, "certificate-authority": "ca.crt" }, { tokenFile: "token" });
  assert.equal(accessOf(asFiles, files), {
    server: new URL(server),
    authority: "content of ca.crt",
    token: "content of token",
  });
});

const wrong: readonly (readonly [Parameters<typeof accessOf>[0], RegExp])[] = [
  [null, /no context/],
  [config({}, {}), /has no server/],
  [config({ server, "insecure-skip-tls-verify": true }, {}), /not verified/],
  [config({ server }, { exec: { command: "aws" } }), /need a program/],
];

for (const [each, words] of wrong) {
  access(`refuses what it cannot use: ${words.source}`, () => {
    assert.throws(() => accessOf(each, files), words);
  });
}

access.run();
