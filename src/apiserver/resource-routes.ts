/** Every route of the Kubernetes API that the table of resources gives. */
import { rulesOf } from "../spec/admit.ts";
import { type Resource, resources } from "../spec/resources.ts";
import { changeRoutes } from "./change-object.ts";
import { createRoute } from "./create-object.ts";
import { deleteRoutes } from "./delete-objects.ts";
import { evictionRoute } from "./evict-pod.ts";
import { type ObjectPart, statusPart, wholeObject } from "./object-part.ts";
import { podParts } from "./pod-parts.ts";
import { readRoutes } from "./read-objects.ts";
import type { Route } from "./router.ts";
import { hasScale, scaleRoutes } from "./scale.ts";

export const resourceRoutes: readonly Route[] = [
  ...resources.flatMap((resource) => [
    ...readRoutes(resource),
    createRoute(resource),
    ...deleteRoutes(resource),
    ...partsOf(resource).flatMap((part) => changeRoutes(resource, part)),
    ...(hasScale(resource) ? scaleRoutes(resource) : []),
  ]),
  evictionRoute,
];

/** The object itself, then its subresources that are objects, too. */
export function partsOf({ kind }: Resource): readonly ObjectPart[] {
  if (kind === "Pod") return [wholeObject, ...podParts];
  return rulesOf(kind).hasStatus === true ? [wholeObject, statusPart] : [wholeObject];
}
