/** Event of core/v1. Source: Kubernetes API reference, core/v1 Event. */

import type { KindRules } from "./kind-rules.ts";
import type { Event } from "./kubernetes.gen.ts";

export const eventRules: KindRules<Event> = {
  validate({ metadata, involvedObject }, report) {
    // Events of objects of the cluster are kept in "default".
    const namespace = involvedObject.namespace || "default";
    if (namespace !== metadata.namespace) {
      report(
        "involvedObject.namespace",
        `does not match event.namespace: got "${namespace}", the event is in "${metadata.namespace}"`,
      );
    }
  },
};
