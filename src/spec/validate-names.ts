/**
 * The syntaxes of names in Kubernetes objects. Each check returns what is wrong ("must be …") or undefined.
 * Source: Kubernetes, "Object Names and IDs", "Labels and Selectors"; RFC 1123, RFC 6335.
 */

import { isIP } from "node:net";
import { quote } from "./quote.ts";

/** What is wrong with a text, to follow "path: ". */
export type Complaint = string | undefined;

const LABEL = /^[a-z0-9](?:[-a-z0-9]*[a-z0-9])?$/;
const SUBDOMAIN = /^[a-z0-9](?:[-a-z0-9]*[a-z0-9])?(?:\.[a-z0-9](?:[-a-z0-9]*[a-z0-9])?)*$/;
const QUALIFIED_NAME = /^[A-Za-z0-9](?:[-A-Za-z0-9_.]*[A-Za-z0-9])?$/;

/** DNS label (RFC 1123): container, volume, namespace and host names. */
export function checkDnsLabel(text: string): Complaint {
  if (text === "") {
    return "must not be empty";
  }
  if (text.length > 63) {
    return `must be at most 63 characters: got ${text.length}`;
  }
  return LABEL.test(text)
    ? undefined
    : `must be lower-case letters, digits and "-", with a letter or digit at both ends: got ${quote(text)}`;
}

/** DNS subdomain (RFC 1123): names of most objects. */
export function checkDnsSubdomain(text: string): Complaint {
  if (text === "") {
    return "must not be empty";
  }
  if (text.length > 253) {
    return `must be at most 253 characters: got ${text.length}`;
  }
  return SUBDOMAIN.test(text)
    ? undefined
    : `must be lower-case letters, digits, "-" and ".", with a letter or digit at both ends of each part: got ${quote(text)}`;
}

/** Key of a label or annotation: `[dns.subdomain/]name`. */
export function checkQualifiedName(text: string): Complaint {
  const slash = text.indexOf("/");
  const prefix = slash === -1 ? undefined : text.slice(0, slash);
  const name = text.slice(slash + 1);
  if (prefix !== undefined) {
    const complaint = checkDnsSubdomain(prefix);
    if (complaint !== undefined) {
      return `prefix before "/" ${complaint}`;
    }
  }
  if (name.length > 63) {
    return `name must be at most 63 characters: got ${name.length}`;
  }
  return QUALIFIED_NAME.test(name)
    ? undefined
    : `must be letters, digits, "-", "_" and ".", with a letter or digit at both ends: got ${quote(name)}`;
}

/** Value of a label. */
export function checkLabelValue(text: string): Complaint {
  if (text.length > 63) {
    return `must be at most 63 characters: got ${text.length}`;
  }
  return text === "" || QUALIFIED_NAME.test(text)
    ? undefined
    : `must be letters, digits, "-", "_" and ".", with a letter or digit at both ends: got ${quote(text)}`;
}

/** Name of a port (RFC 6335 service name). */
export function checkPortName(text: string): Complaint {
  if (text.length > 15) {
    return `must be at most 15 characters: got ${text.length}`;
  }
  return LABEL.test(text) && /[a-z]/.test(text) && !text.includes("--")
    ? undefined
    : `must be lower-case letters, digits and single "-", with at least one letter: got ${quote(text)}`;
}

/** Name of an environment variable: printable ASCII without "=" (Kubernetes 1.34). */
export function checkEnvName(text: string): Complaint {
  if (text === "") {
    return "must not be empty";
  }
  return /^[\x20-\x3c\x3e-\x7e]+$/.test(text)
    ? undefined
    : `must be printable ASCII without "=": got ${quote(text)}`;
}

/** IPv4 or IPv6 address without a zone. */
export function checkIpAddress(text: string): Complaint {
  return isIP(text) !== 0 && !text.includes("%")
    ? undefined
    : `must be an IP address: got ${quote(text)}`;
}

/** Port number in 1..65535. */
export function checkPort(port: number): Complaint {
  return port >= 1 && port <= 65_535 ? undefined : `must be between 1 and 65535: got ${port}`;
}

/** Text that ends up in an argument vector or path: NUL would cut it. */
export function checkNoNul(text: string): Complaint {
  return text.includes("\0") ? "must not contain a NUL byte" : undefined;
}

/** Absolute path without "..", NUL or other control bytes. */
export function checkAbsolutePath(text: string): Complaint {
  if (!text.startsWith("/")) {
    return `must be an absolute path: got ${quote(text)}`;
  }
  return checkPathText(text);
}

/** Relative path without "..", NUL or other control bytes. */
export function checkRelativePath(text: string): Complaint {
  return text.startsWith("/") ? `must be a relative path: got ${quote(text)}` : checkPathText(text);
}

function checkPathText(text: string): Complaint {
  if (text.split("/").includes("..")) {
    return `must not contain "..": got ${quote(text)}`;
  }
  if (hasControlBytes(text)) {
    return `must not contain control characters: got ${quote(text)}`;
  }
  if (Buffer.byteLength(text) > 4095) {
    return "must be at most 4095 bytes";
  }
  return text.split("/").some((part) => Buffer.byteLength(part) > 255)
    ? "must have parts of at most 255 bytes"
    : undefined;
}

/** True for texts with C0 controls or DEL: they would break the files and listings that we write. */
export function hasControlBytes(text: string): boolean {
  return /[\x00-\x1f\x7f]/.test(text);
}
