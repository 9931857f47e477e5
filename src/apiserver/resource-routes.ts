/** Every route of the Kubernetes API that the tables of resources give. */
import { rulesOf } from "../spec/admit.ts";
import { newerEventVersion } from "../spec/newer-event.ts";
import { type Resource, resources } from "../spec/resources.ts";
import { changeRoutes } from "./change-object.ts";
import { createRoute, writeParameters } from "./create-object.ts";
import { deleteRoutes } from "./delete-objects.ts";
import { endpointsRoutes } from "./endpoints-view.ts";
import { evictionRoute } from "./evict-pod.ts";
import { type ObjectPart, statusPart, wholeObject } from "./object-part.ts";
import { podParts } from "./pod-parts.ts";
import { RequestProblem } from "./problem.ts";
import { collectionPath, readRoutes } from "./read-objects.ts";
import { inVersion, type Route } from "./router.ts";
import { hasScale, scaleRoutes } from "./scale.ts";
import {
  type AbsentResource,
  absentResources,
  newerEventsResource,
  olderResources,
} from "./served-resources.ts";
import { tokenRoute } from "./token-request.ts";

export const resourceRoutes: readonly Route[] = [
  ...resources.flatMap(routesOf),
  ...olderResources.flatMap((resource) =>
    routesOf(resource).map((route) => inVersion(route, resource.apiVersion)),
  ),
  ...absentResources.flatMap((resource) => [...readRoutes(resource), refusal(resource)]),
  ...endpointsRoutes,
  ...readRoutes(newerEventsResource).map((route) => inVersion(route, newerEventVersion)),
  evictionRoute,
  tokenRoute,
];

function routesOf(resource: Resource): readonly Route[] {
  return [
    ...readRoutes(resource),
    createRoute(resource),
    ...deleteRoutes(resource),
    ...partsOf(resource).flatMap((part) => changeRoutes(resource, part)),
    ...(hasScale(resource) ? scaleRoutes(resource) : []),
  ];
}

/** Says why nothing can be made. */
function refusal(resource: AbsentResource): Route {
  return {
    method: "POST",
    path: collectionPath(resource),
    query: writeParameters,
    handle: () => {
      throw new RequestProblem(
        [405, "MethodNotAllowed", "Unimplemented"],
        `nspod has no ${resource.plural}: ${resource.advice}`,
      );
    },
  };
}

/** The object itself, then its subresources that are objects, too. */
export function partsOf({ kind }: Resource): readonly ObjectPart[] {
  if (kind === "Pod") return [wholeObject, ...podParts];
  return rulesOf(kind).hasStatus === true ? [wholeObject, statusPart] : [wholeObject];
}
