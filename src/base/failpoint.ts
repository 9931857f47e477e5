/**
 * Fail points: `failpoint("pod/sandbox.rules")` does nothing, unless NSPOD_FAILPOINTS says that the process fails,
 * waits or dies there (parse-failpoints.ts has the grammar, failpoint-table.ts the names). Tests prove with them that
 * every step may fail or be cut off. Daemon, image helpers and shims count for themselves.
 */
import { assertNever } from "./assert.ts";
import type { FailpointName } from "./failpoint-table.ts";
import { type FailAction, type Failpoint, parseFailpoints } from "./parse-failpoints.ts";

interface Armed extends Failpoint {
  passed: number;
}

/** The variable, as it is handed to what this process starts. */
export const failpointVariable = "NSPOD_FAILPOINTS";

// What is armed is a matter of the process, like its environment.
let armed: readonly Armed[] | undefined;

/** Once, at the start of a process. @throws PodError InvalidArgument. */
export function armFailpoints(env: Readonly<Record<string, string | undefined>>): void {
  const points = parseFailpoints(env[failpointVariable] ?? "");
  armed = points.length === 0 ? undefined : points.map((point) => ({ ...point, passed: 0 }));
}

/** @throws Error like one of Node.js' file system, with `code`, when this point is to fail now. */
export function failpoint(name: FailpointName): void {
  const action = actionNow(name);
  if (action !== undefined) act(name, action);
}

/**
 * Of a step that another thread does: a delay holds up whoever waits for it, and nobody else.
 * @returns undefined when there is nothing to wait for. @throws as failpoint().
 */
export function failpointAside(name: FailpointName): Promise<void> | undefined {
  const action = actionNow(name);
  if (action?.kind === "delay") return new Promise((done) => setTimeout(done, action.ms));
  if (action !== undefined) act(name, action);
  return undefined;
}

/**
 * The environment of a shim, whose points have numbers for words, so that it need not know them:
 * `name=kind,value,first,last`, kinds being those of native/failpoint.c; last 0: without end.
 */
export function shimEnvironment(): readonly string[] {
  const points = armed?.filter(({ name }) => name.startsWith("shim.")) ?? [];
  if (points.length === 0) return [];
  const words = points.map(({ name, action, first, last }) => {
    const [kind, value] = numbersOf(action);
    return `${name}=${kind},${value},${first},${Number.isFinite(last) ? last : 0}`;
  });
  return [`${failpointVariable}=${words.join(";")}`];
}

function numbersOf(action: FailAction): readonly [kind: string, value: number] {
  switch (action.kind) {
    case "error":
      return ["e", action.errno];
    case "kill":
      return ["k", 0];
    case "delay":
      return ["d", action.ms];
    default:
      return assertNever(action);
  }
}

/** Counts that the process comes by. */
function actionNow(name: FailpointName): FailAction | undefined {
  if (armed === undefined) return undefined;
  const here = armed.filter((point) => point.name === name);
  for (const point of here) point.passed++;
  return here.find(({ passed, first, last }) => passed >= first && passed <= last)?.action;
}

function act(name: FailpointName, action: FailAction): void {
  switch (action.kind) {
    case "error": {
      const { code, errno } = action;
      throw Object.assign(new Error(`${code}: fail point ${name}`), { code, errno: -errno });
    }
    case "kill":
      process.kill(process.pid, "SIGKILL");
      return;
    case "delay":
      // Like a slow disk: nothing of this thread goes on.
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, action.ms);
      return;
    default:
      assertNever(action);
  }
}
