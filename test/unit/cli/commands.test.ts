import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import type { PodError } from "../../../src/base/errors.ts";
import { deleteObjects } from "../../../src/cli/commands/delete.ts";
import { describeObjects } from "../../../src/cli/commands/describe.ts";
import { getObjects } from "../../../src/cli/commands/get.ts";
import { listImages } from "../../../src/cli/commands/image.ts";
import { loadArchive } from "../../../src/cli/commands/image-load.ts";
import { logQuery, showLogs } from "../../../src/cli/commands/logs.ts";
import { showVersion } from "../../../src/cli/commands/version.ts";
import type { Pod } from "../../../src/spec/pod.ts";
import { withDeadline } from "../../support/with-deadline.ts";
import { FakeDaemon, fail, fakeContext, reply } from "./fake-daemon.ts";
import { container, pod } from "./pods.ts";

const running = pod({
  phase: "Running",
  podIP: "10.85.0.2",
  containerStatuses: [container({ running: { startedAt: "2026-01-01T00:00:01Z" } })],
});
const list = (...items: readonly unknown[]) => ({
  kind: "List",
  metadata: { resourceVersion: "9" },
  items,
});

const get = suite("nspod get");

get(
  "asks for a namespace and prints kubectl's table",
  withDeadline(5000, async () => {
    await using daemon = new FakeDaemon();
    await daemon.listen();
    daemon.answer = (_, response) => reply(response, list(running));
    const { context, printed } = fakeContext(daemon, { namespace: "shop" });
    assert.is(await getObjects(context, ["pods"], { selector: "app=web" }), 0);
    assert.is(daemon.asked[0]?.path, "/api/v1/namespaces/shop/pods");
    assert.is(daemon.asked[0]?.query.get("labelSelector"), "app=web");
    assert.match(
      printed.out,
      /^NAME {3}READY {3}STATUS {4}RESTARTS {3}AGE\nweb {4}1\/1 {5}Running {3}0 {10}\d+/,
    );
  }),
);

get(
  "-A -o wide, -o name, -o json and -o yaml",
  withDeadline(5000, async () => {
    await using daemon = new FakeDaemon();
    await daemon.listen();
    daemon.answer = ({ path }, response) =>
      reply(response, path.endsWith("/web") ? running : list(running));
    const { context, printed } = fakeContext(daemon);
    const output = async (
      ...args: Parameters<typeof getObjects> extends [unknown, ...infer R] ? R : never
    ) => {
      printed.out = "";
      await getObjects(context, ...args);
      return printed.out;
    };
    assert.match(
      await output(["po"], { allNamespaces: true, output: { format: "wide" } }),
      /^NAMESPACE .* IP .*\ndefault .* 10\.85\.0\.2 /,
    );
    assert.is(daemon.asked[0]?.path, "/api/v1/pods");
    assert.is(await output(["pods"], { output: { format: "name" } }), "pod/web\n");
    assert.is(JSON.parse(await output(["pod", "web"], { output: { format: "json" } })).kind, "Pod");
    assert.is(JSON.parse(await output(["pods"], { output: { format: "json" } })).kind, "List");
    assert.match(await output(["pod/web"], { output: { format: "yaml" } }), "podIP: 10.85.0.2");
  }),
);

get(
  "says what is missing and what is empty",
  withDeadline(5000, async () => {
    await using daemon = new FakeDaemon();
    await daemon.listen();
    daemon.answer = ({ path }, response) =>
      path.endsWith("/pods") || path.endsWith("/events")
        ? reply(response, list())
        : fail(response, 404, "NotFound", 'pods "x" not found');
    const { context, printed } = fakeContext(daemon);
    assert.is(await getObjects(context, ["pods"], {}), 0);
    assert.is(await getObjects(context, ["events"], { allNamespaces: true }), 0);
    assert.is(printed.err, "No resources found in default namespace.\nNo resources found\n");
    assert.is(await getObjects(context, ["pod", "x"], {}), 1);
    assert.is(await getObjects(context, ["pod", "x"], { ignoreNotFound: true }), 0);
    assert.match(printed.err, 'nspod: pods "x" not found');
    assert.match(await failureOf(getObjects(context, ["pds"], {})), 'did you mean "pod');
    assert.is(printed.out, "");
  }),
);

get.run();

const logs = suite("nspod logs");

const two: Pod = {
  ...running,
  spec: {
    containers: [
      { name: "app", image: "a" },
      { name: "side", image: "b" },
    ],
  },
};

logs(
  "takes the first container and says so, or the one with -c",
  withDeadline(5000, async () => {
    await using daemon = new FakeDaemon();
    await daemon.listen();
    daemon.answer = ({ path, query }, response) =>
      path.endsWith("/log")
        ? response.end(
            `${query.has("timestamps") ? "2026-01-01T00:00:00.000000000Z " : ""}log of ${query.get("container")}\n`,
          )
        : reply(response, two);
    const { context, printed } = fakeContext(daemon);
    await showLogs(context, ["web"], {});
    assert.is(printed.err, 'Defaulted container "app" out of: app, side\n');
    await showLogs(context, ["pod/web"], { container: "side", tail: "3", timestamps: true });
    const asked = daemon.asked.at(-1);
    assert.is(asked?.query.get("tailLines"), "3");
    assert.is(asked?.query.get("timestamps"), "true");
    await showLogs(context, ["web"], { allContainers: true, prefix: true });
    assert.is(
      printed.out,
      "log of app\n2026-01-01T00:00:00.000000000Z log of side\n[pod/web/app] log of app\n[pod/web/side] log of side\n",
    );
    assert.match(await failureOf(showLogs(context, ["web", "sid"], {})), 'did you mean "side"');
  }),
);

logs("turns options into the query of the API", () => {
  const { sinceSeconds, tailLines, limitBytes } = logQuery({
    since: "1500ms",
    tail: "-1",
    limitBytes: "10",
  });
  assert.equal([sinceSeconds, tailLines, limitBytes], [2, undefined, 10]);
  for (const wrong of [
    { tail: "x" },
    { tail: "-2" },
    { limitBytes: "0" },
    { sinceTime: "yesterday" },
    { since: "1s", sinceTime: "2026-01-01T00:00:00Z" },
  ]) {
    assert.throws(() => logQuery(wrong));
  }
});

logs.run();

const deletion = suite("nspod delete");

deletion(
  "passes the grace period on and waits until the pod is gone",
  withDeadline(5000, async () => {
    await using daemon = new FakeDaemon();
    await daemon.listen();
    let looks = 0;
    daemon.answer = ({ method, query }, response) => {
      if (method === "DELETE") reply(response, running);
      else if (query.get("watch"))
        response.end(`${JSON.stringify({ type: "DELETED", object: running })}\n`);
      else if (looks++ === 0) reply(response, running);
      else fail(response, 404, "NotFound", "gone");
    };
    const { context, printed } = fakeContext(daemon);
    assert.is(await deleteObjects(context, ["pod", "web"], { now: true, wait: true }), 0);
    const grace = (): unknown =>
      JSON.parse(daemon.asked.findLast(({ method }) => method === "DELETE")?.body ?? "")
        .gracePeriodSeconds;
    assert.is(grace(), 1);
    assert.is(printed.out, 'pod "web" deleted\n');
    assert.is(daemon.asked.at(-1)?.query.get("watch"), "true");
    await deleteObjects(context, ["web"], { force: true, wait: false });
    assert.is(grace(), 0);
    assert.match(printed.out, 'pod "web" force deleted\n');
  }),
);

deletion(
  "names what is not there, unless told to ignore it, and needs to know which",
  withDeadline(5000, async () => {
    await using daemon = new FakeDaemon();
    await daemon.listen();
    daemon.answer = (_, response) => fail(response, 404, "NotFound", 'pods "x" not found');
    const { context, printed } = fakeContext(daemon);
    assert.is(await deleteObjects(context, ["x"], {}), 1);
    assert.is(await deleteObjects(context, ["x"], { ignoreNotFound: true }), 0);
    assert.is(printed.err, 'nspod: pods "x" not found\n');
    assert.match(await failureOf(deleteObjects(context, [], {})), "Name the objects");
    assert.match(
      await failureOf(deleteObjects(context, ["x"], { all: true })),
      "cannot be combined",
    );
    assert.match(
      await failureOf(deleteObjects(context, ["x"], { gracePeriod: "-5" })),
      "--grace-period",
    );
  }),
);

deletion.run();

const others = suite("nspod describe, image, version");

others(
  "describe asks for the events of this very pod",
  withDeadline(5000, async () => {
    await using daemon = new FakeDaemon();
    await daemon.listen();
    daemon.answer = ({ path }, response) =>
      reply(response, path.endsWith("/events") ? list() : running);
    const { context, printed } = fakeContext(daemon);
    await describeObjects(context, ["pod", "web"], {});
    assert.match(daemon.asked[1]?.query.get("fieldSelector") ?? "", "involvedObject.uid=");
    assert.match(printed.out, /^Name: {13}web\n/);
    assert.match(printed.out, /\nEvents: {11}<none>\n$/);
  }),
);

const image = {
  id: "sha256:0123456789abcdef",
  manifest: "sha256:1",
  names: ["docker.io/library/busybox:latest", "docker.io/me/tools:2"],
  sizeBytes: 4_261_550,
  createdAt: "2026-01-01T00:00:00Z",
  config: {},
  layers: [],
};

others(
  "image ls has a line per name, image load a line per loaded name",
  withDeadline(5000, async () => {
    await using daemon = new FakeDaemon();
    await daemon.listen();
    const file = join(daemon.folder, "a.tar");
    writeFileSync(file, "");
    daemon.answer = ({ method }, response) => {
      if (method === "GET") return reply(response, { images: [image] });
      response.write(
        '{"progress":{"stage":"reading","doneBytes":1,"doneLayers":0,"totalLayers":1}}\n',
      );
      response.end(
        `${JSON.stringify({ images: [{ image, moved: [], existed: false, warnings: ["left out x"] }] })}\n`,
      );
    };
    const { context, printed } = fakeContext(daemon);
    await listImages(context, {});
    assert.match(
      printed.out,
      /busybox {6}latest {3}0123456789ab {3}.* ago {3}4\.26MB\nme\/tools {5}2 /,
    );
    printed.out = "";
    await loadArchive(context, file, { isQuiet: false });
    assert.is(daemon.asked.at(-1)?.query.get("path"), file);
    assert.match(printed.out, "Loaded image: docker.io/library/busybox:latest\n");
    assert.is(printed.err, "nspod: left out x\n");
  }),
);

others(
  "image load prints the daemon's sentence when the archive is bad",
  withDeadline(5000, async () => {
    await using daemon = new FakeDaemon();
    await daemon.listen();
    const file = join(daemon.folder, "a.tar");
    writeFileSync(file, "");
    daemon.answer = (_, response) =>
      response.end(
        '{"error":{"kind":"Status","message":"the archive is damaged","reason":"Invalid"}}\n',
      );
    const { context } = fakeContext(daemon);
    assert.is(
      await failureOf(loadArchive(context, file, { isQuiet: false })),
      "the archive is damaged",
    );
    assert.match(
      await failureOf(loadArchive(context, "/no/such.tar", { isQuiet: true })),
      "No such file",
    );
  }),
);

others("version starts no daemon", async () => {
  await using daemon = new FakeDaemon();
  const { context, printed } = fakeContext(daemon);
  assert.is(await showVersion(context, {}), 0);
  assert.match(printed.out, /^Client Version: v\d+\.\d+\.\d+ \(Node\.js v\d+.*\)\n$/);
  await daemon.listen();
});

others.run();

async function failureOf(promise: Promise<unknown>): Promise<string> {
  try {
    await promise;
  } catch (error) {
    return (error as PodError).message;
  }
  throw new Error("expected an error");
}
