/**
 * The end of a container's or exec's program: execve along PATH, and the sentence for when no file was there.
 *
 * A program has no branches, so there is one execve for each folder of PATH: the first that succeeds ends the
 * program, and the last one's failure is the one reported. Source: execvp(3); wording of runc, which people search for.
 */
import type { Program } from "../sys/program.ts";
import type { SyscallError } from "../sys/syscall-error.ts";
import { environmentValue } from "./command.ts";

/** Adds the execve calls. `field` is where the command comes from, e.g. `spec.containers[0].command`. */
export function execute(
  program: Program,
  argv: readonly string[],
  environment: readonly string[],
  field: string,
): void {
  const candidates = executableCandidates(argv[0] ?? "", environmentValue(environment, "PATH"));
  program.from(field);
  const argumentTable = program.pointers(argv);
  const environmentTable = program.pointers(environment);
  candidates.forEach((path, index) => {
    const isLast = index === candidates.length - 1;
    program.call("execve", [path, argumentTable, environmentTable], {
      tolerate: isLast ? [] : ["ENOENT", "ENOTDIR", "EACCES"],
    });
  });
}

/** The paths that a name stands for. Relative folders of PATH are left out: they would depend on the image's files. */
function executableCandidates(name: string, path: string): string[] {
  if (name.includes("/")) return [name];
  const folders = path.split(":").filter((folder) => folder.startsWith("/"));
  const found = [...new Set(folders)].map((folder) => `${folder.replace(/\/+$/, "")}/${name}`);
  // Without a folder nothing can be found; this path cannot exist and gives ENOENT.
  return found.length === 0 ? [`/${name}/`] : found;
}

export interface ExecFailure {
  /** As Kubernetes shows it in the container's state. */
  readonly reason: "StartError";
  /** 127 when nothing was found, 126 when it cannot be executed (POSIX shell, Docker). */
  readonly exitCode: 126 | 127;
  readonly message: string;
}

/** Explains a failed start when it was the command that could not be executed; undefined for other failures. */
export function execFailure(error: SyscallError, argv: readonly string[]): ExecFailure | undefined {
  if (error.syscall !== "execve") return undefined;
  const name = argv[0] ?? "";
  const head = `exec: ${JSON.stringify(name)}: `;
  const isSearched = !name.includes("/");
  const missing = isSearched ? "executable file not found in $PATH" : "no such file or directory";
  switch (error.errno) {
    case "ENOENT":
    case "ENOTDIR":
      return { reason: "StartError", exitCode: 127, message: head + missing };
    case "EACCES":
      return { reason: "StartError", exitCode: 126, message: `${head}permission denied` };
    case "ENOEXEC":
      return { reason: "StartError", exitCode: 126, message: `${head}exec format error` };
    case "E2BIG":
      return { reason: "StartError", exitCode: 126, message: `${head}argument list too long` };
    default:
      return { reason: "StartError", exitCode: 126, message: `${head}${error.errno}` };
  }
}
