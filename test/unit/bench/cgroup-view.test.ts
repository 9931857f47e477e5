import { suite } from "uvu";
import * as assert from "uvu/assert";
import { hierarchiesOf } from "../../bench/cgroup-view.ts";

const hierarchies = suite("hierarchiesOf()");

hierarchies("finds v1 controllers with the options that name them, and v2", () => {
  const text = `22 1 0:20 / /sys/fs/cgroup rw - tmpfs tmpfs rw,mode=755
23 22 0:21 / /sys/fs/cgroup/cpu rw,relatime - cgroup cgroup rw,cpu,cpuacct
24 22 0:22 / /sys/fs/cgroup/systemd rw - cgroup cgroup rw,xattr,name=systemd
25 22 0:23 / /sys/fs/cgroup/unified rw shared:5 - cgroup2 cgroup2 rw,nsdelegate
`;
  assert.equal(hierarchiesOf(text), [
    { kind: "v1", mountPoint: "/sys/fs/cgroup/cpu", options: "cpu,cpuacct" },
    { kind: "v1", mountPoint: "/sys/fs/cgroup/systemd", options: "none,name=systemd" },
    { kind: "v2", mountPoint: "/sys/fs/cgroup/unified", options: "" },
  ]);
});

hierarchies("takes a hierarchy that is mounted twice where it was mounted first", () => {
  const text = `1 0 0:1 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw
2 0 0:1 / /mnt/other rw - cgroup2 cgroup2 rw
`;
  assert.equal(hierarchiesOf(text), [{ kind: "v2", mountPoint: "/sys/fs/cgroup", options: "" }]);
});

hierarchies.run();
