/**
 * What hooks and probes make of a container's record. Pure.
 *
 *   runs ─▶ postStart hook ─▶ startup probe ─▶ started ─▶ readiness probe ─▶ ready
 *
 * What a container does not have counts as done. Source: Kubernetes "Container Lifecycle Hooks", "Configure
 * Liveness, Readiness and Startup Probes"; a sidecar lets the next container begin when it is started.
 */
import type { Container } from "../spec/pod.ts";
import type { ContainerRecord } from "./record.ts";

/** The container without what was known of the attempt before. */
export function withoutHealth(state: ContainerRecord): ContainerRecord {
  const { stop: _stop, postStart: _hook, started: _started, ...rest } = state;
  const { isReady: _ready, failedProbe: _probe, isResizeDue: _resize, ...kept } = rest;
  return kept;
}

/** The container whose attempt has just begun to run. @param sandbox - generation of the sandbox. */
export function afterStart(
  container: Container,
  state: ContainerRecord,
  sandbox: number,
): ContainerRecord {
  const isReady = container.readinessProbe === undefined ? {} : { isReady: false };
  if (container.lifecycle?.postStart !== undefined) {
    return { ...state, ...isReady, postStart: "running", started: false };
  }
  return { ...beginning(container, state, sandbox), ...isReady };
}

/** The container after its postStart hook. */
export function afterPostStart(
  container: Container,
  state: ContainerRecord,
  hook: { readonly isSuccess: boolean; readonly sandbox: number },
): ContainerRecord {
  if (!hook.isSuccess) return { ...state, postStart: "failed" };
  return { ...beginning(container, state, hook.sandbox), postStart: "done" };
}

/** The container after a result of one of its probes. */
export function afterProbe(
  state: ContainerRecord,
  result: {
    readonly kind: "startup" | "liveness" | "readiness";
    readonly isSuccess: boolean;
    readonly sandbox: number;
  },
): ContainerRecord {
  const { kind, isSuccess, sandbox } = result;
  if (kind === "readiness") return { ...state, isReady: isSuccess };
  if (!isSuccess) return { ...state, failedProbe: kind };
  return kind === "startup" ? { ...state, started: true, startedIn: sandbox } : state;
}

/** Whether the attempt that runs is started, in the sense of `status.started`. */
export function isStarted(state: ContainerRecord): boolean {
  // Records of versions without probes do not say it.
  return state.current?.state === "running" && state.started !== false;
}

/** Whether the attempt that runs is ready, in the sense of `status.ready`. */
export function isReady(container: Container, state: ContainerRecord): boolean {
  return isStarted(state) && (container.readinessProbe === undefined || state.isReady === true);
}

function beginning(container: Container, state: ContainerRecord, sandbox: number): ContainerRecord {
  if (container.startupProbe !== undefined) return { ...state, started: false };
  return { ...state, started: true, startedIn: sandbox };
}
