/**
 * `pods/NAME/eviction`: deletes a pod, unless a PodDisruptionBudget forbids it now. The budgets are reckoned at the
 * time of the request, so two evictions cannot both use the last disruption that is allowed.
 * Source: Kubernetes, "API-initiated Eviction"; words of the eviction subresource.
 */
import { PodError } from "../base/errors.ts";
import {
  budgetStatus,
  isOutsideBudgets,
  refuseEviction,
  selectPods,
} from "../scheduler/disruption-budget.ts";
import type { PodDisruptionBudget } from "../spec/kubernetes.gen.ts";
import type { Pod } from "../spec/pod.ts";
import { disruptionTarget, withPodCondition } from "../spec/pod-condition.ts";
import { isObject } from "../spec/schema.ts";
import { changeObject } from "../store/change-object.ts";
import type { Store } from "../store/store.ts";
import { workloadScale } from "../store/workload-scale.ts";
import { readJson } from "./body.ts";
import { checkPreconditions } from "./change-object.ts";
import { writeParameters } from "./create-object.ts";
import { decodeDeleteOptions } from "./delete-options.ts";
import { badRequest } from "./problem.ts";
import { findObject } from "./read-objects.ts";
import { type Exchange, type Route, sendJson } from "./router.ts";

const violation = "Cannot evict pod as it would violate the pod's disruption budget.";

export const evictionRoute: Route = {
  method: "POST",
  path: "/api/v1/namespaces/{namespace}/pods/{name}/eviction",
  query: writeParameters,
  handle: evictPod,
};

async function evictPod(exchange: Exchange): Promise<void> {
  const { request, response, query, backend, clock, parameters } = exchange;
  const body = decodeEviction(await readJson(request), parameters.get("name") ?? "");
  const options = decodeDeleteOptions(body["deleteOptions"], query);
  const pod = findObject<Pod>(exchange, "Pod");
  checkPreconditions(pod, options.preconditions);
  checkBudgets(backend.store, pod, clock.now());
  if (!options.isDryRun) {
    markEvicted(backend.store, pod, clock.now());
    const { gracePeriodSeconds, propagationPolicy } = options;
    await backend.deleteObject(pod, {
      ...(gracePeriodSeconds !== undefined && { gracePeriodSeconds }),
      ...(propagationPolicy !== undefined && { propagationPolicy }),
    });
  }
  const status = { kind: "Status", apiVersion: "v1", metadata: {}, status: "Success", code: 201 };
  sendJson(response, 201, status);
}

/** @throws RequestProblem 400 when it is no Eviction of this pod. */
function decodeEviction(body: unknown, name: string): Readonly<Record<string, unknown>> {
  const wrong = 'The body must be an Eviction: {"apiVersion": "policy/v1", "kind": "Eviction", …}';
  if (!isObject(body) || body["kind"] !== "Eviction") throw badRequest(wrong);
  const { apiVersion, kind: _, metadata, deleteOptions: __, ...unknown } = body;
  if (apiVersion !== "policy/v1" && apiVersion !== "policy/v1beta1") throw badRequest(wrong);
  const [surplus] = Object.keys(unknown);
  if (surplus !== undefined) throw badRequest(`${surplus}: is not a field of Eviction`);
  const named = isObject(metadata) ? (metadata["name"] ?? name) : name;
  if (named !== name) throw badRequest("name in URL does not match name in Eviction object");
  return body;
}

/** @throws PodError ResourceExhausted (429) when the budget has nothing left. */
function checkBudgets(store: Store, pod: Pod, nowMs: number): void {
  if (isOutsideBudgets(pod)) return;
  const { namespace, name } = pod.metadata;
  const budgets = store
    .list<PodDisruptionBudget>("PodDisruptionBudget", namespace)
    .items.filter((budget) => selectPods(budget, [pod]).length > 0);
  const [budget, second] = budgets;
  if (budget === undefined) return;
  if (second !== undefined) {
    throw new PodError(
      "Internal",
      "This pod has more than one PodDisruptionBudget, which the eviction subresource does not support.",
    );
  }
  const pods = selectPods(budget, store.list<Pod>("Pod", namespace).items);
  const status = budgetStatus(budget, pods, workloadScale.bind(undefined, store), nowMs);
  const cause = refuseEviction({ ...budget, status }, pod);
  if (cause === undefined) return;
  const causes = [{ reason: "DisruptionBudget", message: cause }];
  throw new PodError("ResourceExhausted", violation, { data: { name, causes } });
}

/** What the pod's controller and its owner see as the reason of the end. */
function markEvicted(store: Store, pod: Pod, nowMs: number): void {
  const condition = disruptionTarget("EvictionByEvictionAPI", "Eviction API: evicting", nowMs);
  changeObject<Pod>(store, pod, (current) => withPodCondition(current, condition));
}
