/**
 * Reads /etc/passwd and /etc/group of an image. Pure; the text is content: a damaged line is skipped, long lines are
 * not looked at, and numbers are 0..2³¹−1 or nothing.
 * Source: passwd(5), group(5); limits: security: ESC-18, IMG-11.
 */

export interface PasswdEntry {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
  readonly home: string;
}

export interface GroupEntry {
  readonly name: string;
  readonly gid: number;
  readonly members: readonly string[];
}

const maxLine = 64 * 1024;
const maxId = 2 ** 31 - 1;

/** A user or group number in plain decimal, undefined otherwise: no sign, no leading zero, at most 2³¹−1. */
export function parseId(text: string): number | undefined {
  if (!/^(?:0|[1-9]\d{0,9})$/.test(text)) return undefined;
  const id = Number(text);
  return id <= maxId ? id : undefined;
}

/** The first entry that fits, like getpwnam(3) and getpwuid(3). */
export function findUser(
  passwd: string,
  fits: (entry: PasswdEntry) => boolean,
): PasswdEntry | undefined {
  for (const [name = "", , uidText = "", gidText = "", , home = ""] of rows(passwd)) {
    const uid = parseId(uidText);
    const gid = parseId(gidText);
    if (name === "" || uid === undefined || gid === undefined) continue;
    const entry = { name, uid, gid, home: safeHome(home) };
    if (fits(entry)) return entry;
  }
  return undefined;
}

/** All groups that fit. */
export function findGroups(group: string, fits: (entry: GroupEntry) => boolean): GroupEntry[] {
  const found: GroupEntry[] = [];
  for (const [name = "", , gidText = "", members = ""] of rows(group)) {
    const gid = parseId(gidText);
    if (name === "" || gid === undefined) continue;
    const entry = { name, gid, members: members.split(",") };
    if (fits(entry)) found.push(entry);
  }
  return found;
}

/** Control characters would end up in HOME (CVE-2022-4318). */
function safeHome(home: string): string {
  return home === "" || /\p{Cc}/u.test(home) ? "/" : home;
}

function* rows(text: string): Generator<string[]> {
  let start = 0;
  while (start < text.length) {
    const newline = text.indexOf("\n", start);
    const end = newline < 0 ? text.length : newline;
    if (end - start <= maxLine && text[start] !== "#") yield text.slice(start, end).split(":");
    start = end + 1;
  }
}
