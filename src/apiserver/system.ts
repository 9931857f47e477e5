/** What is not Kubernetes: /nspod/v1/explain, facts of pods and /nspod/v1/system. */
import { decodePod } from "../spec/decode-json.ts";
import type { Pod } from "../spec/pod.ts";
import { readJson } from "./body.ts";
import { readyObject } from "./create-object.ts";
import { findObject } from "./read-objects.ts";
import { type Route, sendJson, sendText } from "./router.ts";

export const systemRoutes: readonly Route[] = [
  {
    method: "GET",
    path: "/nspod/v1/namespaces/{namespace}/pods/{name}/facts",
    handle: (exchange) => {
      const pod = findObject<Pod>(exchange, "Pod");
      sendJson(exchange.response, 200, exchange.backend.facts(pod));
    },
  },
  {
    method: "POST",
    path: "/nspod/v1/explain",
    handle: async ({ request, response, backend }) => {
      const pod = readyObject(decodePod(await readJson(request)));
      sendText(response, 200, "text/plain", await backend.explain(pod));
    },
  },
  {
    method: "GET",
    path: "/nspod/v1/system/info",
    handle: async ({ response, backend }) => sendJson(response, 200, await backend.info()),
  },
  {
    method: "POST",
    path: "/nspod/v1/system/prune",
    handle: async ({ response, backend }) => sendJson(response, 200, await backend.prune()),
  },
  {
    method: "POST",
    path: "/nspod/v1/system/reset",
    handle: async ({ response, backend, onReset }) => {
      await backend.reset();
      await onReset();
      response.setHeader("connection", "close");
      sendJson(response, 200, {});
    },
  },
];
