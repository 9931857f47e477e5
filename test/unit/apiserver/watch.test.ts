// Watches over HTTP: what a client with selectors sees, bookmarks, ends and errors.
import type { IncomingMessage } from "node:http";
import { createInterface } from "node:readline";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import type { Pod } from "../../../src/spec/pod.ts";
import { withDeadline } from "../../support/with-deadline.ts";
import { Fixture, storedPod } from "./fixture.ts";

const watch = suite("watch");
let fixture: Fixture;
const path = "/api/v1/namespaces/default/pods?watch=true";

watch.before.each(async () => {
  fixture = await new Fixture().start();
});

watch.after.each(async () => {
  await fixture.stop();
});

interface Line {
  readonly type: string;
  readonly object: {
    readonly metadata: {
      readonly name: string;
      readonly resourceVersion: string;
      readonly annotations?: Readonly<Record<string, string>>;
    };
    readonly code?: number;
    readonly reason?: string;
  };
}

class Lines {
  readonly #response: IncomingMessage;
  readonly #lines: AsyncIterator<string>;

  constructor(response: IncomingMessage) {
    this.#response = response;
    this.#lines = createInterface({ input: response })[Symbol.asyncIterator]();
  }

  async next(): Promise<Line | undefined> {
    const { value, done } = await this.#lines.next();
    return done ? undefined : (JSON.parse(value) as Line);
  }

  async words(count: number): Promise<readonly string[]> {
    const words: string[] = [];
    while (words.length < count) {
      const line = await this.next();
      if (line === undefined) break;
      words.push(`${line.type} ${line.object.metadata.name ?? ""}`.trim());
    }
    return words;
  }

  leave(): void {
    this.#response.destroy();
  }
}

async function open(query: string): Promise<Lines> {
  return new Lines(await fixture.open("GET", path + query));
}

function relabel(name: string, labels: Readonly<Record<string, string>>): void {
  fixture.store.mutate<Pod>("Pod", "default", name, (pod) => ({
    ...pod,
    metadata: { ...pod.metadata, labels },
  }));
}

watch(
  "begins with what there is and goes on",
  withDeadline(30_000, async () => {
    fixture.store.create(storedPod("a"));
    const lines = await open("");
    assert.equal(await lines.words(1), ["ADDED a"]);
    fixture.store.create(storedPod("b"));
    fixture.store.create(storedPod("c", { namespace: "other" }));
    fixture.store.delete("Pod", "default", "a");
    assert.equal(await lines.words(2), ["ADDED b", "DELETED a"]);
  }),
);

watch(
  "goes on from a list, and from now when no state is wanted",
  withDeadline(30_000, async () => {
    fixture.store.create(storedPod("a"));
    const { resourceVersion } = fixture.store.list("Pod");
    fixture.store.create(storedPod("b"));
    const fromList = await open(`&resourceVersion=${resourceVersion}`);
    assert.equal(await fromList.words(1), ["ADDED b"]);
    const fromNow = await open("&sendInitialEvents=false&resourceVersionMatch=NotOlderThan");
    fixture.store.create(storedPod("c"));
    assert.equal(await fromNow.words(1), ["ADDED c"]);
  }),
);

watch(
  "shows objects that begin and cease to match as added and deleted",
  withDeadline(30_000, async () => {
    fixture.store.create(storedPod("a"));
    const lines = await open("&labelSelector=app%3Dweb");
    fixture.store.create(storedPod("b", { labels: { app: "web" } }));
    relabel("a", { app: "web" });
    relabel("a", { app: "web", more: "1" });
    relabel("a", { app: "db" });
    relabel("a", { app: "cache" });
    fixture.store.delete("Pod", "default", "a");
    fixture.store.delete("Pod", "default", "b");
    const expected = ["ADDED b", "ADDED a", "MODIFIED a", "DELETED a", "DELETED b"];
    assert.equal(await lines.words(5), expected);
  }),
);

watch(
  "selects by field",
  withDeadline(30_000, async () => {
    const lines = await open("&fieldSelector=metadata.name%3Db");
    fixture.store.create(storedPod("a"));
    fixture.store.create(storedPod("b"));
    assert.equal(await lines.words(1), ["ADDED b"]);
  }),
);

watch(
  "marks the end of a streaming list",
  withDeadline(30_000, async () => {
    fixture.store.create(storedPod("a"));
    const streaming =
      "&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true";
    const lines = await open(streaming);
    assert.equal(await lines.words(1), ["ADDED a"]);
    const mark = await lines.next();
    assert.is(mark?.type, "BOOKMARK");
    assert.equal(mark?.object.metadata.annotations, { "k8s.io/initial-events-end": "true" });
    assert.is(mark?.object.metadata.resourceVersion, fixture.store.resourceVersion);
  }),
);

watch(
  "ends after its time",
  withDeadline(30_000, async () => {
    const lines = await open("&timeoutSeconds=3600");
    assert.is(fixture.timers.length, 1);
    for (const run of [...fixture.timers]) run();
    assert.is(await lines.next(), undefined);
  }),
);

watch(
  "tells a version that is too old in a last line",
  withDeadline(30_000, async () => {
    const lines = await open("&resourceVersion=99999999");
    const line = await lines.next();
    assert.is(line?.type, "ERROR");
    assert.is(line?.object.code, 410);
    assert.is(line?.object.reason, "Expired");
    assert.is(await lines.next(), undefined);
  }),
);

watch("refuses parameters that make no sense together", async () => {
  for (const query of [
    "&sendInitialEvents=true",
    "&resourceVersionMatch=NotOlderThan",
    "&resourceVersion=x",
    "&timeoutSeconds=-1",
  ]) {
    assert.is((await fixture.call("GET", path + query)).code, 400, query);
  }
});

watch(
  "lets go when the client leaves",
  withDeadline(30_000, async () => {
    const lines = await open("");
    lines.leave();
    while (fixture.server.connections > 0) await new Promise(setImmediate);
    fixture.store.create(storedPod("a"));
    assert.is(fixture.server.connections, 0);
  }),
);

watch.run();
