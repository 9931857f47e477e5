// selectUser(): USER of an image and the pod's numbers, with hostile texts (security: IMG-11, PRV-03, ESC-18, ESC-19).
import fc from "fast-check";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { findGroups, findUser, parseId } from "../../../src/container/passwd.ts";
import { selectUser, userRequest } from "../../../src/container/user.ts";

const passwd = `# comment
root:x:0:0:root:/root:/bin/sh
app:x:1000:1001::/home/app:/bin/sh
1000:x:0:0:trap:/:/bin/sh
bad:x:-5:0::/:
worse:x:4294967296:0::/:
`;
const group = `root:x:0:
app:x:1001:
wheel:x:10:root,app
extra:x:2000:app
2000:x:0:app
broken:x:x:app
`;
const files = { passwd, group };
const select = (user: string, request = {}) => selectUser(files, user, request);
const ids = (user: string, request = {}) => {
  const { uid, gid, groups } = select(user, request);
  return [uid, gid, groups];
};

const user = suite("selectUser()");

user("is root without a USER", () => {
  assert.equal(ids(""), [0, 0, [0, 10]]);
  assert.is(select("").home, "/root");
});

user("finds names and groups in the image", () => {
  assert.equal(ids("app"), [1000, 1001, [1001, 10, 2000, 0]]);
  assert.equal(ids("app:extra"), [1000, 2000, [2000, 10, 0]]);
  assert.equal(ids("app:77"), [1000, 77, [77, 10, 2000, 0]]);
  assert.equal(ids("1000:extra"), [1000, 2000, [2000, 10, 0]]);
});

user("adds no group of the image with policy Strict", () => {
  const request = { supplementalGroups: [7], fsGroup: 8, supplementalGroupsPolicy: "Strict" };
  assert.equal(ids("app", request), [1000, 1001, [1001, 7, 8]]);
  assert.equal(
    ids("app", { ...request, supplementalGroupsPolicy: "Merge" })[2],
    [1001, 10, 2000, 0, 7, 8],
  );
});

user("takes digits as a number, never as a name", () => {
  assert.equal(select("1000").uid, 1000);
  assert.is(select("1000").name, "app");
  assert.equal(ids("4242"), [4242, 0, [0]]);
  assert.is(select("4242").home, "/");
  assert.is(select("app:2000").gid, 2000);
});

for (const text of ["4294967296", "2147483648", "0x0", "00", "-1", " 0", "+0", "1e3", "01000"]) {
  user(`refuses USER ${JSON.stringify(text)}`, () => {
    assert.throws(() => select(text), /Cannot use user/);
    assert.throws(() => select(`app:${text}`), /Cannot use group/);
  });
}

user("says which name is not in the image", () => {
  const inImage = /^Cannot find user "nobody" in "\/etc\/passwd" of the image$/;
  assert.throws(() => select("nobody"), inImage);
  assert.throws(() => select("app:no"), /^Cannot find group "no" in "\/etc\/group" of the image$/);
  assert.throws(() => select("bad"));
  assert.throws(() => select("worse"));
  assert.throws(() => select("a b"));
  assert.throws(() => select("app\n"));
});

user("runs as the pod says, with the image's groups of that user merged in", () => {
  assert.equal(ids("app:extra", { runAsUser: 0 }), [0, 0, [0, 10]]);
  assert.equal(ids("", { runAsUser: 1000 }), [1000, 1001, [1001, 10, 2000, 0]]);
  assert.equal(ids("app", { runAsGroup: 5 }), [1000, 5, [5, 10, 2000, 0]]);
  const request = { runAsUser: 7, supplementalGroups: [8, 9, 8], fsGroup: 3 };
  assert.equal(ids("app", request), [7, 0, [0, 8, 9, 3]]);
});

user("joins pod and container, the container wins", () => {
  const pod = { runAsUser: 1, runAsGroup: 2, fsGroup: 3, supplementalGroups: [4] };
  assert.equal(userRequest(pod, { runAsUser: 9 }), {
    runAsUser: 9,
    runAsGroup: 2,
    supplementalGroups: [4],
    fsGroup: 3,
  });
  assert.equal(userRequest(undefined, undefined), {});
});

user("never becomes root by a USER that is neither root nor a group's business", () => {
  const line = fc.string({ maxLength: 20 });
  fc.assert(
    fc.property(line, (text) => {
      const name = text.split(":")[0] ?? "";
      if (["", "0", "root"].includes(name)) return;
      try {
        assert.is.not(select(text).uid, 0);
      } catch (error) {
        assert.match(error instanceof Error ? error.message : "", /^Cannot (?:use|find) /);
      }
    }),
  );
});

user.run();

const parsing = suite("findUser() and findGroups()");

parsing("skip long lines and control characters in a home", () => {
  const long = `long:x:5:5::/${"a".repeat(70_000)}:\n`;
  assert.is(
    findUser(`${long}next:x:6:6::/n:`, ({ uid }) => uid === 5),
    undefined,
  );
  assert.is(findUser(`${long}next:x:6:6::/n:`, ({ uid }) => uid === 6)?.home, "/n");
  const trick = "x:x:5:5::/tmp\r/x:\n";
  assert.is(findUser(trick, () => true)?.home, "/");
});

parsing("take any text without throwing, and only numbers in range", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary", maxLength: 300 }), (text) => {
      const found = findGroups(text, () => true);
      const entry = findUser(text, () => true);
      for (const { gid } of found) assert.ok(Number.isInteger(gid) && gid >= 0 && gid < 2 ** 31);
      if (entry) assert.ok(entry.uid >= 0 && entry.uid < 2 ** 31);
    }),
  );
  assert.is(parseId("2147483647"), 2147483647);
  assert.is(parseId("2147483648"), undefined);
});

parsing.run();
