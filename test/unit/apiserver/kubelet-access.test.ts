// Who may call the endpoints of a node, with an API server that the tests play.
import type { IncomingMessage } from "node:http";
import { Socket } from "node:net";
import { TLSSocket } from "node:tls";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { KubeletAccess } from "../../../src/apiserver/kubelet-access.ts";
import { PodError } from "../../../src/base/errors.ts";

interface Body {
  readonly spec: {
    readonly token?: string;
    readonly user?: string;
    readonly groups?: readonly string[];
    readonly resourceAttributes?: Readonly<Record<string, string>>;
  };
}

/** Tokens are names of users; who is "reader" may get, and nothing else. */
class World {
  readonly asked: string[] = [];
  nowMs = 0;
  isAway = false;
  readonly access = new KubeletAccess({
    nodeName: "n1",
    now: () => this.nowMs,
    review: (path, body) => {
      if (this.isAway) return Promise.reject(new PodError("Unavailable", "away"));
      // The shape is what is tested.
      const { spec } = body as Body;
      const kind = path.split("/").at(-1) ?? "";
      if (kind === "tokenreviews") {
        this.asked.push(`whose ${spec.token}`);
        const isKnown = spec.token !== "forged";
        const user = { username: spec.token, groups: ["system:authenticated"] };
        return Promise.resolve({ status: isKnown ? { authenticated: true, user } : {} });
      }
      const { verb, resource, subresource, name } = spec.resourceAttributes ?? {};
      this.asked.push(`may ${spec.user} ${verb} ${resource}/${subresource} ${name}`);
      const allowed = spec.user === "reader" && verb === "get";
      return Promise.resolve({ status: { allowed } });
    },
  });

  async admit(token: string | undefined, path: string, isSession = false, method = "GET") {
    const headers = token === undefined ? {} : { authorization: `Bearer ${token}` };
    return await this.#told({ socket: new Socket(), headers, method }, path, isSession);
  }

  /** With a client certificate. */
  async show(subject: object, path: string, authorized = true) {
    const socket = Object.create(TLSSocket.prototype, {
      authorized: { value: authorized },
      getPeerCertificate: { value: () => ({ subject }) },
    }) as TLSSocket;
    return await this.#told({ socket, headers: {}, method: "GET" }, path, false);
  }

  async #told(
    request: Pick<IncomingMessage, "socket" | "headers" | "method">,
    path: string,
    isSession: boolean,
  ): Promise<string> {
    try {
      return (await this.access.admit(request, path, isSession)).name;
    } catch (error) {
      return (error as Error).message;
    }
  }
}

const access = suite("KubeletAccess");

access("asks whose a token is, and what they may do with the part of the node", async () => {
  const world = new World();
  assert.is(await world.admit("reader", "/metrics/resource"), "reader");
  assert.is(await world.admit("reader", "/stats/summary"), "reader");
  assert.is(await world.admit("reader", "/containerLogs/default/web/main"), "reader");
  assert.is(await world.admit("reader", "/metricsx"), "reader");
  assert.equal(world.asked, [
    "whose reader",
    "may reader get nodes/metrics n1",
    "may reader get nodes/stats n1",
    "may reader get nodes/proxy n1",
  ]);
});

access("refuses who has no name, and whom the server refuses", async () => {
  const world = new World();
  assert.is(await world.admit(undefined, "/healthz"), "Unauthorized");
  assert.is(await world.admit("forged", "/healthz"), "Unauthorized");
  assert.is(
    await world.admit("other", "/stats/summary"),
    'Forbidden (user=other, verb=get, resource=nodes, subresource=stats) on node "n1"',
  );
});

access("takes a session for no reading, whichever method it comes by", async () => {
  const world = new World();
  assert.match(await world.admit("reader", "/exec/default/web/main", true), /verb=create/);
  assert.match(await world.admit("reader", "/stats/summary", false, "POST"), /verb=create/);
  assert.match(await world.admit("reader", "/stats/summary", false, "TRACE"), /verb=\*/);
});

access("keeps answers for a while, refusals for less", async () => {
  const world = new World();
  const ask = async (token: string): Promise<number> => {
    world.asked.length = 0;
    await world.admit(token, "/stats");
    return world.asked.length;
  };
  assert.is(await ask("reader"), 2);
  assert.is(await ask("other"), 2);
  assert.is(await ask("forged"), 1);
  assert.equal([await ask("reader"), await ask("other"), await ask("forged")], [0, 0, 1]);
  world.nowMs = 31_000;
  assert.equal([await ask("reader"), await ask("other")], [0, 1]);
  world.nowMs = 121_000;
  assert.equal([await ask("reader"), await ask("other")], [1, 2]);
});

access(
  "lets certificates of administrators in while the server is away, and no other",
  async () => {
    const world = new World();
    world.isAway = true;
    assert.is(await world.show({ CN: "apiserver", O: "system:masters" }, "/exec"), "apiserver");
    assert.is(
      await world.show({ CN: "apiserver", O: ["a", "system:masters"] }, "/exec"),
      "apiserver",
    );
    assert.is(
      await world.show({ CN: "apiserver", O: "system:masters" }, "/exec", false),
      "Unauthorized",
    );
    assert.is(await world.show({ CN: "reader", O: "people" }, "/stats"), "away");
    assert.is(await world.admit("reader", "/stats"), "away");
    // What was not answered is asked again.
    world.isAway = false;
    assert.is(await world.show({ CN: "reader", O: "people" }, "/stats"), "reader");
    assert.is(await world.admit("reader", "/stats"), "reader");
    assert.match(
      await world.show({ CN: "system:node:n2", O: "system:nodes" }, "/stats"),
      /Forbidden/,
    );
  },
);

access.run();
