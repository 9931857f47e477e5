/**
 * Who am I, what may I do, what may others do, whose is this token: asked by a POST and answered in its status,
 * by the policy that requests go through (authorize.ts). `kubectl auth can-i`, `kubectl auth whoami`.
 * Source: Kubernetes API reference, authorization.k8s.io/v1 and authentication.k8s.io/v1.
 */
import type {
  LocalSubjectAccessReview,
  SelfSubjectAccessReview,
  SelfSubjectReview,
  SelfSubjectRulesReview,
  SubjectAccessReview,
  SubjectAccessReviewSpec,
  TokenReview,
  UserInfo,
} from "../spec/kubernetes.gen.ts";
import { invalid } from "../spec/object-problem.ts";
import type { KubernetesObject } from "../spec/resources.ts";
import { tokenIssuer } from "../volume/service-account-tokens.ts";
import type { ResourceEntry } from "./aggregated-discovery.ts";
import { type User, userOf } from "./authenticate.ts";
import { type Deed, isAllowed, rulesFor } from "./authorize.ts";
import { readJson } from "./body.ts";
import { writeParameters } from "./create-object.ts";
import { decodeRequest } from "./decode-request.ts";
import type { RoleSource } from "./granted-rules.ts";
import { subjectOf } from "./impersonate.ts";
import { badRequest } from "./problem.ts";
import { type Exchange, type Route, sendJson } from "./router.ts";

interface Review {
  readonly apiVersion: "authentication.k8s.io/v1" | "authorization.k8s.io/v1";
  readonly kind: string;
  readonly isNamespaced: boolean;
  /** What the server says of the body. */
  readonly answer: (exchange: Exchange, body: unknown) => object;
}

const reviews: readonly Review[] = [
  review<SelfSubjectAccessReview>(
    "authorization",
    "SelfSubjectAccessReview",
    ({ user, backend }, { spec }) => access("SelfSubjectAccessReview", user, spec, backend.store),
  ),
  review<SelfSubjectRulesReview>(
    "authorization",
    "SelfSubjectRulesReview",
    ({ user, backend }, { spec }) => {
      const { namespace = "" } = spec;
      if (namespace === "") throw badRequest("no namespace on request");
      return { ...rulesFor(user, namespace, backend.store), incomplete: false };
    },
  ),
  review<SubjectAccessReview>("authorization", "SubjectAccessReview", ({ backend }, { spec }) =>
    access("SubjectAccessReview", subjectIn("SubjectAccessReview", spec), spec, backend.store),
  ),
  {
    ...review<LocalSubjectAccessReview>(
      "authorization",
      "LocalSubjectAccessReview",
      ({ parameters, backend }, { spec }) => {
        const asked = spec.resourceAttributes?.namespace ?? "";
        const namespace = parameters.get("namespace");
        if (asked !== namespace) {
          throw badRequest(
            `spec.resourceAttributes.namespace: must be that of the path, "${namespace}": got "${asked}"`,
          );
        }
        return access(
          "LocalSubjectAccessReview",
          subjectIn("LocalSubjectAccessReview", spec),
          spec,
          backend.store,
        );
      },
    ),
    isNamespaced: true,
  },
  review<SelfSubjectReview>("authentication", "SelfSubjectReview", ({ user }) => ({
    userInfo: infoOf(user),
  })),
  review<TokenReview>("authentication", "TokenReview", reviewToken),
];

function review<T extends KubernetesObject>(
  group: "authentication" | "authorization",
  kind: T["kind"],
  statusOf: (exchange: Exchange, asked: T) => object,
): Review {
  const apiVersion = `${group}.k8s.io/v1` as const;
  return {
    apiVersion,
    kind,
    isNamespaced: false,
    answer: (exchange, body) => {
      const asked = decodeRequest<T>({ apiVersion, kind }, body);
      return { ...asked, status: statusOf(exchange, asked) };
    },
  };
}

/** @throws PodError InvalidArgument unless exactly one deed is asked about. */
function access(
  kind: string,
  subject: Pick<User, "name" | "groups">,
  {
    resourceAttributes: attributes,
    nonResourceAttributes: path,
  }: Pick<SubjectAccessReviewSpec, "resourceAttributes" | "nonResourceAttributes">,
  roles: RoleSource,
): object {
  if ((attributes === undefined) === (path === undefined)) {
    const message = "exactly one of nonResourceAttributes or resourceAttributes must be specified";
    throw invalid(kind, "", [{ path: "spec.resourceAttributes", message }]);
  }
  const deed: Deed =
    path === undefined
      ? {
          verb: attributes?.verb ?? "",
          group: attributes?.group ?? "",
          resource: attributes?.resource ?? "",
          subresource: attributes?.subresource ?? "",
          namespace: attributes?.namespace ?? "",
          name: attributes?.name ?? "",
        }
      : { verb: path.verb ?? "", path: path.path ?? "" };
  return { allowed: isAllowed(subject, deed, roles) };
}

/** @throws PodError InvalidArgument when nobody is named. */
function subjectIn(
  kind: string,
  { user = "", groups = [] }: SubjectAccessReviewSpec,
): Pick<User, "name" | "groups"> {
  if (user === "" && groups.length === 0) {
    const message = "at least one of user or group must be specified";
    throw invalid(kind, "", [{ path: "spec.user", message }]);
  }
  return subjectOf(user, groups);
}

function reviewToken({ backend, clock }: Exchange, { spec }: TokenReview): object {
  const { token, audiences = [] } = spec;
  const wanted = audiences.length === 0 ? [tokenIssuer] : audiences;
  const claims = backend.tokens.read(token, clock.now(), wanted);
  const user = claims && userOf(backend.store, claims);
  if (claims === undefined || user === undefined) {
    return { authenticated: false, user: {}, error: "invalid bearer token" };
  }
  return { authenticated: true, user: infoOf(user), audiences: claims.audiences };
}

function infoOf({ name, groups, uid, extra }: User): UserInfo {
  return { username: name, groups, ...(uid && { uid }), ...(extra && { extra }) };
}

function pluralOf(kind: string): string {
  return `${kind.toLowerCase()}s`;
}

export const reviewRoutes: readonly Route[] = reviews.map(
  ({ apiVersion, kind, isNamespaced, answer }) => ({
    method: "POST",
    path: `/apis/${apiVersion}${isNamespaced ? "/namespaces/{namespace}" : ""}/${pluralOf(kind)}`,
    query: writeParameters,
    handle: async (exchange) => {
      sendJson(exchange.response, 201, answer(exchange, await readJson(exchange.request)));
    },
  }),
);

/** What discovery says of them. */
export const reviewEntries: readonly (readonly [groupVersion: string, entry: ResourceEntry])[] =
  reviews.map(({ apiVersion, kind, isNamespaced: namespaced }) => [
    apiVersion,
    {
      name: pluralOf(kind),
      singularName: kind.toLowerCase(),
      namespaced,
      kind,
      verbs: ["create"],
    },
  ]);
