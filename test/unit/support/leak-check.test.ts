import { suite } from "uvu";
import * as assert from "uvu/assert";
import { type Census, compareCensus } from "../../support/leak-check.ts";

const compare = suite("compareCensus()");

const empty: Census = {
  "host mounts": ["0:22 / /proc rw - proc proc rw"],
  "mounts in other namespaces": [],
  processes: [],
  "network namespaces": [],
  links: ["lo"],
  "nft tables": [],
  cgroups: [],
  "unix sockets": [],
  "loop devices": [],
  files: [],
};

compare("finds nothing in two equal censuses", () => {
  assert.equal(compareCensus(empty, structuredClone(empty)), []);
});

compare("names what is new and what is gone", () => {
  const after: Census = { ...empty, "host mounts": [], links: ["lo", "veth1"] };
  assert.equal(compareCensus(empty, after), [
    "host mounts: gone: 0:22 / /proc rw - proc proc rw",
    "links: new: veth1",
  ]);
});

compare("counts equal rows: a mount over a mount is one more", () => {
  const row = "0:22 / /proc rw - proc proc rw";
  const differences = compareCensus(empty, { ...empty, "host mounts": [row, row] });
  assert.equal(differences, [`host mounts: new: ${row}`]);
});

compare.run();
