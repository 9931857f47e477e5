/** What `nspod why` says of one container: what it waits for, or why it ended, and what mends it. Pure. */
import type { ContainerFacts, ProbeFacts } from "../pod/pod-facts.ts";
import { humanDuration } from "../spec/age.ts";
import type { Container, ContainerStatus, Pod } from "../spec/pod.ts";
import { K } from "../sys/abi.ts";
import { exitMeaning, signalOf } from "./exit-meaning.ts";
import type { BlockedCall } from "./seccomp-audit.ts";

export interface ContainerCase {
  readonly pod: Pod;
  readonly container: Container;
  readonly kind: "Container" | "Init container" | "Ephemeral container";
  /** Its place in the manifest: `spec.containers[0]`. */
  readonly path: string;
  readonly status: ContainerStatus | undefined;
  readonly facts: ContainerFacts | undefined;
  /** The last lines of its log. */
  readonly log: readonly string[];
  readonly blocked: readonly BlockedCall[];
  readonly nowMs: number;
}

/** Lines; the first one stands alone, the others explain it. */
export function whyContainer(about: ContainerCase): readonly string[] {
  const { status, kind, container, log } = about;
  const title = `${kind} "${container.name}"`;
  const [first, ...more] = sentences(about);
  return [
    `${title} ${first ?? "has not begun"}`,
    ...more.map((line) => `  ${line}`),
    ...(showsLog(status) && log.length > 0
      ? ["  Its last lines:", ...log.map((line) => `    ${line}`)]
      : []),
  ];
}

/** A log helps where something went wrong. */
export function showsLog(status: ContainerStatus | undefined): boolean {
  const { state, lastState, ready, restartCount = 0 } = status ?? {};
  if (state?.terminated !== undefined) return state.terminated.exitCode !== 0;
  if (state?.running !== undefined) return ready === false;
  return restartCount > 0 || lastState?.terminated !== undefined;
}

function sentences(about: ContainerCase): readonly string[] {
  const { status, nowMs } = about;
  const { waiting, running, terminated } = status?.state ?? {};
  if (running !== undefined) return whileRunning(about, running.startedAt);
  if (terminated !== undefined) {
    return [
      `ended ${ago(terminated.finishedAt, nowMs)}, ${endText(terminated)}`,
      ...endReasons(about, terminated),
    ];
  }
  return whileWaiting(about, waiting?.reason ?? "", waiting?.message ?? "");
}

function whileWaiting(about: ContainerCase, reason: string, message: string): readonly string[] {
  const { status, facts, nowMs } = about;
  const last = status?.lastState?.terminated;
  const told = message === "" || message === reason ? "" : `: ${message.trim()}`;
  return [
    `waits: ${reason === "" ? "it has not begun" : reason}${told}`,
    ...retrySentence(facts?.retryAt, nowMs),
    ...remedies(about, reason, message),
    ...(last === undefined
      ? []
      : [
          `It was restarted ${times(status?.restartCount ?? 0)}; its last run ended ${ago(last.finishedAt, nowMs)}, ${endText(last)}`,
          ...endReasons(about, last),
        ]),
  ];
}

function whileRunning(about: ContainerCase, startedAt: string | undefined): readonly string[] {
  const { status, facts, nowMs } = about;
  const since = `runs since ${humanDuration(nowMs - Date.parse(startedAt ?? ""))}`;
  const last = status?.lastState?.terminated;
  const failing = (facts?.probes ?? []).filter(({ isSuccess }) => !isSuccess);
  const isReady = status?.ready === true;
  const isStarting = status?.started === false;
  const state = isReady ? "is ready" : isStarting ? "has not started up" : "is not ready";
  return [
    `${since} and ${state}`,
    ...failing.map((probe) => probeSentence(about, probe)),
    ...(failing.length === 0 && !isReady ? waitingForProbe(about) : []),
    ...(last === undefined
      ? []
      : [
          `It was restarted ${times(status?.restartCount ?? 0)}; the run before ended ${ago(last.finishedAt, nowMs)}, ${endText(last)}`,
          ...endReasons(about, last),
        ]),
  ];
}

function waitingForProbe({ container, status }: ContainerCase): readonly string[] {
  const { startupProbe, readinessProbe } = container;
  if (status?.started === false && startupProbe) return ["Its startup probe has not passed yet"];
  return readinessProbe ? ["Its readiness probe has not passed yet"] : [];
}

function probeSentence({ container, nowMs }: ContainerCase, probe: ProbeFacts): string {
  const { kind, at, run, message } = probe;
  const spec = {
    startup: container.startupProbe,
    liveness: container.livenessProbe,
    readiness: container.readinessProbe,
  }[kind];
  const threshold = spec?.failureThreshold ?? 3;
  const count = run > 0 ? `, ${run} of ${threshold} failures in a row` : "";
  return `Its ${kind} probe failed ${ago(at, nowMs)}${run > threshold ? `, ${run} times in a row` : count}: ${message.trim() || "no answer"}`;
}

type Terminated = NonNullable<NonNullable<ContainerStatus["state"]>["terminated"]>;

function endText(end: Terminated): string {
  const { startedAt, finishedAt, reason = "" } = end;
  const lastedMs = Date.parse(finishedAt ?? "") - Date.parse(startedAt ?? "");
  const lasted = Number.isNaN(lastedMs) ? "" : `after ${humanDuration(lastedMs)}, `;
  const word = ["", "Error", "Completed"].includes(reason) ? "" : `${reason}, `;
  return `${lasted}with ${word}${exitMeaning(end)}`;
}

/** What is known of the cause beyond the exit code. */
function endReasons(about: ContainerCase, end: Terminated): readonly string[] {
  const { container, facts, path, blocked } = about;
  const { reason = "", message = "" } = end;
  const signal = signalOf(end);
  const lines: string[] = [];
  if (reason === "OOMKilled") {
    const limit = container.resources?.limits?.["memory"];
    const peak = facts?.memoryPeakBytes;
    const had = peak === undefined ? "" : `it had ${mebibytes(peak)} at its peak`;
    lines.push(
      limit === undefined
        ? `The kernel ran out of memory for it: the pod's or the machine's memory was used up${had && `; ${had}`}`
        : `It needed more memory than its limit of ${limit}${had && ` (${had})`}: raise ${path}.resources.limits.memory or let it use less`,
    );
  }
  const failed = { startupProbe: "startup", livenessProbe: "liveness" } as const;
  const cause = facts?.stoppedFor;
  if (cause === "startupProbe" || cause === "livenessProbe") {
    const probe = facts?.probes.find(({ kind }) => kind === failed[cause]);
    lines.push(
      `It was killed because its ${failed[cause]} probe failed: ${probe?.message.trim() || "no answer is kept"}`,
    );
  }
  if (cause === "postStartHook") lines.push("It was killed because its postStart hook failed");
  if (cause === "podEnds" && signal === K.SIGKILL) {
    lines.push("It did not end within the grace period after its stop signal");
  }
  if (signal === K.SIGSYS) {
    const call = blocked.find(({ pid }) => pid === facts?.pid) ?? blocked.at(-1);
    lines.push(
      call === undefined
        ? "The kernel's log names no system call: see the profile in securityContext.seccompProfile"
        : `The blocked system call was ${call.syscall}, made by "${call.command}": allow it in the seccomp profile if the program needs it`,
    );
  }
  if (message.trim() !== "") lines.push(`It said: ${message.trim().split("\n").join("\n    ")}`);
  return lines;
}

/** In the unit that limits are mostly written in: `63.9Mi`. */
function mebibytes(bytes: number): string {
  return `${Math.round((bytes / 2 ** 20) * 10) / 10}Mi`;
}

function remedies(about: ContainerCase, reason: string, message: string): readonly string[] {
  const { container, pod, path } = about;
  switch (reason) {
    case "ErrImagePull":
    case "ImagePullBackOff":
    case "ErrImageNeverPull":
      return [
        `Image "${container.image}" is not on this machine: load it with "nspod image load FILE.tar"; "nspod image ls" shows what is there`,
      ];
    case "InvalidImageName":
      return [`Correct ${path}.image: got "${container.image}"`];
    case "PodInitializing":
      return initSentence(pod);
    case "CreateContainerConfigError":
      return missingSentence(pod, message);
    default:
      return [];
  }
}

function initSentence({ spec, status }: Pod): readonly string[] {
  const current = spec.initContainers?.find(({ name, restartPolicy }) => {
    const own = status?.initContainerStatuses?.find((each) => each.name === name);
    if (restartPolicy === "Always") return own?.started !== true;
    return own?.state?.terminated?.exitCode !== 0;
  });
  return current === undefined ? [] : [`It begins after init container "${current.name}"`];
}

/** `configmap "settings" not found`. */
function missingSentence({ metadata }: Pod, message: string): readonly string[] {
  const found = /(configmap|secret) "([^"/]+)" not found/i.exec(message);
  if (found === null) return [];
  const [, kind = "", name] = found;
  const word = kind.toLowerCase() === "secret" ? "Secret" : "ConfigMap";
  return [
    `Create ${word} "${name}" in namespace "${metadata.namespace}" with "nspod apply -f FILE": the container begins by itself then`,
  ];
}

export function retrySentence(retryAt: string | undefined, nowMs: number): readonly string[] {
  const inMs = Date.parse(retryAt ?? "") - nowMs;
  if (Number.isNaN(inMs)) return [];
  return [inMs <= 0 ? "It is tried again now" : `It is tried again in ${humanDuration(inMs)}`];
}

function ago(timestamp: string | undefined, nowMs: number): string {
  const passedMs = nowMs - Date.parse(timestamp ?? "");
  return Number.isNaN(passedMs) ? "some time ago" : `${humanDuration(Math.max(0, passedMs))} ago`;
}

function times(count: number): string {
  return count === 1 ? "once" : `${count} times`;
}
