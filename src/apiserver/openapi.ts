/**
 * Where clients read OpenAPI.
 *
 *   /openapi/v3                 the documents there are, each with a hash of its content: clients keep them
 *   /openapi/v3/apis/apps/v1    openapi-document.ts
 *   /openapi/v2                 an empty document in protobuf for kubectl before 1.24, which then leaves checks to us
 */
import { createHash } from "node:crypto";
import { releaseName } from "../spec/kubernetes-release.ts";
import { resources } from "../spec/resources.ts";
import { openApiDocument } from "./openapi-document.ts";
import { type Route, sendText } from "./router.ts";

/** Without "@": the parser of media types in kubectl 1.20 does not take it. */
const protobufV2 = "application/com.github.proto-openapi.spec.v2.v1.0+protobuf";

const groupVersions = [...new Set(resources.map(({ apiVersion }) => apiVersion))];

interface Made {
  readonly text: string;
  readonly hash: string;
}

/** Made when first asked for: 10 ms for all. */
const made = new Map<string, Made>();

function documentOf(groupVersion: string, version: string): Made {
  const known = made.get(groupVersion);
  if (known !== undefined) return known;
  const text = JSON.stringify(openApiDocument(groupVersion, releaseName(version)));
  const hash = createHash("sha256").update(text).digest("hex").toUpperCase();
  const document = { text, hash };
  made.set(groupVersion, document);
  return document;
}

/** `api/v1`, `apis/apps/v1`. */
function pathOf(groupVersion: string): string {
  return groupVersion === "v1" ? "api/v1" : `apis/${groupVersion}`;
}

export const openApiRoutes: readonly Route[] = [
  {
    method: "GET",
    path: "/openapi/v3",
    query: ["timeout"],
    handle: ({ response, version }) => {
      const paths = groupVersions.map((groupVersion) => {
        const { hash } = documentOf(groupVersion, version);
        const path = pathOf(groupVersion);
        return [path, { serverRelativeURL: `/openapi/v3/${path}?hash=${hash}` }];
      });
      sendText(
        response,
        200,
        "application/json",
        JSON.stringify({ paths: Object.fromEntries(paths) }),
      );
    },
  },
  ...groupVersions.map(
    (groupVersion): Route => ({
      method: "GET",
      path: `/openapi/v3/${pathOf(groupVersion)}`,
      query: ["timeout", "hash"],
      handle: ({ response, version }) => {
        const { text, hash } = documentOf(groupVersion, version);
        response.setHeader("etag", `"${hash}"`);
        sendText(response, 200, "application/json", text);
      },
    }),
  ),
  {
    method: "GET",
    path: "/openapi/v2",
    query: ["timeout"],
    handle: ({ response }) => sendText(response, 200, protobufV2, ""),
  },
];
