// planContainer(), defaultProfile(): who asks for less never gets more. Whatever a security context says, one that
// says the same and restricts itself further has a program of no more privileges (security: PRV-05).
import fc from "fast-check";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { type ContainerPlan, planContainer } from "../../../src/container/plan.ts";
import { defaultProfile } from "../../../src/container/seccomp.ts";
import { CAPABILITY_NAMES } from "../../../src/spec/capabilities.ts";
import type { SecurityContext } from "../../../src/spec/pod.ts";
import { planInput } from "./plan-input.ts";

const contexts: fc.Arbitrary<SecurityContext> = fc.record(
  {
    privileged: fc.boolean(),
    allowPrivilegeEscalation: fc.boolean(),
    readOnlyRootFilesystem: fc.boolean(),
    procMount: fc.constantFrom("Default" as const, "Unmasked" as const),
    seccompProfile: fc.constantFrom(
      { type: "RuntimeDefault" as const },
      { type: "Unconfined" as const },
    ),
    capabilities: fc.record(
      {
        add: fc.subarray(["ALL", ...CAPABILITY_NAMES], { maxLength: 3 }),
        drop: fc.subarray(["ALL", ...CAPABILITY_NAMES], { maxLength: 3 }),
      },
      { requiredKeys: [] },
    ),
  },
  { requiredKeys: [] },
);

/** Each makes a context more restricted, as the baseline and restricted levels of Pod Security do. */
const restrictions: Readonly<Record<string, (context: SecurityContext) => SecurityContext>> = {
  "not privileged": (context) => ({ ...context, privileged: false }),
  "no escalation": (context) => ({
    ...context,
    privileged: false,
    allowPrivilegeEscalation: false,
  }),
  "read-only root": (context) => ({ ...context, readOnlyRootFilesystem: true }),
  "default filter": (context) => ({ ...context, seccompProfile: { type: "RuntimeDefault" } }),
  "masked /proc": (context) => ({ ...context, procMount: "Default" }),
  "nothing added": (context) => ({
    ...context,
    capabilities: { drop: context.capabilities?.drop ?? [] },
  }),
  "everything dropped": (context) => ({
    ...context,
    privileged: false,
    capabilities: { drop: ["ALL"] },
  }),
};

const plan = (securityContext: SecurityContext): ContainerPlan =>
  planContainer(planInput({ container: { securityContext } }));

/** What it has that the other has not, by the name of the privilege. */
function beyond(one: ContainerPlan, other: ContainerPlan): string[] {
  const flags: Readonly<Record<string, (each: ContainerPlan) => boolean>> = {
    "new privileges": (each) => !each.noNewPrivileges,
    "no filter": (each) => each.seccomp === undefined,
    "bare /proc and /sys": (each) => !each.masksPaths,
    "writable /sys": (each) => each.privileged,
    "writable root": (each) => !each.rootFilesystem.readOnly,
    "nodes in the root": (each) => !each.rootFilesystem.noDevices,
  };
  const words = (list: readonly unknown[]): string[] => list.map((each) => JSON.stringify(each));
  const missing = (has: readonly unknown[], of: readonly unknown[]): string[] => {
    const known = new Set(words(of));
    return words(has).filter((each) => !known.has(each));
  };
  const all = other.deviceRules.some(({ type, access }) => type === "a" && access === "rwm");
  return [
    ...Object.keys(flags).filter((name) => flags[name]?.(one) && !flags[name]?.(other)),
    ...missing(one.capabilities, other.capabilities),
    ...missing(one.devices, other.devices),
    ...(all ? [] : missing(one.deviceRules, other.deviceRules)),
  ];
}

const privilege = suite("a more restricted security context");

for (const [name, restrict] of Object.entries(restrictions)) {
  privilege(`${name}: has no privilege that the other one has not`, () => {
    fc.assert(
      fc.property(contexts, (context) => {
        assert.equal(beyond(plan(restrict(context)), plan(context)), []);
      }),
    );
  });
}

privilege("gets no system call for fewer capabilities", () => {
  const allowed = (names: readonly (typeof CAPABILITY_NAMES)[number][]): ReadonlySet<string> =>
    new Set(
      defaultProfile(names)
        .rules.filter(({ action }) => action === "allow")
        .flatMap(({ names: calls, tests = [] }) =>
          calls.map((call) => (tests.length === 0 ? call : `${call} ${JSON.stringify(tests)}`)),
        ),
    );
  fc.assert(
    fc.property(
      fc.subarray([...CAPABILITY_NAMES]),
      fc.subarray([...CAPABILITY_NAMES]),
      (more, dropped) => {
        const fewer = more.filter((each) => !dropped.includes(each));
        const before = allowed(more);
        // "clone" without conditions comes with a capability, and covers the one with them.
        const covers = (call: string): boolean =>
          before.has(call) || before.has(call.split(" ")[0] ?? "");
        assert.equal(
          [...allowed(fewer)].filter((call) => !covers(call)),
          [],
        );
      },
    ),
  );
});

privilege.run();
