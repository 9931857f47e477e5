/**
 * Where clients read OpenAPI.
 *
 *   /openapi/v3                 the documents there are, each with a hash of its content: clients keep them
 *   /openapi/v3/apis/apps/v1    openapi-document.ts
 *   /openapi/v2                 all of it in protobuf for kubectl before 1.24 (openapi-v2.ts)
 */
import { createHash } from "node:crypto";
import { releaseName } from "../spec/kubernetes-release.ts";
import { resources } from "../spec/resources.ts";
import { type Descriptions, readDescriptions } from "./descriptions.ts";
import { openApiDocument } from "./openapi-document.ts";
import { type Route, sendBytes, sendText } from "./router.ts";

/** Without "@": the parser of media types in kubectl 1.20 does not take it. */
const protobufV2 = "application/com.github.proto-openapi.spec.v2.v1.0+protobuf";

const groupVersions = [...new Set(resources.map(({ apiVersion }) => apiVersion))];

interface Made {
  readonly text: string;
  readonly hash: string;
}

interface Documents {
  /** By group and version. */
  readonly v3: ReadonlyMap<string, Made>;
  /** Made from those of version 3 when it is asked for. */
  v2?: Uint8Array;
}

/** Made when first asked for, by version of nspod: 20 ms for all. */
const made = new Map<string, Promise<Documents>>();

async function documentsOf(version: string): Promise<Documents> {
  const known = made.get(version) ?? readDescriptions().then((words) => make(version, words));
  made.set(version, known);
  return await known;
}

function make(version: string, descriptions: Descriptions): Documents {
  const documents = groupVersions.map((groupVersion) => {
    const document = openApiDocument(groupVersion, releaseName(version), descriptions);
    const text = JSON.stringify(document);
    const hash = createHash("sha256").update(text).digest("hex").toUpperCase();
    return [groupVersion, { text, hash }] as const;
  });
  return { v3: new Map(documents) };
}

async function versionTwo(version: string): Promise<Uint8Array> {
  const documents = await documentsOf(version);
  const { openApiV2 } = await import("./openapi-v2.ts");
  const parsed = [...documents.v3.values()].map(({ text }) => JSON.parse(text));
  documents.v2 ??= openApiV2(parsed, releaseName(version));
  return documents.v2;
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
    handle: async ({ response, version }) => {
      const { v3 } = await documentsOf(version);
      const paths = [...v3].map(([groupVersion, { hash }]) => {
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
      handle: async ({ response, version, query }) => {
        const { text = "", hash = "" } = (await documentsOf(version)).v3.get(groupVersion) ?? {};
        response.setHeader("etag", `"${hash}"`);
        // What is asked for by its hash never changes: clients need not ask again.
        if (query.text("hash") === hash) {
          response.setHeader("cache-control", "public, immutable, max-age=31536000");
        }
        sendText(response, 200, "application/json", text);
      },
    }),
  ),
  {
    method: "GET",
    path: "/openapi/v2",
    query: ["timeout"],
    handle: async ({ response, version }) =>
      sendBytes(response, 200, protobufV2, await versionTwo(version)),
  },
];
