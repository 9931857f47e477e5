// The certificates of an instance: what they are good for, who may read them, and when they are made again.
import { X509Certificate } from "node:crypto";
import { mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { ensurePki } from "../../../src/apiserver/pki.ts";

const pki = suite("ensurePki()");
let root: string;

pki.before.each(() => {
  root = mkdtempSync(join(tmpdir(), "nspod-pki-"));
});

pki.after.each(() => {
  rmSync(root, { recursive: true, force: true });
});

const names = ["localhost", "127.0.0.1"];
const dayMs = 24 * 3600 * 1000;

pki("makes an authority that signs a server for its names and an administrator", async () => {
  const { authority, server, admin } = await ensurePki(root, names, Date.now());
  const ca = new X509Certificate(authority.certificate);
  assert.ok(ca.ca);
  for (const { certificate } of [server, admin]) {
    const leaf = new X509Certificate(certificate);
    assert.ok(leaf.verify(ca.publicKey) && leaf.checkIssued(ca));
    assert.not(leaf.ca);
  }
  const served = new X509Certificate(server.certificate);
  assert.is(served.checkHost("localhost"), "localhost");
  assert.is(served.checkIP("127.0.0.1"), "127.0.0.1");
  assert.is(served.checkIP("10.0.0.1"), undefined);
  assert.match(new X509Certificate(admin.certificate).subject, /O=system:masters/);
  for (const name of ["ca.key", "server.key", "admin.key", "admin.crt"]) {
    assert.is(statSync(join(root, "pki", name)).mode & 0o777, 0o600);
  }
  assert.is(statSync(join(root, "pki")).mode & 0o777, 0o700);
});

pki("keeps what fits, and makes again what lacks a name or ends soon", async () => {
  const now = Date.now();
  const first = await ensurePki(root, names, now);
  assert.equal(await ensurePki(root, names, now), first);
  const more = await ensurePki(root, [...names, "10.1.2.3"], now);
  assert.equal(more.authority, first.authority);
  assert.equal(more.admin, first.admin);
  assert.is(new X509Certificate(more.server.certificate).checkIP("10.1.2.3"), "10.1.2.3");
  const later = await ensurePki(root, names, now + 340 * dayMs);
  assert.equal(later.authority, first.authority);
  assert.not.equal(later.admin, first.admin);
});

pki.run();
