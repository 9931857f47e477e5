import fc from "fast-check";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { decodePod } from "../../../src/spec/decode-json.ts";
import { defaultPod } from "../../../src/spec/default-pod.ts";
import { validatePod } from "../../../src/spec/validate-pod.ts";

type Json = Record<string, unknown>;

/** Control, ASCII and other characters; fast-check's "binary" takes a second to set up. */
const anyCharacter = fc.nat(0x7ff).map((code) => String.fromCodePoint(code));

const web: Json = { name: "web", image: "web:1" };

/** Complaints about a pod, as lines. */
function complaints(spec: Json, metadata: Json = { name: "web" }): string[] {
  const pod = decodePod({
    apiVersion: "v1",
    kind: "Pod",
    metadata,
    spec: { containers: [web], ...spec },
  });
  return validatePod(defaultPod(pod, { randomSuffix: () => "x7k2p" })).map(
    ({ path, message }) => `${path}: ${message}`,
  );
}

/** Complaints about the first container, without its path. */
function aboutContainer(fields: Json, spec: Json = {}): string[] {
  return complaints({ ...spec, containers: [{ ...web, ...fields }] }).map((line) =>
    line.replace(/^spec\.containers\[0\]\./, ""),
  );
}

const limits = (memory: string): string[] => aboutContainer({ resources: { limits: { memory } } });

const metadata = suite("validatePod() on metadata");
metadata("takes a plain pod", () => {
  assert.equal(complaints({}), []);
  assert.equal(
    complaints(
      {},
      {
        generateName: "web-",
        labels: { "app.kubernetes.io/name": "a_b.C", x: "" },
        annotations: { "Example.com/A": "any\ntext" },
      },
    ),
    [],
  );
});
metadata("checks the name", () => {
  assert.match(
    complaints({}, {})[0] ?? "",
    /^metadata\.name: is required: write name or generateName$/,
  );
  for (const name of ["Web", "-a", "a-", "a..b", "a_b", "a\nb", "a".repeat(254), "ä"]) {
    assert.is(complaints({}, { name }).length, 1, name);
  }
  assert.equal(complaints({}, { name: "a.b-c.0" }), []);
  assert.is(complaints({}, { generateName: "Web-" }).length, 2);
});
metadata("checks the namespace", () => {
  assert.is(complaints({}, { name: "a", namespace: "a.b" }).length, 1);
  assert.is(complaints({}, { name: "a", namespace: "../etc" }).length, 1);
});
metadata("checks labels and annotations", () => {
  assert.equal(complaints({}, { name: "a", labels: { "a/b/c": "x", ok: "-x" } }), [
    'metadata.labels["a/b/c"]: key must be letters, digits, "-", "_" and ".", with a letter or digit at both ends: got "b/c"',
    'metadata.labels.ok: must be letters, digits, "-", "_" and ".", with a letter or digit at both ends: got "-x"',
  ]);
  assert.is(complaints({}, { name: "a", labels: { a: "x".repeat(64) } }).length, 1);
  assert.is(complaints({}, { name: "a", annotations: { "a b": "x" } }).length, 1);
  assert.match(
    complaints({}, { name: "a", annotations: { a: "x".repeat(262_144) } })[0] ?? "",
    /at most 262144 bytes/,
  );
});
metadata.run();

const containers = suite("validatePod() on containers");
containers("wants at least one", () => {
  assert.equal(complaints({ containers: [] }), [
    "spec.containers: must have at least one container",
  ]);
});
containers("wants distinct names, in init containers too", () => {
  assert.equal(complaints({ initContainers: [web], containers: [web, { ...web, name: "W" }] }), [
    'spec.containers[0].name: must be unique in the pod: got "web" again',
    'spec.containers[1].name: must be lower-case letters, digits and "-", with a letter or digit at both ends: got "W"',
  ]);
});
containers("checks the image's text", () => {
  assert.equal(aboutContainer({ image: "" }), ["image: must not be empty"]);
  assert.is(aboutContainer({ image: " web" }).length, 1);
});
containers("refuses NUL bytes in what reaches exec", () => {
  assert.equal(
    aboutContainer({
      command: ["a\0b"],
      args: ["\0"],
      env: [{ name: "A", value: "\0" }],
      workingDir: "/\0",
    }),
    [
      "command[0]: must not contain a NUL byte",
      "args[0]: must not contain a NUL byte",
      "workingDir: must not contain a NUL byte",
      "env[0].value: must not contain a NUL byte",
    ],
  );
});
containers("checks names of variables, and HOME's value", () => {
  assert.equal(aboutContainer({ env: [{ name: "a.b-C d" }, { name: "B", value: "x\ny" }] }), []);
  for (const name of ["", "A=B", "A\nB", "Ä"]) {
    assert.is(aboutContainer({ env: [{ name }] }).length, 1, name);
  }
  assert.equal(aboutContainer({ env: [{ name: "HOME", value: "x\nroot2::0:0::/:/bin/sh" }] }), [
    'env[0].value: must not contain control characters: got "x\\nroot2::0:0::/:/bin/sh"',
  ]);
});
containers("wants absolute folders", () => {
  assert.equal(aboutContainer({ workingDir: "app", terminationMessagePath: "log" }), [
    'workingDir: must be an absolute path: got "app"',
    'terminationMessagePath: must be an absolute path: got "log"',
  ]);
  assert.is(aboutContainer({ terminationMessagePath: "/proc/self/x" }).length, 1);
  assert.is(aboutContainer({ terminationMessagePath: "/a/../b" }).length, 1);
});
containers.run();

const ports = suite("validatePod() on ports");
ports("checks numbers, names and addresses", () => {
  const list = [
    { containerPort: 0 },
    { containerPort: 65_536, name: "http" },
    { containerPort: 1, name: "http", hostPort: 70_000 },
    { containerPort: 2, name: "80", hostPort: 2, hostIP: "localhost" },
  ];
  assert.equal(aboutContainer({ ports: list }), [
    "ports[0].containerPort: must be between 1 and 65535: got 0",
    "ports[1].containerPort: must be between 1 and 65535: got 65536",
    'ports[2].name: must be unique in the container: got "http" again',
    "ports[2].hostPort: must be between 1 and 65535: got 70000",
    'ports[3].name: must be lower-case letters, digits and single "-", with at least one letter: got "80"',
    'ports[3].hostIP: must be an IP address: got "localhost"',
  ]);
});
ports("lets a host port be published once per protocol and address", () => {
  const clash = (a: Json, b: Json): number =>
    complaints({
      containers: [
        { ...web, ports: [{ containerPort: 1, hostPort: 80, ...a }] },
        { ...web, name: "b", ports: [{ containerPort: 2, hostPort: 80, ...b }] },
      ],
    }).length;
  assert.is(clash({}, {}), 1);
  assert.is(clash({}, { protocol: "UDP" }), 0);
  assert.is(clash({ hostIP: "10.0.0.1" }, { hostIP: "10.0.0.2" }), 0);
  assert.is(clash({ hostIP: "10.0.0.1" }, {}), 1);
  assert.is(clash({ hostIP: "0.0.0.0" }, { hostIP: "10.0.0.1" }), 1);
});
ports("wants equal ports on the host network", () => {
  const list = [{ containerPort: 80, hostPort: 8080 }];
  assert.equal(aboutContainer({ ports: list }, { hostNetwork: true }), [
    "ports[0].hostPort: must be equal to containerPort 80 while hostNetwork is true: got 8080",
  ]);
  assert.equal(aboutContainer({ ports: [{ containerPort: 80 }] }, { hostNetwork: true }), []);
});
ports("says a bad port once, though defaulting copies it", () => {
  assert.is(aboutContainer({ ports: [{ containerPort: 0 }] }, { hostNetwork: true }).length, 1);
});
ports.run();

const resources = suite("validatePod() on resources");
resources("wants memory for at least one small process", () => {
  assert.equal(limits("4k"), ['resources.limits.memory: must be at least 512Ki: got "4k"']);
  assert.equal(limits("512Ki"), []);
  assert.equal(limits("0"), []);
});
resources("wants limits above requests", () => {
  assert.equal(aboutContainer({ resources: { limits: { cpu: 1 }, requests: { cpu: "1001m" } } }), [
    'resources.requests.cpu: must be at most the limit "1": got "1001m"',
  ]);
});
resources("checks range and names", () => {
  assert.equal(limits("-1Gi"), ['resources.limits.memory: must not be negative: got "-1Gi"']);
  assert.equal(limits("8Pi"), ['resources.limits.memory: must be at most 7Pi: got "8Pi"']);
  const list = {
    memry: "1",
    "hugepages-2Mi": "1",
    "hugepages-x": "1",
    "ephemeral-storage": "1",
    "nvidia.com/gpu": "1",
    "nvidia.com/mig": "500m",
    "kubernetes.io/x": "1",
    cpu: "2M",
  };
  assert.equal(aboutContainer({ resources: { limits: list } }), [
    'resources.limits.memry: unknown resource "memry": did you mean "memory"?',
    'resources.limits["hugepages-2Mi"]: must be a multiple of the page size 2Mi: got "1"',
    'resources.limits["hugepages-x"]: must name a page size like hugepages-2Mi: got "hugepages-x"',
    'resources.limits["nvidia.com/mig"]: must be whole: got "500m"',
    'resources.limits["kubernetes.io/x"]: unknown resource "kubernetes.io/x"',
    'resources.limits.cpu: must be at most 1M: got "2M"',
  ]);
});
resources("wants what cannot be shared out in full, and memory or cpu beside huge pages", () => {
  const pages = (resources: Json): string[] => aboutContainer({ resources });
  assert.equal(pages({ limits: { "hugepages-2Mi": "4Mi", cpu: "1" } }), []);
  assert.equal(pages({ limits: { "hugepages-2Mi": "4Mi" } }), [
    'resources.limits["hugepages-2Mi"]: needs a limit or request of cpu or memory too',
  ]);
  assert.equal(
    pages({ limits: { "hugepages-2Mi": "4Mi" }, requests: { "hugepages-2Mi": "2Mi", cpu: "1" } }),
    ['resources.requests["hugepages-2Mi"]: must be equal to the limit "4Mi": got "2Mi"'],
  );
  assert.equal(pages({ requests: { "nvidia.com/gpu": "1" } }), [
    'resources.requests["nvidia.com/gpu"]: must have a limit of the same amount',
  ]);
});
resources("compares the pod's own resources with its containers", () => {
  const limits = { cpu: "1", memory: "1Gi" };
  const container = { ...web, resources: { limits, requests: { cpu: "500m" } } };
  const both = (resources: Json): string[] => complaints({ resources, containers: [container] });
  assert.equal(both({ limits: { cpu: "2", memory: "2Gi" } }), []);
  assert.equal(both({ requests: { cpu: "400m" } }), [
    'spec.resources.requests.cpu: must be at least what the containers request together, "500m": got "400m"',
  ]);
  assert.equal(both({ limits: { cpu: "700m" } }), [
    'spec.containers[0].resources.limits.cpu: must be at most the limit of the pod "700m": got "1"',
  ]);
  assert.is(both({ limits: { "ephemeral-storage": "1Gi" } }).length, 1);
  assert.equal(complaints({ overhead: { cpu: "1" } }), [
    "spec.overhead: must not be set without runtimeClassName",
  ]);
});
resources.run();

const volumes = suite("validatePod() on volumes and mounts");
const data = { volumes: [{ name: "data" }] };
const mount = (fields: Json): string[] =>
  aboutContainer({ volumeMounts: [{ name: "data", mountPath: "/d", ...fields }] }, data);
volumes("checks names and sources", () => {
  const list = [
    { name: "a", emptyDir: {}, hostPath: { path: "/a" } },
    { name: "a", emptyDir: { sizeLimit: "-1" } },
    { name: "B", hostPath: { path: "b/../c" } },
    { name: "c", hostPath: { path: "/c/../d" } },
  ];
  assert.equal(complaints({ volumes: list }), [
    "spec.volumes[0]: must have one source: got emptyDir and hostPath",
    'spec.volumes[1].name: must be unique in the pod: got "a" again',
    'spec.volumes[1].emptyDir.sizeLimit: must not be negative: got "-1"',
    'spec.volumes[2].name: must be lower-case letters, digits and "-", with a letter or digit at both ends: got "B"',
    'spec.volumes[2].hostPath.path: must be an absolute path: got "b/../c"',
    'spec.volumes[3].hostPath.path: must not contain "..": got "/c/../d"',
  ]);
});
volumes("wants the volume to exist", () => {
  assert.equal(mount({ name: "date" }), [
    'volumeMounts[0].name: must be the name of a volume of this pod: got "date": did you mean "data"?',
  ]);
});
volumes("checks targets", () => {
  for (const mountPath of [
    "d",
    "",
    "/",
    "//",
    "/./",
    "/a/../b",
    "/a:b",
    "/a\nb",
    "/a\0",
    `/${"x".repeat(256)}`,
  ]) {
    assert.is(mount({ mountPath }).length, 1, mountPath);
  }
  assert.equal(mount({ mountPath: "/d/" }), []);
});
volumes("keeps the kernel's windows free", () => {
  for (const mountPath of [
    "/proc",
    "/proc/",
    "//proc",
    "/./proc/x",
    "/sys",
    "/sys/fs/cgroup",
    "/proc/sys/kernel",
  ]) {
    assert.match(mount({ mountPath })[0] ?? "", /at or below \/proc or \/sys/, mountPath);
  }
  assert.equal(mount({ mountPath: "/processes" }), []);
  assert.equal(mount({ mountPath: "/host/proc" }), []);
});
volumes("wants distinct targets, however they are spelt", () => {
  const volumeMounts = ["/a/b", "/a//b/", "/a/./b"].map((mountPath) => ({
    name: "data",
    mountPath,
  }));
  assert.is(aboutContainer({ volumeMounts }, data).length, 2);
});
volumes("keeps subPath in the volume", () => {
  for (const subPath of ["/a", "..", "a/../..", "a\0", "a\nb"]) {
    assert.is(mount({ subPath }).length, 1, subPath);
  }
  for (const subPath of ["", "a/b", "a..b", "..."]) {
    assert.equal(mount({ subPath }), [], subPath);
  }
});
volumes.run();

const names = suite("validatePod() on host names and DNS");
names("checks hostname and hostAliases", () => {
  assert.equal(complaints({ hostname: "a.b" }).length, 1);
  assert.equal(complaints({ hostname: "a\nb" }).length, 1);
  assert.equal(complaints({ hostname: "web" }), []);
  const hostAliases = [
    { ip: "10.0.0.300", hostnames: ["a b"] },
    { ip: "::1", hostnames: ["a.b"] },
    { ip: "fe80::1%eth0" },
  ];
  assert.equal(complaints({ hostAliases }), [
    'spec.hostAliases[0].ip: must be an IP address: got "10.0.0.300"',
    'spec.hostAliases[0].hostnames[0]: must be lower-case letters, digits, "-" and ".", with a letter or digit at both ends of each part: got "a b"',
    'spec.hostAliases[2].ip: must be an IP address: got "fe80::1%eth0"',
  ]);
});
names("checks dnsConfig", () => {
  assert.equal(complaints({ dnsPolicy: "None" }), [
    "spec.dnsConfig.nameservers: must name at least one server while dnsPolicy is None",
  ]);
  const ok = {
    nameservers: ["1.1.1.1"],
    searches: ["a.b.", ".", "_tcp.x"],
    options: [{ name: "ndots", value: "5" }],
  };
  assert.equal(complaints({ dnsPolicy: "None", dnsConfig: ok }), []);
  assert.equal(complaints({ dnsConfig: { nameservers: Array(4).fill("1.1.1.1") } }), [
    "spec.dnsConfig.nameservers: must be at most 3: got 4",
  ]);
  assert.is(complaints({ dnsConfig: { searches: Array(33).fill("a") } }).length, 1);
  assert.is(
    complaints({
      dnsConfig: { searches: Array(9).fill("a".repeat(63).concat(".b").repeat(4).slice(0, 250)) },
    }).length,
    1,
  );
  assert.equal(
    complaints({
      dnsConfig: {
        searches: ["a b"],
        options: [{ name: "" }, { name: "a\nnameserver 6.6.6.6" }, { name: "a", value: "b c" }],
      },
    }),
    [
      'spec.dnsConfig.searches[0]: must be a DNS domain: got "a b"',
      'spec.dnsConfig.options[0].name: must be one printable word without ":": got ""',
      'spec.dnsConfig.options[1].name: must be one printable word without ":": got "a\\nnameserver 6.6.6.6"',
      'spec.dnsConfig.options[2].value: must be one printable word: got "b c"',
    ],
  );
});
names.run();

const own = suite("validatePod() on the pod's names and operating system");
own("checks subdomain and hostnameOverride", () => {
  assert.equal(complaints({ hostname: "a", subdomain: "b", setHostnameAsFQDN: true }), []);
  assert.is(complaints({ subdomain: "a.b" }).length, 1);
  assert.equal(complaints({ hostnameOverride: "web.example.com" }), []);
  assert.match(
    complaints({ hostnameOverride: `${"a".repeat(63)}.b` })[0] ?? "",
    /^spec\.hostnameOverride: must be at most 64 characters: got 65$/,
  );
  assert.is(complaints({ hostnameOverride: "Web" }).length, 1);
  assert.equal(complaints({ hostnameOverride: "a", hostNetwork: true }), [
    "spec.hostnameOverride: must not be set while hostNetwork is true",
  ]);
  assert.equal(complaints({ hostnameOverride: "a", setHostnameAsFQDN: true }), [
    "spec.hostnameOverride: must not be set while setHostnameAsFQDN is true",
  ]);
});
own("is for Linux", () => {
  assert.equal(complaints({ os: { name: "linux" } }), []);
  assert.equal(complaints({ os: { name: "windows" } }), [
    'spec.os.name: must be "linux", which nspod is for: got "windows"',
  ]);
});
own.run();

const security = suite("validatePod() on security");
const sysctl = (name: string, value = "1", spec: Json = {}): string[] =>
  complaints({ ...spec, securityContext: { sysctls: [{ name, value }] } });
security("allows the safe sysctls in both spellings", () => {
  for (const name of ["kernel.shm_rmid_forced", "net.ipv4.tcp_rmem", "net/ipv4/tcp_syncookies"]) {
    assert.equal(sysctl(name, "4096 131072 6291456"), [], name);
  }
});
security("leaves it to the node which sysctls it allows", () => {
  assert.equal(sysctl("kernel.msgmax"), []);
  assert.equal(sysctl("net/ipv4/conf/eth0.100/forwarding"), []);
});
security("refuses tricks in names and values of sysctls", () => {
  for (const name of [
    "",
    "x",
    "net/ipv4/../../kernel",
    "net.ipv4.tcp_syncookies+kernel.core_pattern",
    "NET.ipv4.tcp_rmem",
    "a".repeat(300),
  ]) {
    assert.is(sysctl(name).length, 1, name);
  }
  for (const value of ["", "1\n2", "1\0", "x".repeat(257)]) {
    assert.is(sysctl("net.ipv4.tcp_rmem", value).length, 1, value);
  }
});
security("keeps the host's own sysctls out of reach", () => {
  assert.match(
    sysctl("net.ipv4.tcp_rmem", "1", { hostNetwork: true })[0] ?? "",
    /while hostNetwork is true/,
  );
  assert.match(
    sysctl("kernel/shm_rmid_forced", "1", { hostIPC: true })[0] ?? "",
    /while hostIPC is true/,
  );
  assert.equal(sysctl("net.ipv4.tcp_rmem", "1", { hostIPC: true }), []);
});
security("wants a profile's name with type Localhost only, and keeps it below its folder", () => {
  const asked = (seccompProfile: Json): string[] =>
    aboutContainer({ securityContext: { seccompProfile } });
  assert.equal(asked({ type: "RuntimeDefault" }), []);
  assert.equal(asked({ type: "Localhost", localhostProfile: "profiles/audit.json" }), []);
  const at = "securityContext.seccompProfile.localhostProfile";
  assert.equal(asked({ type: "Localhost" }), [`${at}: must be set while type is "Localhost"`]);
  assert.equal(asked({ type: "Unconfined", localhostProfile: "a" }), [
    `${at}: must only be set while type is "Localhost": got "a"`,
  ]);
  for (const localhostProfile of ["/etc/passwd", "../x", "a/../../x", "a\nb"]) {
    assert.is(asked({ type: "Localhost", localhostProfile }).length, 1, localhostProfile);
  }
  const ofPod = { type: "Localhost", localhostProfile: "../x" };
  assert.is(complaints({ securityContext: { seccompProfile: ofPod } }).length, 1);
  const apparmor = (appArmorProfile: Json): string[] =>
    complaints({ securityContext: { appArmorProfile } });
  assert.equal(apparmor({ type: "Localhost", localhostProfile: "../k8s-deny" }), []);
  assert.is(apparmor({ type: "Localhost", localhostProfile: " k8s-deny" }).length, 1);
  assert.is(apparmor({ type: "Localhost", localhostProfile: "a\nexec b" }).length, 1);
  assert.is(apparmor({ type: "RuntimeDefault", localhostProfile: "x" }).length, 1);
});
security("has no ids and namespaces of the host beside users of its own", () => {
  assert.equal(complaints({ hostUsers: false }), []);
  assert.equal(complaints({ hostUsers: true, hostNetwork: true }), []);
  assert.equal(
    complaints({
      hostUsers: false,
      hostNetwork: true,
      hostPID: true,
      hostIPC: true,
      securityContext: { runAsUser: 65_536, fsGroup: 65_535, supplementalGroups: [70_000] },
    }),
    [
      "spec.hostNetwork: must not be true while hostUsers is false",
      "spec.hostPID: must not be true while hostUsers is false",
      "spec.hostIPC: must not be true while hostUsers is false",
      "spec.securityContext.runAsUser: must be at most 65535 while hostUsers is false: got 65536",
      "spec.securityContext.supplementalGroups[0]: must be at most 65535 while hostUsers is false: got 70000",
    ],
  );
  const volumes = [{ name: "tools", image: { reference: "tools:1", pullPolicy: "Never" } }];
  assert.equal(complaints({ hostUsers: false, volumes }), []);
  const securityContext = { procMount: "Unmasked" };
  assert.equal(aboutContainer({ securityContext }, { hostUsers: false }), []);
});
security("unmasks /proc only for pods with users of their own", () => {
  const securityContext = { procMount: "Unmasked" };
  assert.equal(aboutContainer({ securityContext }), [
    'securityContext.procMount: must be "Default" unless hostUsers is false: got "Unmasked"',
  ]);
  assert.equal(aboutContainer({ securityContext: { procMount: "Default" } }), []);
});
security("refuses a sysctl twice", () => {
  const sysctls = [
    { name: "net.ipv4.tcp_rmem", value: "1" },
    { name: "net/ipv4/tcp_rmem", value: "2" },
  ];
  assert.is(complaints({ securityContext: { sysctls } }).length, 1);
});
security("checks ids", () => {
  const securityContext = {
    runAsUser: -1,
    runAsGroup: 2 ** 31,
    fsGroup: 0,
    supplementalGroups: [1, -2],
  };
  assert.equal(complaints({ securityContext }), [
    "spec.securityContext.runAsUser: must be between 0 and 2147483647: got -1",
    "spec.securityContext.runAsGroup: must be between 0 and 2147483647: got 2147483648",
    "spec.securityContext.supplementalGroups[1]: must be between 0 and 2147483647: got -2",
  ]);
});
security("refuses root that must not be root, also when the pod says one half", () => {
  const expected = "securityContext.runAsUser: must not be 0 while runAsNonRoot is true";
  assert.equal(aboutContainer({ securityContext: { runAsUser: 0, runAsNonRoot: true } }), [
    expected,
  ]);
  assert.equal(
    aboutContainer(
      { securityContext: { runAsUser: 0 } },
      { securityContext: { runAsNonRoot: true } },
    ),
    [expected],
  );
  assert.equal(
    aboutContainer(
      { securityContext: { runAsNonRoot: true } },
      { securityContext: { runAsUser: 0 } },
    ),
    [`spec.${expected}`],
  );
  assert.equal(
    aboutContainer(
      { securityContext: { runAsUser: 0, runAsNonRoot: false } },
      { securityContext: { runAsNonRoot: true } },
    ),
    [],
  );
});
security("knows the capabilities", () => {
  assert.equal(
    aboutContainer({
      securityContext: { capabilities: { add: ["ALL", "NET_ADMIN", "BPF"], drop: ["MKNOD"] } },
    }),
    [],
  );
  assert.equal(
    aboutContainer({
      securityContext: { capabilities: { add: ["CAP_NET_ADMIN", "NET_ADMN"], drop: ["all", "x"] } },
    }),
    [
      'securityContext.capabilities.add[0]: must be in capitals and without "CAP_": got "CAP_NET_ADMIN": use "NET_ADMIN"',
      'securityContext.capabilities.add[1]: must be ALL or a Linux capability like NET_ADMIN: got "NET_ADMN": did you mean "NET_ADMIN"?',
      'securityContext.capabilities.drop[0]: must be in capitals and without "CAP_": got "all": use "ALL"',
      'securityContext.capabilities.drop[1]: must be ALL or a Linux capability like NET_ADMIN: got "x"',
    ],
  );
});
security("refuses contradictions about gaining privileges", () => {
  const securityContext = {
    privileged: true,
    allowPrivilegeEscalation: false,
    capabilities: { add: ["SYS_ADMIN"] },
  };
  assert.equal(aboutContainer({ securityContext }), [
    "securityContext.allowPrivilegeEscalation: must not be false while privileged is true",
    "securityContext.allowPrivilegeEscalation: must not be false while capability SYS_ADMIN is added",
  ]);
});
security("refuses contradictions of the pod", () => {
  assert.equal(
    complaints({ shareProcessNamespace: true, hostPID: true, terminationGracePeriodSeconds: -1 }),
    [
      "spec.terminationGracePeriodSeconds: must not be negative: got -1",
      "spec.shareProcessNamespace: must not be true while hostPID is true",
    ],
  );
});
security.run();

const bounds = suite("validatePod() with large pods");
bounds("takes time in proportion to the pod", () => {
  const many = Array.from({ length: 5000 }, (_, index) => index);
  const spec = {
    volumes: many.map((index) => ({ name: `volume-${index}` })),
    containers: many.map((index) => ({
      ...web,
      name: `c${index}`,
      volumeMounts: [{ name: `volumes-${index}x`, mountPath: "/d" }],
      ports: [{ containerPort: 1, hostPort: 1, hostIP: `10.0.${index >> 8}.${index & 255}` }],
    })),
  };
  const before = process.cpuUsage();
  assert.is(complaints(spec).length, 101);
  const { user } = process.cpuUsage(before);
  assert.ok(user < 2_000_000, `${user} µs`);
});
bounds("never throws, whatever texts the pod has", () => {
  const text = fc.string({ unit: anyCharacter });
  fc.assert(
    fc.property(text, text, (a, b) => {
      const fields = {
        image: a,
        env: [{ name: b, value: a }],
        workingDir: b,
        volumeMounts: [{ name: a, mountPath: b, subPath: a }],
      };
      const all = aboutContainer(fields, {
        hostname: a,
        volumes: [{ name: b, hostPath: { path: a } }],
        dnsConfig: { nameservers: [a], searches: [b], options: [{ name: a, value: b }] },
        securityContext: { sysctls: [{ name: a, value: b }] },
      });
      assert.ok(all.length > 0 && all.every((line) => !/[\x00-\x1f]/.test(line)));
    }),
  );
});
bounds.run();
