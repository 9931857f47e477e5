import { suite } from "uvu";
import * as assert from "uvu/assert";
import { isPodError, PodError } from "../../../src/base/errors.ts";
import { ApiClient, statusError } from "../../../src/cli/api-client.ts";
import { withDeadline } from "../../support/with-deadline.ts";
import { FakeDaemon, fail, reply } from "./fake-daemon.ts";

const client = suite("ApiClient");

client(
  "sends JSON and reads JSON over the socket",
  withDeadline(5000, async () => {
    await using daemon = new FakeDaemon();
    await daemon.listen();
    daemon.answer = ({ body }, response) => reply(response, { got: JSON.parse(body) }, 201);
    const api = new ApiClient({ socketPath: daemon.socketPath });
    assert.equal(
      await api.json("POST", "/a", { body: { x: 1 }, query: { b: ["1", "2"], c: undefined } }),
      {
        got: { x: 1 },
      },
    );
    assert.is(String(daemon.asked[0]?.query), "b=1&b=2");
  }),
);

client(
  "gives the error that the daemon had",
  withDeadline(5000, async () => {
    await using daemon = new FakeDaemon();
    await daemon.listen();
    daemon.answer = (_, response) => fail(response, 404, "NotFound", 'pods "x" not found');
    const api = new ApiClient({ socketPath: daemon.socketPath });
    const error = await rejection(api.json("GET", "/x"));
    assert.ok(isPodError(error, "NotFound"));
    assert.is(error.message, 'pods "x" not found');
  }),
);

client(
  "starts the daemon when nobody listens, once, and asks again",
  withDeadline(5000, async () => {
    await using daemon = new FakeDaemon();
    daemon.answer = (_, response) => reply(response, "here");
    let starts = 0;
    const api = new ApiClient({
      socketPath: daemon.socketPath,
      start: async () => {
        starts++;
        await daemon.listen();
      },
    });
    assert.is(await api.json("GET", "/"), "here");
    assert.is(await api.json("GET", "/"), "here");
    assert.is(starts, 1);
  }),
);

client("passes on why the daemon does not start", async () => {
  await using daemon = new FakeDaemon();
  const api = new ApiClient({
    socketPath: daemon.socketPath,
    start: async () => {
      throw new PodError("Unavailable", "no cgroup");
    },
  });
  assert.match((await rejection(api.json("GET", "/"))).message, "no cgroup");
  await daemon.listen();
});

client(
  "tells a daemon that dies in the middle from an answer",
  withDeadline(5000, async () => {
    await using daemon = new FakeDaemon();
    await daemon.listen();
    daemon.answer = (_, response) => response.socket?.destroy();
    const api = new ApiClient({ socketPath: daemon.socketPath });
    assert.ok(isPodError(await rejection(api.json("GET", "/")), "Unavailable"));
  }),
);

client(
  "says that the daemon is lost when it dies in the middle of an answer",
  withDeadline(5000, async () => {
    await using daemon = new FakeDaemon();
    await daemon.listen();
    daemon.answer = (_, response) => {
      response.setHeader("content-length", "100");
      response.write("{");
      setImmediate(() => response.destroy());
    };
    const api = new ApiClient({ socketPath: daemon.socketPath });
    const error = await rejection(api.json("GET", "/"));
    assert.ok(isPodError(error, "Unavailable"));
    assert.match(error.message, /^Lost the daemon on ".*": the connection ended/);
  }),
);

client(
  "streams the events of a watch as they come, and an error among them",
  withDeadline(5000, async () => {
    await using daemon = new FakeDaemon();
    await daemon.listen();
    daemon.answer = ({ query }, response) => {
      assert.is(query.get("watch"), "true");
      response.write('{"type":"ADDED","object":{"n":1}}\n{"type":"MODI');
      response.write('FIED","object":{"n":2}}\n');
      response.end('{"type":"ERROR","object":{"code":410,"reason":"Expired","message":"old"}}\n');
    };
    const api = new ApiClient({ socketPath: daemon.socketPath });
    const seen: unknown[] = [];
    const failed = await rejection(
      (async () => {
        for await (const { object } of api.watch("/w", {}, new AbortController().signal)) {
          seen.push(object);
        }
      })(),
    );
    assert.equal(seen, [{ n: 1 }, { n: 2 }]);
    assert.ok(isPodError(failed, "FailedPrecondition"));
    assert.is(failed.data["reason"], "Expired");
  }),
);

client(
  "ends a watch without an error when it is told to",
  withDeadline(5000, async () => {
    await using daemon = new FakeDaemon();
    await daemon.listen();
    daemon.answer = (_, response) => response.write('{"type":"ADDED","object":{}}\n');
    const api = new ApiClient({ socketPath: daemon.socketPath });
    const abort = new AbortController();
    let events = 0;
    for await (const _ of api.watch("/w", {}, abort.signal)) {
      events++;
      abort.abort();
    }
    assert.is(events, 1);
  }),
);

client("says that nobody listens when it must not start a daemon", async () => {
  await using daemon = new FakeDaemon();
  const api = new ApiClient({ socketPath: daemon.socketPath });
  assert.ok(isPodError(await rejection(api.json("GET", "/")), "Unavailable"));
  await daemon.listen();
});

client.run();

const helpers = suite("statusError()");

helpers("takes an answer that is no Status", () => {
  assert.is(statusError("broken\n", 500).message, "broken");
  assert.is(statusError("", 503).message, "The daemon answered with HTTP status 503");
});

helpers.run();

async function rejection(promise: Promise<unknown>): Promise<PodError> {
  try {
    await promise;
  } catch (error) {
    if (error instanceof PodError) return error;
    throw error;
  }
  throw new Error("expected a PodError");
}
