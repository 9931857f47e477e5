/** Lists of conditions in a status. Pure. Source: Kubernetes API conventions, "Typical status properties". */
import { toTime } from "../base/clock.ts";

export interface StatusCondition {
  readonly type: string;
  readonly status: string;
  readonly reason?: string;
  readonly message?: string;
  readonly lastTransitionTime?: string;
}

/** The list with this condition; the time of the last transition stays while the status does. */
export function withCondition<C extends StatusCondition>(
  conditions: readonly C[],
  condition: C,
  nowMs: number,
): readonly C[] {
  const known = conditions.find(({ type }) => type === condition.type);
  const { status, reason, message } = condition;
  if (known?.status === status && known.reason === reason && known.message === message) {
    return conditions;
  }
  const lastTransitionTime =
    known?.status === status && known.lastTransitionTime !== undefined
      ? known.lastTransitionTime
      : toTime(nowMs);
  const others = conditions.filter(({ type }) => type !== condition.type);
  return [...others, { ...condition, lastTransitionTime }];
}

export function withoutCondition<C extends StatusCondition>(
  conditions: readonly C[],
  type: string,
): readonly C[] {
  return conditions.filter((condition) => condition.type !== type);
}
