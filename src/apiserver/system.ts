/** What is not Kubernetes: /nspod/v1/explain and /nspod/v1/system. */
import { decodePod } from "../spec/decode-json.ts";
import { readJson } from "./body.ts";
import { readyObject } from "./create-object.ts";
import { type Route, sendJson, sendText } from "./router.ts";

export const systemRoutes: readonly Route[] = [
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
