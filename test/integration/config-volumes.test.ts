// Promise: volumes from ConfigMaps, Secrets, fields of the pod and tokens hold what the manifest
// says, follow their objects, are read-only, and nothing of a secret is on a disk.
import { execFileSync } from "node:child_process";
import { statSync } from "node:fs";
import { join } from "node:path";
import * as assert from "uvu/assert";
import type { Pod } from "../../src/spec/pod.ts";
import { eventually } from "../support/eventually.ts";
import { daemonPid } from "../support/manifest.ts";
import { podSuite } from "../support/pod-suite.ts";
import { type Pods, shell, sleeper, statusOf } from "../support/pods.ts";
import { requires } from "../support/requires.ts";

requires("root");

const { test, run } = podSuite("config-volumes", "busybox");

const secretWord = "nspod-very-secret-word";

function running(pods: Pods, name: string): Promise<Pod> {
  return pods.until(name, "its container to run", (pod) =>
    Boolean(statusOf(pod, "main").state?.running),
  );
}

/** Waits until a script in the container says something; the clock of people starts with the change. */
async function untilSays(pods: Pods, name: string, script: string, words: string): Promise<void> {
  await eventually(`"${script}" to say "${words}"`, 5_000, async () => {
    return (await pods.ask(name, script)) === words ? true : undefined;
  });
}

test("the container sees contents, modes and the layout of Kubernetes", async (pods) => {
  await pods.createManifest("config-volumes");
  const pod = await running(pods, "config");
  const ask = (script: string): Promise<string> => pods.ask("config", script);

  assert.is(await ask("ls -A /all | grep -v '^\\.\\.'"), "app.conf\nbytes\ngreeting");
  assert.is(await ask("cat /all/app.conf /all/greeting"), "colour=blue\nhello");
  assert.is(await ask("hexdump -ve '1/1 \"%02x\"' /all/bytes"), "000102ff");
  assert.is(await ask("readlink /all/greeting"), "..data/greeting");
  assert.match(await ask("readlink /all/..data"), /^\.\.\d{4}(_\d\d){5}\.\d+$/);
  assert.is(await ask("stat -Lc '%a %u %g' /all/greeting /all"), "644 0 0\n777 0 0");

  assert.is(await ask("cat /some/deep/er/word"), "hello");
  assert.is(
    await ask("cd /some/..data; find . -mindepth 1 | sort"),
    "./app.conf\n./deep\n./deep/er\n./deep/er/word",
  );
  assert.is(await ask("readlink /some/deep"), "..data/deep");
  assert.is(await ask("stat -Lc %a /some/deep/er/word /some/app.conf /some/deep"), "440\n755\n755");
  assert.is(await ask("ls -A /none | grep -v '^\\.\\.' || true"), "");

  assert.is(await ask("cat /secret/password /secret/token"), `${secretWord}nspod-binary-secret`);
  assert.is(await ask("stat -Lc %a /secret/password /secret /part/t"), "400\n1777\n600");
  assert.is(await ask("ls /part"), "t");

  assert.is(await ask("cat /about/labels"), 'app="config"\ntier="front"');
  assert.is(await ask("cat /about/annotations"), 'note="a \\"quoted\\" word"');
  assert.is(await ask("cat /about/tier /about/identity/name /about/cpu"), "frontconfig250");
  assert.is(await ask("stat -Lc %a /about/tier /about/identity/name"), "444\n600");

  assert.is(
    await ask("cat /together/conf/greeting /together/secret/password"),
    `hello${secretWord}`,
  );
  assert.is(await ask("cat /together/uid"), pod.metadata.uid);
  assert.is(await ask("stat -Lc %a /together/secret/password /together/uid"), "400\n644");
  const token = (await ask("cat /together/token")).split(".");
  const claims = JSON.parse(Buffer.from(token[1] ?? "", "base64url").toString()) as Claims;
  assert.is(token.length, 3);
  assert.equal(claims.aud, ["vault"]);
  assert.is(claims.sub, "system:serviceaccount:default:default");
  assert.is(claims.exp - claims.iat, 600);
  assert.is(claims["kubernetes.io"].pod.uid, pod.metadata.uid);

  assert.is(await ask("cat /etc/app.conf"), "colour=blue");
});

interface Claims {
  readonly aud: readonly string[];
  readonly sub: string;
  readonly exp: number;
  readonly iat: number;
  readonly "kubernetes.io": { readonly pod: { readonly uid: string } };
}

test("the volumes are read-only and in memory, and nothing of a secret is on a disk", async (pods) => {
  const { instance } = pods;
  for (const folder of ["/all", "/secret", "/about", "/together"]) {
    const refused = await pods.exec("config", `touch ${folder}/x`);
    assert.match(refused.stderr, "Read-only file system");
    assert.is(await pods.ask("config", `stat -f -c %T ${folder}`), "tmpfs");
  }
  const options = await pods.ask(
    "config",
    "awk '$5 == \"/secret\" {print $6}' /proc/self/mountinfo",
  );
  for (const option of ["ro", "nosuid", "nodev"]) {
    assert.ok(options.split(",").includes(option), options);
  }
  // The store keeps the objects themselves; beside it there is nothing.
  const found = execFileSync("sh", [
    "-c",
    `grep -rlaF -e ${secretWord} -e nspod-binary-secret ${instance.root} | grep -v '/nspod.db' || true`,
  ]);
  assert.is(String(found), "");
  assert.is(statSync(join(instance.root, "service-account.key")).mode & 0o777, 0o600);
});

test("a change of an object reaches the files within a moment, without a restart", async (pods) => {
  const ask = (script: string): Promise<string> => pods.ask("config", script);
  const before = await ask("readlink /all/..data");
  await pods.patch("ConfigMap", "settings", {
    data: { "app.conf": "colour=red\n", greeting: null, "new.conf": "new" },
  });
  await untilSays(pods, "config", "cat /all/app.conf", "colour=red");
  assert.is(await ask("ls -A /all | grep -v '^\\.\\.'"), "app.conf\nbytes\nnew.conf");
  assert.is(await ask("ls -A /all | grep '^\\.\\.' | wc -l"), "2", "the old folder has gone");
  assert.is.not(await ask("readlink /all/..data"), before);
  // A mount of one file keeps what it got.
  assert.is(await ask("cat /etc/app.conf"), "colour=blue");
  // This one names a key that is gone: it keeps its content, and an event says why.
  assert.is(await ask("cat /some/deep/er/word"), "hello");
  const events = await pods.events("config");
  assert.ok(
    events.some(
      ({ reason, message }) =>
        reason === "FailedMount" &&
        message ===
          'MountVolume.SetUp failed for volume "some" : configmap references non-existent config key: greeting',
    ),
    JSON.stringify(events.map(({ message }) => message)),
  );

  await pods.patch("ConfigMap", "settings", { data: { greeting: "welcome" } });
  await untilSays(
    pods,
    "config",
    "cat /some/deep/er/word /together/conf/greeting",
    "welcomewelcome",
  );

  await pods.patch("Secret", "keys", { stringData: { password: "another word" } });
  await untilSays(pods, "config", "cat /secret/password", "another word");
  await pods.createObject({
    kind: "ConfigMap",
    ...{ apiVersion: "v1", metadata: { name: "not-there" }, data: { there: "now" } },
  });
  await untilSays(pods, "config", "cat /none/there || true", "now");
  await pods.deleteObject("ConfigMap", "not-there");
  await untilSays(pods, "config", "ls /none", "");

  const patch = { metadata: { labels: { tier: "back" }, annotations: { note: null } } };
  await pods.patch("Pod", "config", patch);
  await untilSays(pods, "config", "cat /about/labels", 'app="config"\ntier="back"');
  await untilSays(pods, "config", "cat /about/tier /about/annotations", "back");
  assert.is(statusOf(await pods.get("config"), "main").restartCount, 0);
});

test("a new daemon goes on where the old one ended", async (pods) => {
  const ask = (script: string): Promise<string> => pods.ask("config", script);
  const folders = "readlink /all/..data; readlink /secret/..data; readlink /about/..data";
  const before = await ask(folders);
  process.kill(await daemonPid(pods.instance), "SIGKILL");
  // Nothing has changed, so nothing is written.
  assert.is(await ask(folders), before);
  await pods.patch("Secret", "keys", { stringData: { password: "third word" } });
  await untilSays(
    pods,
    "config",
    "cat /secret/password /together/secret/password",
    "third wordthird word",
  );
  assert.is(await ask("ls -A /secret | grep '^\\.\\.' | wc -l"), "2", "the old folder has gone");
  await pods.delete("config");
});

test("the group of fsGroup reads the files, and a token is its user's alone", async (pods) => {
  await running(pods, "group");
  const ask = (script: string): Promise<string> => pods.ask("group", script);
  assert.is(await ask("id -u; id -G"), "1000\n1000 2000");
  assert.is(await ask("stat -Lc '%a %u %g' /secret /secret/password"), "3777 0 2000\n440 0 2000");
  assert.is(await ask("stat -c '%g' /secret/password /secret/..data"), "2000\n2000");
  assert.is(await ask("stat -Lc '%a %u %g' /secret/..data /token/a"), "2755 0 2000\n2755 0 2000");
  assert.is(await ask("stat -Lc '%a %u %g' /token/token /token/a/b"), "640 1000 2000\n644 0 2000");
  assert.match(await pods.log("group", "main"), "readable");
  await pods.delete("group");
});

test("a pod waits for what its volumes are made of, and says so", async (pods) => {
  const waitsFor = (why: string): Promise<Pod> =>
    pods.until("waiting", why, (pod) => {
      const state = statusOf(pod, "main").state?.waiting;
      return (
        state?.reason === "ContainerCreating" &&
        state.message === `MountVolume.SetUp failed for volume "late" : ${why}`
      );
    });
  await waitsFor('configmap "late" not found');
  const late = { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "late" } };
  await pods.createObject({ ...late, ...{ data: { other: "x" } } });
  const pod = await waitsFor("configmap references non-existent config key: word");
  assert.is(pod.status?.phase, "Pending");
  await pods.patch("ConfigMap", "late", { data: { word: "here" } });
  await pods.untilEnded("waiting", 5_000);
  assert.is(await pods.log("waiting"), "here");
  const events = await pods.events("waiting");
  assert.ok(events.some(({ reason, type }) => reason === "FailedMount" && type === "Warning"));
  await pods.delete("waiting");
});

test("a reader sees the old content or the new one, never a mixture", async (pods) => {
  const data = (n: number): object => ({ data: { a: `${n}`, b: `${n}` } });
  const meta = { apiVersion: "v1", metadata: { name: "swap" } };
  await pods.createObject({ kind: "ConfigMap", ...{ ...meta, ...data(0) } });
  // Through one descriptor of the folder, as a program reads that wants a whole set.
  const loop = `
    while [ ! -e /tmp/stop ]; do
      cd -P /swap/..data || continue
      a=$(cat a 2>/dev/null) && b=$(cat b 2>/dev/null) || { echo gone; continue; }
      [ "$a" = "$b" ] && echo "whole $a" || echo "mixed $a $b"
    done`;
  await pods.create("swap", {
    volumes: [{ name: "v", configMap: { name: "swap" } }],
    containers: [shell("main", loop, { volumeMounts: [{ name: "v", mountPath: "/swap" }] })],
  });
  await running(pods, "swap");
  for (let n = 1; n <= 100; n++) await pods.patch("ConfigMap", "swap", data(n));
  await untilSays(pods, "swap", "cat /swap/a", "100");
  await pods.untilLogged("swap", "main", "whole 100");
  await pods.ask("swap", "touch /tmp/stop");
  await pods.untilEnded("swap");
  const lines = (await pods.log("swap")).trim().split("\n");
  assert.equal(
    lines.filter((line) => line.startsWith("mixed")),
    [],
  );
  assert.ok(new Set(lines.filter((line) => line.startsWith("whole"))).size > 5);
  await pods.delete("swap");
}, 60_000);

test("a container that may remount leads no write of the node out of the volume", async (pods) => {
  const meta = { apiVersion: "v1", metadata: { name: "trap" } };
  await pods.createObject({ kind: "ConfigMap", ...{ ...meta, data: { "sub.conf": "1" } } });
  await pods.create("trap", {
    volumes: [
      { name: "v", configMap: { name: "trap", items: [{ key: "sub.conf", path: "sub/x" }] } },
    ],
    containers: [
      sleeper("main", {
        securityContext: { privileged: true },
        volumeMounts: [{ name: "v", mountPath: "/v" }],
      }),
    ],
  });
  await running(pods, "trap");
  const target = `${pods.instance.base}/target`;
  execFileSync("sh", ["-c", `mkdir ${target}; touch ${target}/x`]);
  // The old folder becomes a link: its removal must not follow it.
  await pods.ask(
    "trap",
    `mount -o remount,rw,bind /v && cd /v && d=$(readlink ..data) && mv $d/sub /v/$d.old && ln -s ${target} $d/sub`,
  );
  await pods.patch("ConfigMap", "trap", { data: { "sub.conf": "2" } });
  await untilSays(pods, "trap", "cat /v/sub/x", "2");
  assert.ok(statSync(`${target}/x`).isFile(), "the file of the host stands");
  await pods.delete("trap");
});

run();
