import { suite } from "uvu";
import * as assert from "uvu/assert";
import { hostNetworkHosts, podHosts } from "../../../src/net/hosts.ts";

const hosts = suite("hosts file of a pod");

const head = `# Kubernetes-managed hosts file.
127.0.0.1\tlocalhost
::1\tlocalhost ip6-localhost ip6-loopback
fe00::0\tip6-localnet
fe00::0\tip6-mcastprefix
fe00::1\tip6-allnodes
fe00::2\tip6-allrouters
`;

hosts("has localhost, the pod and its aliases", () => {
  assert.is(
    podHosts({
      hostname: "web-0",
      address: "10.85.0.7",
      hostAliases: [
        { ip: "127.0.0.1", hostnames: ["foo.local", "bar.local"] },
        { ip: "fd00::1", hostnames: ["six"] },
      ],
    }),
    `${head}10.85.0.7\tweb-0

# Entries added by HostAliases.
127.0.0.1\tfoo.local\tbar.local
fd00::1\tsix
`,
  );
});

hosts("has the full name of a pod with a subdomain first", () => {
  assert.is(
    podHosts({ hostname: "a", fqdn: "a.b.ns.svc.cluster.local", address: "10.85.0.7" }),
    `${head}10.85.0.7\ta.b.ns.svc.cluster.local\ta\n`,
  );
});

hosts("without network there is no line for the pod", () => {
  assert.is(podHosts({ hostname: "alone" }), head);
});

hosts("with hostNetwork it is the host's file and the aliases", () => {
  assert.is(
    hostNetworkHosts("10.0.0.1 box", [{ ip: "1.2.3.4", hostnames: ["a"] }]),
    `# Kubernetes-managed hosts file (host network).
10.0.0.1 box

# Entries added by HostAliases.
1.2.3.4\ta
`,
  );
});

hosts("words that would be lines or comments are refused", () => {
  for (const name of ["a\n6.6.6.6 bank.example", "a b", "#x", ""]) {
    assert.throws(() => podHosts({ hostname: name, address: "10.0.0.1" }), /is not a host name/);
  }
  assert.throws(() => hostNetworkHosts("", [{ ip: "1.2.3.4\n" }]), /is not an IP address/);
});

hosts.run();
