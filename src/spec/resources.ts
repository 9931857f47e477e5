/**
 * The kinds of objects that nspod stores and serves: one line each, read by the decoder, the HTTP door, discovery and
 * the command line. Names, short names and scopes are those of `kubectl api-resources`.
 */
import type { ObjectMeta } from "./meta.ts";

/** What every stored object has. */
export interface KubernetesObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: ObjectMeta;
}

export interface Resource {
  /** Also the name of its definition (`definitions.gen.ts`) and of its rows in the store. */
  readonly kind: string;
  /** `v1`, `storage.k8s.io/v1`. */
  readonly apiVersion: string;
  /** The word in paths: `persistentvolumeclaims`. */
  readonly plural: string;
  readonly singular: string;
  readonly shortNames: readonly string[];
  /** Objects of other resources belong to the cluster: their namespace is "". */
  readonly isNamespaced: boolean;
}

/** `kind apiVersion plural namespaced short,names`; the order is that in which `get all`-like lists print them. */
const TABLE = `
  Namespace             v1                   namespaces             false ns
  Node                  v1                   nodes                  false no
  PriorityClass         scheduling.k8s.io/v1 priorityclasses        false pc
  RuntimeClass          node.k8s.io/v1       runtimeclasses         false
  StorageClass          storage.k8s.io/v1    storageclasses         false sc
  PersistentVolume      v1                   persistentvolumes      false pv
  ClusterRole           rbac.authorization.k8s.io/v1 clusterroles        false
  ClusterRoleBinding    rbac.authorization.k8s.io/v1 clusterrolebindings false
  Role                  rbac.authorization.k8s.io/v1 roles               true
  RoleBinding           rbac.authorization.k8s.io/v1 rolebindings        true
  ServiceAccount        v1                   serviceaccounts        true  sa
  ConfigMap             v1                   configmaps             true  cm
  Secret                v1                   secrets                true
  PersistentVolumeClaim v1                   persistentvolumeclaims true  pvc
  Pod                   v1                   pods                   true  po
  ControllerRevision    apps/v1              controllerrevisions    true
  ReplicaSet            apps/v1              replicasets            true  rs
  Deployment            apps/v1              deployments            true  deploy
  StatefulSet           apps/v1              statefulsets           true  sts
  DaemonSet             apps/v1              daemonsets             true  ds
  Service               v1                   services               true  svc
  EndpointSlice         discovery.k8s.io/v1  endpointslices         true
  Lease                 coordination.k8s.io/v1 leases               true
  Event                 v1                   events                 true  ev
  CronJob               batch/v1             cronjobs               true  cj
  Job                   batch/v1             jobs                   true
  PodDisruptionBudget   policy/v1            poddisruptionbudgets   true  pdb
`;

export const resources: readonly Resource[] = TABLE.trim()
  .split("\n")
  .map((line) => {
    const [kind = "", apiVersion = "", plural = "", scope, short = ""] = line.trim().split(/\s+/);
    return {
      kind,
      apiVersion,
      plural,
      singular: kind.toLowerCase(),
      shortNames: short === "" ? [] : short.split(","),
      isNamespaced: scope === "true",
    };
  });

/** By kind, as objects name it. */
export function resourceOfKind(kind: string): Resource | undefined {
  return resources.find((resource) => resource.kind === kind);
}

/** By any word that kubectl takes: plural, singular, short name or kind, in any case. */
export function resourceOfWord(word: string): Resource | undefined {
  const wanted = word.toLowerCase();
  return resources.find(
    ({ plural, singular, shortNames }) =>
      plural === wanted || singular === wanted || shortNames.includes(wanted),
  );
}

/** The path of a resource's collection or of one object. @param namespace - "" for the cluster or for all namespaces. */
export function resourcePath(
  { apiVersion, plural }: Pick<Resource, "apiVersion" | "plural">,
  namespace: string,
  name?: string,
): string {
  const root = apiVersion === "v1" ? "/api/v1" : `/apis/${apiVersion}`;
  const scope = namespace === "" ? "" : `/namespaces/${namespace}`;
  return `${root}${scope}/${plural}${name === undefined ? "" : `/${name}`}`;
}
