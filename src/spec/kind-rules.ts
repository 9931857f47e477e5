/** What the door knows about a kind beyond its schema; `admit.ts` holds the table of all kinds. */

import type { Report } from "./field-issue.ts";
import type { KubernetesObject } from "./resources.ts";
import type { Complaint } from "./validate-names.ts";

export interface KindRules<T extends KubernetesObject> {
  /** Fills in Kubernetes' defaults below `metadata`; idempotent. */
  readonly fill?: (object: T) => T;
  /** The status that a new object begins with. */
  readonly begin?: (object: T) => T;
  /** What a new object has of its uid. */
  readonly identify?: (object: T) => T;
  /** Rules of a defaulted object, but for its metadata. */
  readonly validate?: (object: T, report: Report) => void;
  /** Further rules of a new object. */
  readonly validateCreate?: (object: T, report: Report) => void;
  /** Rules of a change; both are defaulted. */
  readonly validateUpdate?: (next: T, current: T, report: Report) => void;
  /** Syntax of the name; default: a DNS subdomain. */
  readonly checkName?: (name: string) => Complaint;
  /** Whether `status` has a path of its own, so that other writes leave it as it is. */
  readonly hasStatus?: boolean;
  /** Whether `metadata.generation` counts the changes of the wish. */
  readonly hasGeneration?: boolean;
}
