/**
 * `resourceFieldRef`: limits and requests of a container as a number, in units of a divisor, rounded up.
 *
 * A limit that the container does not have is the pod's, then what the node can give. Source: Kubernetes, "Downward
 * API", "Fallback information for resource limits"; ResourceFieldSelector of the API reference.
 */
import type { ResourceFieldSelector } from "./kubernetes.gen.ts";
import type { Container, Pod, ResourceList } from "./pod.ts";
import { isQuantity, parseQuantity } from "./quantity.ts";
import { quote } from "./quote.ts";
import { suggestion } from "./suggest.ts";
import type { Complaint } from "./validate-names.ts";

const names = ["cpu", "memory", "ephemeral-storage"];
const known = ["limits", "requests"].flatMap((list) => names.map((name) => `${list}.${name}`));

const cpuDivisors = ["1", "1m"];
const byteDivisors = ["1", "k", "M", "G", "T", "P", "E", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"].map(
  (suffix) => (suffix === "1" ? "1" : `1${suffix}`),
);

/** What is wrong with a resource, to follow "resource: ". */
export function checkResourceField(resource: string): Complaint {
  if (known.includes(resource) || /^(?:limits|requests)\.hugepages-./.test(resource)) {
    return undefined;
  }
  return `must be one of ${known.join(", ")} or hugepages-SIZE of them: got ${quote(resource)}${suggestion(resource, known)}`;
}

/** What is wrong with a divisor, to follow "divisor: ". "0" is the default, 1. */
export function checkDivisor(resource: string, divisor: string): Complaint {
  const list = resource.endsWith(".cpu") ? cpuDivisors : byteDivisors;
  const { nano } = parseQuantity(divisor);
  if (nano === 0n || list.some((each) => parseQuantity(each).nano === nano)) return undefined;
  return `must be one of ${list.join(", ")}: got ${quote(divisor)}`;
}

/**
 * The number of a resource.
 * @param allocatable - what the node can give, by resource
 */
export function resourceValue(
  selector: ResourceFieldSelector,
  pod: Pod,
  container: Pick<Container, "resources">,
  allocatable: ResourceList,
): string {
  const dot = selector.resource.indexOf(".");
  const name = selector.resource.slice(dot + 1);
  const { limits = {}, requests = {} } = container.resources ?? {};
  const amount = selector.resource.startsWith("limits.")
    ? (notZero(limits[name]) ?? notZero(pod.spec.resources?.limits?.[name]) ?? allocatable[name])
    : requests[name];
  const { nano } = parseQuantity(amount ?? "0");
  const wanted = selector.divisor ?? "0";
  const divisor = isQuantity(wanted) ? parseQuantity(wanted).nano : 0n;
  const unit = divisor === 0n ? parseQuantity("1").nano : divisor;
  return String((nano + unit - 1n) / unit);
}

/** No limit, in Kubernetes' way of writing it. */
function notZero(amount: string | undefined): string | undefined {
  return amount === undefined || parseQuantity(amount).nano === 0n ? undefined : amount;
}
