/**
 * Names of images, normalised as Docker does it: `busybox` = `docker.io/library/busybox:latest`.
 *
 *   [domain/]path[:tag][@sha256:…]
 *
 * Source: distribution/reference (regexp.go, normalize.go). The first component is a domain when it
 * has a dot or a colon, is "localhost" or has an upper-case letter.
 */
import { PodError } from "../base/errors.ts";
import { type Digest, isDigest } from "../base/ids.ts";

/** A complete name. At least one of `tag` and `digest` is present. */
export interface Reference {
  /** Host and optional port, e.g. "docker.io". */
  readonly domain: string;
  /** e.g. "library/busybox". */
  readonly path: string;
  readonly tag?: string;
  readonly digest?: Digest;
}

const defaultDomain = "docker.io";
const defaultTag = "latest";

const domainPattern =
  /^(?:(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])(?:\.(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9]))*|\[[a-fA-F0-9:]+\])(?::[0-9]{1,5})?$/;
const componentPattern = /^[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*$/;
const tagPattern = /^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$/;

/**
 * Parses and completes a name that a user or an archive gives.
 * @throws PodError InvalidArgument with the reason.
 */
export function parseReference(text: string): Reference {
  const refuse = (why: string): PodError =>
    new PodError(
      "InvalidArgument",
      `Cannot use image name ${JSON.stringify(shorten(text))}: ${why}`,
    );
  if (text === "") throw refuse("it is empty");
  if (text.length > 1024) throw refuse("it is longer than 1024 characters");

  const at = text.indexOf("@");
  const digest = at < 0 ? undefined : text.slice(at + 1);
  if (digest !== undefined && !isDigest(digest)) {
    throw refuse('the part after "@" must be "sha256:" and 64 lower-case hex digits');
  }
  const named = at < 0 ? text : text.slice(0, at);
  const colon = named.lastIndexOf(":");
  const hasTag = colon > named.lastIndexOf("/");
  const tag = hasTag ? named.slice(colon + 1) : undefined;
  if (tag !== undefined && !tagPattern.test(tag)) {
    throw refuse(
      'the tag must be 1 to 128 letters, digits, "_", "." and "-", and not begin with "." or "-"',
    );
  }
  const { domain, path } = splitDomain(hasTag ? named.slice(0, colon) : named);
  if (!domainPattern.test(domain)) throw refuse(`${JSON.stringify(domain)} is not a host name`);
  for (const component of path.split("/")) {
    if (!componentPattern.test(component)) {
      throw refuse(
        `${JSON.stringify(component)} must be lower-case letters and digits, separated by ".", "_", "__" or "-"`,
      );
    }
  }
  if (domain.length + 1 + path.length > 255) throw refuse("it is longer than 255 characters");
  if (domain === defaultDomain && /^library\/[0-9a-f]{64}$/.test(path)) {
    throw refuse("64 hex digits are an image ID, not a name");
  }
  return {
    domain,
    path,
    ...(tag !== undefined ? { tag } : digest === undefined ? { tag: defaultTag } : {}),
    ...(digest === undefined ? {} : { digest }),
  };
}

function splitDomain(name: string): { domain: string; path: string } {
  const slash = name.indexOf("/");
  const first = name.slice(0, Math.max(slash, 0));
  const isDomain =
    slash >= 0 && (/[.:]/.test(first) || first === "localhost" || first !== first.toLowerCase());
  const domain = isDomain ? first : defaultDomain;
  const rest = isDomain ? name.slice(slash + 1) : name;
  if (domain !== defaultDomain && domain !== "index.docker.io") return { domain, path: rest };
  return { domain: defaultDomain, path: rest.includes("/") ? rest : `library/${rest}` };
}

/** The full name, e.g. `docker.io/library/busybox:latest`: what the store keeps. */
export function formatReference({ domain, path, tag, digest }: Reference): string {
  return `${domain}/${path}${tag === undefined ? "" : `:${tag}`}${digest === undefined ? "" : `@${digest}`}`;
}

/** The full form of any accepted name. @throws PodError InvalidArgument. */
export function normaliseName(text: string): string {
  return formatReference(parseReference(text));
}

/** The short form that Docker shows: `busybox:latest`, `user/app:1`, `quay.io/a/b:1`. */
export function familiarName(full: string): string {
  const prefix = `${defaultDomain}/`;
  if (!full.startsWith(prefix)) return full;
  const path = full.slice(prefix.length);
  return path.startsWith("library/") && !path.slice(8).includes("/") ? path.slice(8) : path;
}

function shorten(text: string): string {
  return text.length > 80 ? `${text.slice(0, 79)}…` : text;
}
