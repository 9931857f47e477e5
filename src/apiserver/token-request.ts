/**
 * `serviceaccounts/NAME/token`: a token for whoever may ask for one (`kubectl create token`), for some time and for
 * some audiences, and on request bound to an object: it ends with that.
 * Source: Kubernetes, "Managing Service Accounts" (TokenRequest API); words of the token subresource.
 */
import { toTime } from "../base/clock.ts";
import type { BoundObjectReference, ServiceAccount, TokenRequest } from "../spec/kubernetes.gen.ts";
import { conflict, invalid, notFound } from "../spec/object-problem.ts";
import type { Pod } from "../spec/pod.ts";
import type { KubernetesObject } from "../spec/resources.ts";
import { serviceAccountOf } from "../spec/service-account.ts";
import type { Store } from "../store/store.ts";
import { type BoundObject, tokenIssuer } from "../volume/service-account-tokens.ts";
import { readJson } from "./body.ts";
import { writeParameters } from "./create-object.ts";
import { decodeRequest } from "./decode-request.ts";
import { admitTokenForNode } from "./node-admission.ts";
import { badRequest } from "./problem.ts";
import { findObject } from "./read-objects.ts";
import { type Exchange, type Route, sendJson } from "./router.ts";

const secondsByDefault = 3600;
const fewestSeconds = 600;
const mostSeconds = 2 ** 32;

export const tokenRoute: Route = {
  method: "POST",
  path: "/api/v1/namespaces/{namespace}/serviceaccounts/{name}/token",
  query: writeParameters,
  handle: requestToken,
};

async function requestToken(exchange: Exchange): Promise<void> {
  const { request, response, backend, clock } = exchange;
  const identity = { apiVersion: "authentication.k8s.io/v1", kind: "TokenRequest" } as const;
  const asked = decodeRequest<TokenRequest>(identity, await readJson(request));
  const account = findObject<ServiceAccount>(exchange, "ServiceAccount");
  const { name, namespace, uid } = account.metadata;
  for (const field of ["name", "namespace"] as const) {
    const said = asked.metadata[field] ?? "";
    if (said !== "" && said !== account.metadata[field]) {
      throw badRequest(
        `the ${field} of the token request does not match that of the service account`,
      );
    }
  }
  const { audiences = [], boundObjectRef, expirationSeconds = secondsByDefault } = asked.spec ?? {};
  checkSeconds(name, expirationSeconds);
  const target = boundObjectRef && findBound(backend.store, account, boundObjectRef);
  const { nodeName } = target?.pod?.spec ?? {};
  admitTokenForNode(exchange.user, name, target?.pod);
  const nowMs = clock.now();
  const meant = audiences.length === 0 ? [tokenIssuer] : audiences;
  const token = backend.tokens.issue(
    {
      namespace,
      serviceAccount: { name, uid },
      audiences: meant,
      expirationSeconds,
      ...(target && { bound: target.bound }),
      ...(nodeName !== undefined && { nodeName }),
    },
    nowMs,
  );
  sendJson(response, 201, {
    ...identity,
    metadata: { name, namespace, creationTimestamp: toTime(nowMs) },
    spec: { audiences: meant, expirationSeconds, ...(boundObjectRef && { boundObjectRef }) },
    status: { token, expirationTimestamp: toTime(nowMs + 1000 * expirationSeconds) },
  });
}

/** @throws PodError InvalidArgument. */
function checkSeconds(name: string, seconds: number): void {
  const path = "spec.expirationSeconds";
  const refuse = (message: string): Error => invalid("TokenRequest", name, [{ path, message }]);
  if (seconds < fewestSeconds) {
    throw refuse(`may not specify a duration less than 10 minutes: got ${seconds}`);
  }
  if (seconds > mostSeconds) {
    throw refuse(`may not specify a duration larger than 2^32 seconds: got ${seconds}`);
  }
}

/** @throws PodError NotFound or Conflict, RequestProblem 400. */
function findBound(
  store: Store,
  { metadata }: ServiceAccount,
  { kind, apiVersion, name = "", uid = "" }: BoundObjectReference,
): { readonly bound: BoundObject; readonly pod?: Pod } {
  if (apiVersion !== "v1" || (kind !== "Pod" && kind !== "Secret" && kind !== "Node")) {
    throw badRequest(
      `cannot bind token for serviceaccount "${metadata.name}" to object of type "${apiVersion}, Kind=${kind}": use Pod, Secret or Node of v1`,
    );
  }
  const object = store.get<KubernetesObject>(kind, kind === "Node" ? "" : metadata.namespace, name);
  if (object === undefined) throw notFound(kind, name);
  if (uid !== "" && uid !== object.metadata.uid) {
    throw conflict(
      kind,
      name,
      `the UID in the bound object reference (${uid}) does not match the UID in record. The object might have been deleted and then recreated`,
    );
  }
  const bound: BoundObject = { kind, name, uid: object.metadata.uid };
  if (kind !== "Pod") return { bound };
  // The store gives what it holds under this kind.
  const pod = object as Pod;
  if (serviceAccountOf(pod) !== metadata.name) {
    throw badRequest(
      `cannot bind token for serviceaccount "${metadata.name}" to pod running with different serviceaccount name.`,
    );
  }
  return { bound, pod };
}
