/**
 * The certificates of an API server that listens on TCP, made when it first does:
 *
 *   <root>/pki  0700   ca.crt      ca.key       signs the others, 10 years
 *                      server.crt  server.key   for the addresses that it listens on, 1 year
 *                      admin.crt   admin.key    the client that may do everything, 1 year
 *
 * All files have mode 0600. A certificate with less than 30 days left, and one of the server that lacks a name, is
 * made again. Keys come from node:crypto; it cannot write certificates, so node-forge does (RSA is what that knows).
 * Source: RFC 5280 section 4; Kubernetes, "PKI certificates and requirements" (group system:masters).
 */
import { generateKeyPair, randomBytes, X509Certificate } from "node:crypto";
import { mkdirSync } from "node:fs";
import { isIP } from "node:net";
import { join } from "node:path";
import { promisify } from "node:util";
import forge from "node-forge";
import { atomicWrite } from "../base/atomic-write.ts";
import { PodError } from "../base/errors.ts";
import { type KeyPair, readPair } from "./pki-files.ts";
import { adminGroup, nodesGroup, nodeUserPrefix, pkiFolder } from "./pki-names.ts";

export interface Pki {
  readonly authority: KeyPair;
  readonly server: KeyPair;
  readonly admin: KeyPair;
}

const dayMs = 24 * 3600 * 1000;
const renewBeforeMs = 30 * dayMs;

/**
 * Reads the certificates of an instance, and makes those that are missing, too old, or for other names.
 * @param names - DNS names and addresses under which clients reach the server.
 */
export async function ensurePki(
  root: string,
  names: readonly string[],
  nowMs: number,
): Promise<Pki> {
  const folder = join(root, pkiFolder);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const kept = (name: string): KeyPair | undefined => readPair(folder, name);
  const keep = (name: string, pair: KeyPair): KeyPair => {
    // The key first: a certificate whose key is missing is made again.
    atomicWrite(join(folder, `${name}.key`), pair.key, { mode: 0o600 });
    atomicWrite(join(folder, `${name}.crt`), pair.certificate, { mode: 0o600 });
    return pair;
  };
  const known = kept("ca");
  const isKnown = known !== undefined && isFresh(known, nowMs);
  const authority = isKnown
    ? known
    : keep("ca", await issue({ subject: { commonName: "nspod-ca" }, days: 3650, nowMs }));
  const leaf = async (name: string, wish: Omit<Wish, "issuer" | "nowMs" | "days">) => {
    const old = isKnown ? kept(name) : undefined;
    const fits =
      old !== undefined && isFresh(old, nowMs) && coversNames(old.certificate, wish.names ?? []);
    return fits ? old : keep(name, await issue({ ...wish, issuer: authority, days: 365, nowMs }));
  };
  return {
    authority,
    server: await leaf("server", { subject: { commonName: "nspod" }, names }),
    admin: await leaf("admin", {
      subject: { commonName: "kubernetes-admin", organization: adminGroup },
    }),
  };
}

/**
 * The certificate of a node: it is a client of the API server, and a server that the API server calls. Its key is
 * nowhere but in the answer.
 * @throws PodError FailedPrecondition when the instance has no authority yet.
 */
export async function issueNode(root: string, nodeName: string, nowMs: number): Promise<KeyPair> {
  const authority = readPair(join(root, pkiFolder), "ca");
  if (authority === undefined) {
    throw new PodError(
      "FailedPrecondition",
      'This instance has never listened on TCP: run "nspod daemon --listen ADDRESS:6443" first',
    );
  }
  return await issue({
    subject: { commonName: `${nodeUserPrefix}${nodeName}`, organization: nodesGroup },
    names: [nodeName],
    isClient: true,
    issuer: authority,
    days: 365,
    nowMs,
  });
}

/** A certificate for a server that nobody signs for. */
export async function issueServer(name: string, nowMs: number): Promise<KeyPair> {
  return await issue({ subject: { commonName: name }, names: [name], days: 365, nowMs });
}

function isFresh({ certificate }: KeyPair, nowMs: number): boolean {
  return Date.parse(new X509Certificate(certificate).validTo) - nowMs > renewBeforeMs;
}

function coversNames(certificate: string, names: readonly string[]): boolean {
  const parsed = new X509Certificate(certificate);
  return names.every((name) =>
    isIP(name) === 0 ? parsed.checkHost(name) !== undefined : parsed.checkIP(name) !== undefined,
  );
}

interface Wish {
  readonly subject: { readonly commonName: string; readonly organization?: string };
  readonly days: number;
  readonly nowMs: number;
  /** Names of a server; a client has none. */
  readonly names?: readonly string[];
  /** A server that is a client, too. */
  readonly isClient?: boolean;
  /** Absent: signs itself, and others when it has no names. */
  readonly issuer?: KeyPair;
}

const generateKeys = promisify(generateKeyPair);

async function issue({ subject, days, nowMs, names, isClient, issuer }: Wish): Promise<KeyPair> {
  const keys = await generateKeys("rsa", {
    modulusLength: 2048,
    publicKeyEncoding: { type: "spki", format: "pem" },
    privateKeyEncoding: { type: "pkcs8", format: "pem" },
  });
  const certificate = forge.pki.createCertificate();
  certificate.publicKey = forge.pki.publicKeyFromPem(keys.publicKey);
  // A positive number of 16 bytes, RFC 5280 section 4.1.2.2.
  certificate.serialNumber = `01${randomBytes(15).toString("hex")}`;
  // Clocks of clients may be a little behind.
  certificate.validity.notBefore = new Date(nowMs - 3600_000);
  certificate.validity.notAfter = new Date(nowMs + days * dayMs);
  const attributes = [
    ...(subject.organization === undefined
      ? []
      : [{ name: "organizationName", value: subject.organization }]),
    { name: "commonName", value: subject.commonName },
  ];
  certificate.setSubject(attributes);
  const signer =
    issuer === undefined ? undefined : forge.pki.certificateFromPem(issuer.certificate);
  certificate.setIssuer(signer?.subject.attributes ?? attributes);
  const isAuthority = signer === undefined && names === undefined;
  certificate.setExtensions(extensionsOf(isAuthority, names, isClient));
  const key = forge.pki.privateKeyFromPem(issuer?.key ?? keys.privateKey);
  certificate.sign(key, forge.md.sha256.create());
  return { certificate: forge.pki.certificateToPem(certificate), key: keys.privateKey };
}

function extensionsOf(
  isAuthority: boolean,
  names: readonly string[] | undefined,
  isClient = names === undefined,
): object[] {
  if (isAuthority) {
    return [
      { name: "basicConstraints", cA: true, critical: true },
      {
        name: "keyUsage",
        keyCertSign: true,
        cRLSign: true,
        digitalSignature: true,
        critical: true,
      },
      { name: "subjectKeyIdentifier" },
    ];
  }
  const isServer = names !== undefined;
  return [
    { name: "basicConstraints", cA: false, critical: true },
    { name: "keyUsage", digitalSignature: true, keyEncipherment: true, critical: true },
    { name: "extKeyUsage", serverAuth: isServer, clientAuth: isClient },
    ...(isServer ? [{ name: "subjectAltName", altNames: names.map(alternativeName) }] : []),
  ];
}

// GeneralName, RFC 5280 section 4.2.1.6: 2 is a DNS name, 7 an address.
function alternativeName(name: string): object {
  return isIP(name) === 0 ? { type: 2, value: name } : { type: 7, ip: name };
}
