// Describes a file tree so that two can be compared: kind, mode, owner, time, content, links,
// device numbers, extended attributes; names as bytes. By a small Python program, which sees names
// and attributes as the kernel gives them and uses no code of ours.
import { runCommand } from "./run-command.ts";

const program = `
import os, sys, stat, hashlib, json
root = os.fsencode(sys.argv[1])
inodes = {}
out = {}
def show(b): return b.decode("latin1")
def describe(path, rel):
    s = os.lstat(path)
    kind = stat.S_IFMT(s.st_mode)
    d = {"kind": {stat.S_IFREG: "file", stat.S_IFDIR: "directory", stat.S_IFLNK: "symlink", stat.S_IFCHR: "character", stat.S_IFBLK: "block", stat.S_IFIFO: "fifo", stat.S_IFSOCK: "socket"}[kind],
         "mode": oct(stat.S_IMODE(s.st_mode)), "owner": [s.st_uid, s.st_gid], "time": str(s.st_mtime_ns)}
    if kind == stat.S_IFREG:
        d["size"] = s.st_size
        h = hashlib.sha256()
        with open(path, "rb") as f:
            for part in iter(lambda: f.read(1 << 20), b""): h.update(part)
        d["content"] = h.hexdigest()[:16]
    if kind == stat.S_IFLNK: d["target"] = show(os.readlink(path))
    if kind in (stat.S_IFCHR, stat.S_IFBLK): d["device"] = [os.major(s.st_rdev), os.minor(s.st_rdev)]
    if kind != stat.S_IFDIR and s.st_nlink > 1: d["link"] = inodes.setdefault(s.st_ino, show(rel))
    if kind != stat.S_IFLNK:
        x = {n: os.getxattr(path, n, follow_symlinks=False).hex() for n in sorted(os.listxattr(path, follow_symlinks=False))}
        if x: d["xattrs"] = x
    out[show(rel)] = d
    if kind == stat.S_IFDIR:
        for name in sorted(os.listdir(path)): describe(os.path.join(path, name), os.path.join(rel, name) if rel != b"." else name)
describe(root, b".")
print(json.dumps(out))
`;

export type Listing = Readonly<Record<string, Readonly<Record<string, unknown>>>>;

/** @returns one record per path below `folder`, the folder itself as "."; one character per byte. */
export async function listTree(folder: string): Promise<Listing> {
  const done = await runCommand("python3", ["-c", program, folder]);
  if (done.code !== 0) throw new Error(`Cannot list "${folder}": ${done.stderr}`);
  return JSON.parse(done.stdout) as Listing;
}

/** The listing without these fields of every record. */
export function without(listing: Listing, ...fields: readonly string[]): Listing {
  return Object.fromEntries(
    Object.entries(listing).map(([path, record]) => [
      path,
      Object.fromEntries(Object.entries(record).filter(([field]) => !fields.includes(field))),
    ]),
  );
}
