// What many objects cost: 5,000 ConfigMaps of about 1 KiB, and pods of which none runs.
//
//   list           the whole list by HTTP on the socket, until the last byte
//   table          the same as kubectl asks for it
//   watch          from the request that changes one object until a watch of all has the event
//   get            `nspod get configmaps` as a user types it
//
// Medians and maxima of ROUNDS, and the daemon's CPU time for one: that is what a machine with nothing else to do takes.
// The promise: list below 100 ms, watch below 10 ms.
import { readFileSync } from "node:fs";
import { type IncomingMessage, request } from "node:http";
import { Instance } from "../support/instance.ts";
import { daemonPid } from "../support/manifest.ts";

const count = Number(process.env["OBJECTS"] ?? 5000);
const rounds = Number(process.env["ROUNDS"] ?? 15);
await using instance = await Instance.start();
await instance.must(["get", "pods"]);
const daemon = await daemonPid(instance);

const tableType = "application/json;as=Table;v=v1;g=meta.k8s.io";
const kinds = [
  { path: "/api/v1/namespaces/default/configmaps", name: "ConfigMap", more: { data: text() } },
  {
    path: "/apis/batch/v1/namespaces/default/jobs",
    name: "Job",
    more: {
      spec: {
        suspend: true,
        template: {
          spec: { restartPolicy: "Never", containers: [{ name: "c", image: "busybox" }] },
        },
      },
    },
  },
];

for (const { path, name, more } of kinds) {
  const begin = performance.now();
  for (let first = 0; first < count; first += 50) {
    const batch = Array.from({ length: Math.min(50, count - first) }, (_, index) => {
      const metadata = { name: `o-${first + index}`, labels: { half: `${index % 2}` } };
      return send("POST", path, { metadata, ...more });
    });
    await Promise.all(batch);
  }
  console.log(`${count} of kind ${name}: ${(performance.now() - begin).toFixed(0)} ms to make`);
  await measure(path);
}
const gets: number[] = [];
for (let round = 0; round < 3; round++) {
  gets.push(await timed(async () => await instance.must(["get", "configmaps"])));
}
print("get", gets);

async function measure(path: string): Promise<void> {
  let bytes = 0;
  const list = async (): Promise<void> => {
    bytes = (await send("GET", path)).length;
  };
  await repeat("list", list);
  console.log(`    of ${(bytes / 2 ** 20).toFixed(1)} MiB`);
  await repeat("table", async () => await send("GET", path, undefined, tableType));
  await repeat("page of 500", async () => await send("GET", `${path}?limit=500`));
  await repeat("half, by label", async () => await send("GET", `${path}?labelSelector=half%3D1`));
  const { metadata } = JSON.parse(await send("GET", `${path}?limit=1`)) as {
    readonly metadata: { readonly resourceVersion: string };
  };
  const stream = await open("GET", `${path}?watch=1&resourceVersion=${metadata.resourceVersion}`);
  stream.setEncoding("utf8");
  const times: number[] = [];
  for (let round = 0; round < rounds * 10; round++) {
    const mark = `round-${round}`;
    const seen = Promise.withResolvers<void>();
    const onData = (chunk: string): void => {
      if (chunk.includes(mark)) seen.resolve();
    };
    stream.on("data", onData);
    const body = { metadata: { annotations: { mark } } };
    const begin = performance.now();
    const changed = send("PATCH", `${path}/o-${round}`, body, "application/json");
    await seen.promise;
    times.push(performance.now() - begin);
    stream.off("data", onData);
    await changed;
  }
  stream.destroy();
  print("watch", times);
}

/** One request. @returns the body. @throws Error when it failed. */
async function send(
  method: string,
  path: string,
  body?: object,
  accept = "application/json",
): Promise<string> {
  const response = await open(method, path, body, accept);
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk as Buffer);
  const answer = Buffer.concat(chunks).toString();
  if ((response.statusCode ?? 500) < 300) return answer;
  throw new Error(`${method} ${path}: ${answer}`);
}

async function open(
  method: string,
  path: string,
  body?: object,
  accept = "application/json",
): Promise<IncomingMessage> {
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
  const type = method === "PATCH" ? "application/merge-patch+json" : "application/json";
  const headers = { accept, ...(body && { "content-type": type }) };
  const socketPath = `${instance.run}/nspod.sock`;
  const call = request({ socketPath, method, path, headers }, resolve);
  call.on("error", reject);
  call.end(body && JSON.stringify(body));
  return await promise;
}

async function repeat(what: string, work: () => Promise<unknown>): Promise<void> {
  const before = cpuMs();
  const times: number[] = [];
  for (let round = 0; round < rounds; round++) times.push(await timed(work));
  print(what, times, (cpuMs() - before) / rounds);
}

/** CPU time that the daemon has had, in ticks of 10 ms. */
function cpuMs(): number {
  const fields = readFileSync(`/proc/${daemon}/stat`, "utf8").split(") ")[1]?.split(" ") ?? [];
  return 10 * (Number(fields[11]) + Number(fields[12]));
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const begin = performance.now();
  await work();
  return performance.now() - begin;
}

function text(): Readonly<Record<string, string>> {
  return { text: "Some words that a program reads when it starts. ".repeat(20) };
}

function print(what: string, times: readonly number[], perRound?: number): void {
  const sorted = times.toSorted((a, b) => a - b);
  const [median, most] = [sorted[Math.floor(sorted.length / 2)], sorted.at(-1)];
  const cpu = perRound === undefined ? "" : `, ${perRound.toFixed(1)} ms of CPU`;
  console.log(
    `  ${what.padEnd(16)} ${median?.toFixed(1)} ms, at most ${most?.toFixed(1)} ms${cpu}`,
  );
}
