// What many objects cost a reader: 5,000 ConfigMaps of about 1 KiB.
//
//   list    the whole list by HTTP on the socket, until the last byte
//   watch   from the request that changes one object until a watch of all has the event
import type { ApiClient } from "../../../src/cli/api-client.ts";
import type { KubernetesObject } from "../../../src/spec/resources.ts";
import { type Bench, type Measure, Notes, withNspod } from "../measure.ts";

const count = 5000;
const atOnce = 50;
const path = "/api/v1/namespaces/default/configmaps";

export const objects: Measure = { name: "objects", run };

async function run(bench: Bench): Promise<Notes> {
  const notes = new Notes();
  await withNspod(bench, async ({ client }) => {
    const data = { text: "Some words that a program reads when it starts. ".repeat(20) };
    for (let first = 0; first < count; first += atOnce) {
      const some = Array.from({ length: atOnce }, (_, index) => `o-${first + index}`);
      await Promise.all(
        some.map(async (name) => {
          await client.text("POST", path, { body: { metadata: { name }, data } });
        }),
      );
    }
    const rounds = bench.rounds(15);
    const lists: number[] = [];
    for (let round = 0; round < rounds; round++) {
      const begin = performance.now();
      await client.text("GET", path);
      lists.push(performance.now() - begin);
    }
    notes.add("list-objects", "nspod", lists);
    notes.add("watch-objects", "nspod", await watchTimes(client, rounds * 10));
  });
  return notes;
}

async function watchTimes(client: ApiClient, rounds: number): Promise<readonly number[]> {
  const list = await client.json<{ readonly metadata: { readonly resourceVersion: string } }>(
    "GET",
    path,
    { query: { limit: 1 } },
  );
  const stop = new AbortController();
  const { resourceVersion } = list.metadata;
  const events = client.watch<KubernetesObject>(path, { resourceVersion }, stop.signal);
  const times: number[] = [];
  for (let round = 0; round < rounds; round++) {
    const mark = `round-${round}`;
    const begin = performance.now();
    const changed = client.text("PATCH", `${path}/o-${round}`, {
      body: { metadata: { annotations: { mark } } },
      contentType: "application/merge-patch+json",
    });
    for (;;) {
      const { value, done } = await events.next();
      if (done) throw new Error("The watch ended");
      if (value.object.metadata.annotations?.["mark"] === mark) break;
    }
    times.push(performance.now() - begin);
    await changed;
  }
  stop.abort();
  await events.next();
  return times;
}
