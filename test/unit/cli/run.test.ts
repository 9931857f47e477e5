import { writeFileSync } from "node:fs";
import type { ServerResponse } from "node:http";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { type RunOptions, runManifests } from "../../../src/cli/commands/run.ts";
import type { Pod, PodStatus } from "../../../src/spec/pod.ts";
import { withDeadline } from "../../support/with-deadline.ts";
import { type Asked, FakeDaemon, fail, fakeContext, type Printed, reply } from "./fake-daemon.ts";
import { container, ended, pod, uid } from "./pods.ts";

const manifest = `
apiVersion: v1
kind: Pod
metadata: {name: web}
spec: {restartPolicy: Never, containers: [{name: app, image: busybox:1}]}
`;

/** What the daemon plays: states of the pod after its creation, and logs by container. */
interface Play {
  readonly states: readonly PodStatus[];
  readonly logs?: Readonly<Record<string, string>>;
  /** The state of the pod once it was deleted; DELETED follows. */
  readonly onDelete?: PodStatus;
  /** Cut the first connection of this path's end in the middle. */
  readonly cut?: "log" | "watch";
}

interface Played {
  readonly code: number;
  readonly printed: Printed;
  readonly asked: readonly Asked[];
}

async function play(
  { states, logs = {}, onDelete, cut }: Play,
  options: RunOptions = {},
  during?: (asked: Asked) => void,
): Promise<Played> {
  await using daemon = new FakeDaemon();
  await daemon.listen();
  const file = join(daemon.folder, "pod.yaml");
  writeFileSync(file, manifest);
  const { context, printed } = fakeContext(daemon);
  let cuts = 0;
  let isDeleted = false;
  const watches: ServerResponse[] = [];
  const event = (type: string, status: PodStatus, extra: object = {}): string => {
    const object = pod(status);
    return `${JSON.stringify({ type, object: { ...object, metadata: { ...object.metadata, ...extra } } })}\n`;
  };
  const deleted = { deletionTimestamp: "2026-01-01T00:01:00Z" };
  daemon.answer = (asked, response) => {
    during?.(asked);
    const { method, path, query } = asked;
    if (method === "POST") {
      reply(response, pod({ phase: "Pending" }), 201);
    } else if (method === "DELETE") {
      isDeleted = true;
      reply(response, pod(states.at(-1)));
      for (const watch of watches) {
        if (onDelete) watch.write(event("MODIFIED", onDelete, deleted));
        watch.end(event("DELETED", onDelete ?? {}, deleted));
      }
    } else if (path.endsWith("/log")) {
      const text = logs[query.get("container") ?? ""] ?? "";
      if (cut === "log" && cuts++ === 0) {
        response.write(text.slice(0, text.length / 2), () => response.socket?.destroy());
      } else {
        response.end(query.get("previous") === "true" ? logs["previous"] : text);
      }
    } else if (query.get("watch") === "true") {
      if (cut === "watch" && cuts++ === 0) {
        response.write(event("MODIFIED", states[0] ?? {}), () => response.socket?.destroy());
        return;
      }
      for (const status of states) response.write(event("MODIFIED", status));
      if (isDeleted) response.end(event("DELETED", {}, deleted));
      else watches.push(response);
    } else if (isDeleted) {
      fail(response, 404, "NotFound", 'pods "web" not found');
    } else {
      reply(response, pod(states[0]));
    }
  };
  const code = await runManifests(context, [file], options);
  return { code, printed, asked: daemon.asked };
}

const line = (second: number, text: string): string =>
  `2026-01-01T00:00:0${second}.000000000Z ${text}\n`;

const running: PodStatus = {
  phase: "Running",
  conditions: [{ type: "Ready", status: "True" }],
  containerStatuses: [container({ running: {} }, { containerID: "nspod://a1" })],
};

const run = suite("nspod run in the foreground");

run(
  "prints logs with the container's name and ends with 0 when the pod succeeded",
  withDeadline(5000, async () => {
    const { code, printed, asked } = await play({
      states: [running, { phase: "Succeeded", containerStatuses: [container(ended(0))] }],
      logs: { app: line(1, "one") + line(2, "two") },
    });
    assert.is(code, 0);
    assert.is(printed.out, "app | one\napp | two\n");
    assert.is(printed.err, "");
    const sent = JSON.parse(asked[0]?.body ?? "") as Pod;
    assert.is(sent.metadata.name, "web");
    assert.is(asked.filter(({ method }) => method === "DELETE").length, 0);
    assert.is(asked.filter(({ path }) => path.endsWith("/log")).length, 1);
  }),
);

run(
  "ends with the code of the container that failed, and reports it with its last lines",
  withDeadline(5000, async () => {
    const { code, printed } = await play({
      states: [{ phase: "Failed", containerStatuses: [container(ended(3))] }],
      logs: { app: line(1, "no such table") },
    });
    assert.is(code, 3);
    assert.match(
      printed.err,
      'Pod "default/web" failed: Container "app" failed: exit code 3 (Error)',
    );
    assert.match(printed.err, "Its last lines:\n  no such table");
  }),
);

run(
  "--rm deletes the pod that has ended and waits until it is gone",
  withDeadline(5000, async () => {
    const { code, asked } = await play(
      { states: [{ phase: "Succeeded", containerStatuses: [container(ended(0))] }] },
      { rm: true },
    );
    assert.is(code, 0);
    const deletion = asked.find(({ method }) => method === "DELETE");
    assert.equal(JSON.parse(deletion?.body ?? ""), {
      apiVersion: "v1",
      kind: "DeleteOptions",
      preconditions: { uid },
    });
  }),
);

run(
  "Ctrl-C deletes the pod with its grace period and ends with 130",
  withDeadline(5000, async () => {
    const { code, asked, printed } = await play(
      {
        states: [running],
        logs: { app: line(1, "up") },
        onDelete: { phase: "Failed", containerStatuses: [container(ended(143))] },
      },
      {},
      ({ path }) => {
        if (path.endsWith("/log")) process.emit("SIGINT", "SIGINT");
      },
    );
    assert.is(code, 130);
    assert.match(printed.err, "Stopping web (press Ctrl-C again to kill)");
    assert.not.match(printed.err, "failed");
    const deletion = asked.find(({ method }) => method === "DELETE");
    assert.is(JSON.parse(deletion?.body ?? "").gracePeriodSeconds, undefined);
  }),
);

run(
  "gives up at once, and cleans up, when no image can come",
  withDeadline(5000, async () => {
    const waiting = { waiting: { reason: "ErrImageNeverPull", message: 'no image "busybox:1"' } };
    const { code, printed, asked } = await play({
      states: [{ phase: "Pending", containerStatuses: [container(waiting)] }],
    });
    assert.is(code, 1);
    assert.match(
      printed.err,
      'cannot start: Container "app": ErrImageNeverPull: no image "busybox:1"',
    );
    assert.ok(asked.some(({ method }) => method === "DELETE"));
  }),
);

for (const cut of ["log", "watch"] as const) {
  run(
    `prints every line once when the daemon goes away during a ${cut}`,
    withDeadline(5000, async () => {
      const { code, printed } = await play({
        states: [running, { phase: "Succeeded", containerStatuses: [container(ended(0))] }],
        logs: { app: line(1, "one") + line(1, "two") + line(2, "three") + line(3, "four") },
        cut,
      });
      assert.is(code, 0);
      assert.is(printed.out, "app | one\napp | two\napp | three\napp | four\n");
    }),
  );
}

run(
  "prints both attempts when a container was restarted before its log was read",
  withDeadline(5000, async () => {
    const second = container(
      { running: {} },
      { containerID: "nspod://a2", lastState: ended(1), restartCount: 1 },
    );
    const { printed } = await play({
      states: [
        running,
        { phase: "Running", containerStatuses: [second] },
        {
          phase: "Succeeded",
          containerStatuses: [
            container(ended(0, { containerID: "nspod://a2" }), { lastState: ended(1) }),
          ],
        },
      ],
      // The first request comes too late: it reads the second attempt already.
      logs: { app: line(5, "second"), previous: line(1, "first") },
    });
    assert.is(printed.out, "app | second\napp | first\n");
  }),
);

run.run();

const detached = suite("nspod run -d, --wait");

detached(
  "-d prints the name and returns",
  withDeadline(5000, async () => {
    const { code, printed, asked } = await play({ states: [] }, { detach: true });
    assert.is(code, 0);
    assert.is(printed.out, "pod/web\n");
    assert.is(asked.length, 1);
  }),
);

detached(
  "--wait ready returns when the pod is ready",
  withDeadline(5000, async () => {
    const { code, printed } = await play(
      { states: [{ phase: "Pending" }, running] },
      { wait: "ready" },
    );
    assert.is(code, 0);
    assert.is(printed.out, "pod/web\n");
  }),
);

detached(
  "--wait says why the pod is not there, with the log of what failed",
  withDeadline(5000, async () => {
    const { code, printed } = await play(
      {
        states: [{ phase: "Failed", containerStatuses: [container(ended(1))] }],
        logs: { app: "cannot open port\n" },
      },
      { wait: "ready" },
    );
    assert.is(code, 1);
    assert.match(
      printed.err,
      'Pod "default/web" is not ready: Container "app" failed: exit code 1',
    );
    assert.match(printed.err, "  cannot open port");
  }),
);

detached(
  "--timeout ends the wait with what the pod waits for",
  withDeadline(5000, async () => {
    const waiting = { waiting: { reason: "CreateContainerError", message: "no space" } };
    const { code, printed } = await play(
      { states: [{ phase: "Pending", containerStatuses: [container(waiting)] }] },
      { wait: "running", timeout: "100ms" },
    );
    assert.is(code, 1);
    assert.match(printed.err, 'gave up waiting: Container "app": CreateContainerError: no space');
  }),
);

detached("--rm needs the foreground", async () => {
  await using daemon = new FakeDaemon();
  await daemon.listen();
  const { context } = fakeContext(daemon);
  try {
    await runManifests(context, ["-"], { rm: true, detach: true });
    assert.unreachable();
  } catch (error) {
    assert.match(String(error), "leave out -d");
  }
});

detached.run();
