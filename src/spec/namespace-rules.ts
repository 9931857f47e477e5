/** Namespace. Source: Kubernetes API reference, core/v1 Namespace; "Namespaces". */

import type { KindRules } from "./kind-rules.ts";
import type { Namespace } from "./kubernetes.gen.ts";
import { checkDnsLabel } from "./validate-names.ts";

/** On every namespace, so that selectors can name it. */
const NAME_LABEL = "kubernetes.io/metadata.name";

export const namespaceRules: KindRules<Namespace> = {
  hasStatus: true,
  checkName: checkDnsLabel,
  fill: (namespace) => ({
    ...namespace,
    metadata: {
      ...namespace.metadata,
      labels: { ...namespace.metadata.labels, [NAME_LABEL]: namespace.metadata.name },
    },
    spec: { ...namespace.spec, finalizers: namespace.spec?.finalizers ?? ["kubernetes"] },
  }),
  begin: (namespace) => ({ ...namespace, status: { phase: "Active" } }),
};
