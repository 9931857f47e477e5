/** `nspod exec` and `nspod attach`: a command in a running container, or its own streams. */
import type { Readable } from "node:stream";
import { PodError } from "../../base/errors.ts";
import type { Query } from "../../base/format-query.ts";
import type { Pod } from "../../spec/pod.ts";
import { choosePod } from "../choose-pod.ts";
import { type Context, podsPath } from "../context.ts";
import { defaultContainer, requireContainer } from "../default-container.ts";
import { DetachKeys } from "../detach-keys.ts";
import { type LocalTerminal, localTerminal, takeTerminal } from "../local-terminal.ts";
import { runRemoteSession } from "../remote-session.ts";

export interface SessionOptions {
  readonly container?: string;
  readonly stdin?: boolean;
  readonly tty?: boolean;
}

/** @returns the exit code of the command. */
export async function execCommand(
  context: Context,
  word: string,
  command: readonly string[],
  options: SessionOptions,
): Promise<number> {
  if (command.length === 0) {
    throw new PodError(
      "InvalidArgument",
      `No command given: write it after "--", e.g. nspod exec ${word} -- ls /`,
    );
  }
  const { pod, container } = await findContainer(context, word, options);
  const terminal = options.tty ? localTerminal() : undefined;
  if (options.tty && terminal === undefined) {
    context.screen.remark(
      "Unable to use a TTY - input is not a terminal or the right kind of file",
    );
  }
  const query = {
    ...streamQuery(container, options.stdin === true, terminal !== undefined),
    command,
  };
  return await runSession(context, pod, "exec", {
    query,
    terminal,
    hasStdin: options.stdin === true,
  });
}

/** @returns the exit code of the container; 0 after Ctrl-P Ctrl-Q. */
export async function attachContainer(
  context: Context,
  word: string,
  options: SessionOptions,
): Promise<number> {
  const { pod, container } = await findContainer(context, word, options);
  const { initContainers = [], containers, ephemeralContainers = [] } = pod.spec;
  const all = [...initContainers, ...containers, ...ephemeralContainers];
  const spec = all.find(({ name }) => name === container);
  if (options.stdin && spec?.stdin !== true) {
    throw new PodError(
      "FailedPrecondition",
      `Container "${container}" of pod "${pod.metadata.name}" takes no input: its manifest does not say "stdin: true"`,
    );
  }
  const wantsTty = options.tty === true && spec?.tty === true;
  if (options.tty && !wantsTty) {
    context.screen.remark(`Unable to use a TTY - container ${container} did not allocate one`);
  }
  const terminal = wantsTty ? localTerminal() : undefined;
  const query = streamQuery(container, options.stdin === true, spec?.tty === true);
  if (terminal !== undefined && options.stdin) {
    context.screen.remark(
      "If you don't see a command prompt, try pressing enter; Ctrl-P Ctrl-Q detaches.",
    );
  }
  return await runSession(context, pod, "attach", {
    query,
    terminal,
    hasStdin: options.stdin === true,
  });
}

async function findContainer(
  context: Context,
  word: string,
  { container }: SessionOptions,
): Promise<{ readonly pod: Pod; readonly container: string }> {
  const { pod } = await choosePod(context, word);
  return {
    pod,
    container:
      container === undefined
        ? defaultContainer(pod, context.screen)
        : requireContainer(pod, container),
  };
}

function streamQuery(container: string, hasStdin: boolean, hasTty: boolean): Query {
  // A terminal has one output: the pty mixes both.
  return { container, stdin: hasStdin, stdout: true, stderr: !hasTty, tty: hasTty };
}

interface SessionSetup {
  readonly query: Query;
  readonly terminal: LocalTerminal | undefined;
  readonly hasStdin: boolean;
}

async function runSession(
  context: Context,
  pod: Pod,
  action: "exec" | "attach",
  { query, terminal, hasStdin }: SessionSetup,
): Promise<number> {
  const { namespace, name } = pod.metadata;
  const { promise: detached, resolve: detach } = Promise.withResolvers<number>();
  const isInteractive = terminal !== undefined && hasStdin;
  const input = (): Readable =>
    isInteractive && action === "attach"
      ? process.stdin.pipe(new DetachKeys(() => detach(0)))
      : process.stdin;
  let taken: Disposable | undefined;
  const session = runRemoteSession(context.client, podsPath(namespace, name, action), query, {
    // Only who wants it pays for it: Node.js loads 3 ms of code to make process.stdin.
    ...(hasStdin && { stdin: input() }),
    stdout: process.stdout,
    stderr: process.stderr,
    onOpen: (resize) => {
      if (terminal === undefined) return;
      resize(terminal.stdout.columns, terminal.stdout.rows);
      if (isInteractive) taken = takeTerminal(terminal, resize);
    },
  });
  try {
    return await Promise.race([session, detached]);
  } finally {
    taken?.[Symbol.dispose]();
  }
}
