/**
 * Limits of huge pages as files of the hugetlb controller.
 *
 * A pod that does not ask for huge pages may use none, as the kubelet sets it: they are set aside at boot and would
 * be missing for those who asked. Sources: kernel Documentation/admin-guide/cgroup-v2.rst "HugeTLB";
 * Kubernetes, "Manage HugePages".
 */
import { readdirSync } from "node:fs";
import { hasCode } from "../base/errors.ts";
import type { ResourceRequirements } from "../spec/pod.ts";
import { byteCount } from "../spec/quantity.ts";
import type { Setting } from "./limits.ts";

let sizes: readonly number[] | undefined;

/** Bytes of the huge pages that this machine has; empty without them. The kernel has the same ones until it ends. */
export function hugePageSizes(): readonly number[] {
  sizes ??= readSizes();
  return sizes;
}

function readSizes(): readonly number[] {
  try {
    return readdirSync("/sys/kernel/mm/hugepages").flatMap((name) => {
      const kilobytes = /^hugepages-(\d+)kB$/.exec(name)?.[1];
      return kilobytes === undefined ? [] : [Number(kilobytes) * 1024];
    });
  } catch (error) {
    if (hasCode(error, "ENOENT")) return [];
    throw error;
  }
}

/** Bytes of huge pages by page size that `limits` names. */
export function hugePageLimits(
  limits: ResourceRequirements["limits"],
): ReadonlyMap<number, number> {
  return new Map(
    Object.entries(limits ?? {}).flatMap(([name, amount]) => {
      const size = /^hugepages-(.+)$/.exec(name)?.[1];
      return size === undefined ? [] : [[byteCount(size), byteCount(amount)] as const];
    }),
  );
}

/**
 * The files for every page size of the machine.
 * @param limits - by page size; @param origin - path of the limits, for those that were asked for
 */
export function hugePageSettings(
  limits: ReadonlyMap<number, number>,
  sizes: readonly number[],
  origin: string,
): Setting[] {
  return sizes.flatMap((size) => {
    const bytes = limits.get(size);
    const name = sizeName(size);
    // Reservations count as well: else a program maps what it can later be killed for.
    return [`hugetlb.${name}.max`, `hugetlb.${name}.rsvd.max`].map((file) => ({
      controller: "hugetlb" as const,
      file,
      value: String(bytes ?? 0),
      origin: bytes === undefined ? "" : `${origin}.hugepages-${name.replace("B", "i")}`,
    }));
  });
}

/** As the kernel names its files: 2MB, 1GB, 64KB. */
function sizeName(bytes: number): string {
  if (bytes >= 1 << 30) return `${bytes / (1 << 30)}GB`;
  return bytes >= 1 << 20 ? `${bytes / (1 << 20)}MB` : `${bytes / 1024}KB`;
}
