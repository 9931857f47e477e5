/**
 * Which user a container runs as: the pod's numbers, else the image's USER looked up in the image's own files.
 *
 * The files are read in a spawned child that mounts the layers read-only and opens them inside that root, so a link,
 * a pipe, a device or a huge file in an image can do nothing to the host (security: ESC-18). A USER of digits is a
 * number and is never looked up as a name (IMG-11).
 * Source: Kubernetes "Configure a Security Context"; supplementary groups: policies Merge and Strict (PRV-03).
 */
import { PodError } from "../base/errors.ts";
import type { PodSecurityContext, SecurityContext } from "../spec/pod.ts";
import { readImageFiles } from "./image-files.ts";
import { findGroups, findUser, type GroupEntry, type PasswdEntry, parseId } from "./passwd.ts";
import type { Identity } from "./sandbox.ts";

export interface ResolvedUser extends Identity {
  /** "" when the image has no name for the uid. */
  readonly name: string;
  /** "/" when the image does not say. */
  readonly home: string;
}

/** The fields of pod and container that decide; the container's win. */
export interface UserRequest {
  readonly runAsUser?: number;
  readonly runAsGroup?: number;
  readonly supplementalGroups?: readonly number[];
  readonly fsGroup?: number;
  /** Strict: no groups but those that the pod names. */
  readonly supplementalGroupsPolicy?: "Merge" | "Strict";
}

/** Joins the security contexts of pod and container. */
export function userRequest(
  pod: PodSecurityContext | undefined,
  container: SecurityContext | undefined,
): UserRequest {
  const runAsUser = container?.runAsUser ?? pod?.runAsUser;
  const runAsGroup = container?.runAsGroup ?? pod?.runAsGroup;
  return {
    ...(runAsUser === undefined ? {} : { runAsUser }),
    ...(runAsGroup === undefined ? {} : { runAsGroup }),
    ...(pod?.supplementalGroups ? { supplementalGroups: pod.supplementalGroups } : {}),
    ...(pod?.fsGroup === undefined ? {} : { fsGroup: pod.fsGroup }),
    ...(pod?.supplementalGroupsPolicy === undefined
      ? {}
      : { supplementalGroupsPolicy: pod.supplementalGroupsPolicy }),
  };
}

export interface UserFiles {
  readonly passwd: string;
  readonly group: string;
}

/** Files of images that were read lately, by their layers, which never change. */
const cache = new Map<string, UserFiles>();
const cacheSize = 64;

/**
 * Resolves the user of a container.
 * @param layers - absolute folders of the image's layers, lowest first
 * @param imageUser - USER of the image: "", uid, uid:gid, name or name:group, mixed as well
 * @throws PodError InvalidArgument (reason CreateContainerError) when a name is not in the image
 */
export function resolveUser(
  layers: readonly string[],
  imageUser: string,
  request: UserRequest,
): ResolvedUser {
  const key = layers.join("\n");
  let files = cache.get(key);
  if (files === undefined) {
    const [passwd = "", group = ""] = readImageFiles(layers, ["/etc/passwd", "/etc/group"]);
    files = { passwd, group };
    const oldest = cache.keys().next().value;
    if (cache.size >= cacheSize && oldest !== undefined) cache.delete(oldest);
    // Large files are rare and would fill the memory.
    if (passwd.length + group.length < 256 * 1024) cache.set(key, files);
  }
  return selectUser(files, imageUser, request);
}

/** The pure part of `resolveUser()`. */
export function selectUser(
  files: UserFiles,
  imageUser: string,
  request: UserRequest,
): ResolvedUser {
  const [imageName = "", imageGroup] = splitUser(imageUser);
  const wanted = request.runAsUser === undefined ? imageName : String(request.runAsUser);
  const entry = findPasswdEntry(files, wanted);
  const uid = parseId(wanted) ?? entry?.uid ?? 0;
  // The image's group belongs to the image's user.
  const group = request.runAsUser === undefined ? imageGroup : undefined;
  const gid = request.runAsGroup ?? (group ? findGid(files, group) : (entry?.gid ?? 0));
  const name = entry?.name ?? "";
  const ofImage =
    name === "" || request.supplementalGroupsPolicy === "Strict"
      ? []
      : findGroups(files.group, ({ members }) => members.includes(name));
  const groups = [
    gid,
    ...ofImage.map((item: GroupEntry) => item.gid),
    ...(request.supplementalGroups ?? []),
    ...(request.fsGroup === undefined ? [] : [request.fsGroup]),
  ];
  return { uid, gid, groups: unique(groups), name, home: entry?.home ?? "/" };
}

/** The kernel's limit for one process (NGROUPS_MAX). */
const maxGroups = 65_536;

function unique(groups: readonly number[]): number[] {
  return [...new Set(groups)].slice(0, maxGroups);
}

function splitUser(imageUser: string): [string, string?] {
  const colon = imageUser.indexOf(":");
  const user = colon < 0 ? imageUser : imageUser.slice(0, colon);
  const group = colon < 0 ? undefined : imageUser.slice(colon + 1);
  return [user === "" ? "0" : user, ...(group ? ([group] as [string]) : ([] as []))];
}

/** The entry of a name, which must exist, or of a number, which need not. */
function findPasswdEntry(files: UserFiles, wanted: string): PasswdEntry | undefined {
  if (isNumeric(wanted)) {
    const uid = parseId(wanted);
    if (uid === undefined) throw refused("user", wanted);
    return findUser(files.passwd, (entry) => entry.uid === uid);
  }
  const found = isName(wanted) ? findUser(files.passwd, ({ name }) => name === wanted) : undefined;
  if (found === undefined) throw missing("user", wanted, "/etc/passwd");
  return found;
}

function findGid(files: UserFiles, wanted: string): number {
  if (isNumeric(wanted)) {
    const gid = parseId(wanted);
    if (gid === undefined) throw refused("group", wanted);
    return gid;
  }
  const [found] = isName(wanted) ? findGroups(files.group, ({ name }) => name === wanted) : [];
  if (found === undefined) throw missing("group", wanted, "/etc/group");
  return found.gid;
}

/** Anything that starts like a number is one, and must then be a proper one. */
function isNumeric(text: string): boolean {
  return /^\s*[-+]?\d/.test(text);
}

function isName(text: string): boolean {
  return /^[A-Za-z_][A-Za-z0-9_.@-]*\$?$/.test(text);
}

const data = { reason: "CreateContainerError" };

function refused(what: string, text: string): PodError {
  return new PodError(
    "InvalidArgument",
    `Cannot use ${what} ${JSON.stringify(text)} of the image: a number must be between 0 and 2147483647`,
    { data },
  );
}

function missing(what: string, text: string, file: string): PodError {
  return new PodError(
    "InvalidArgument",
    `Cannot find ${what} ${JSON.stringify(text)} in "${file}" of the image`,
    { data },
  );
}
