/** Objects of one kind as rows of `get`; a watch keeps the widths of its first table. */
import type { KubernetesObject, Resource } from "../spec/resources.ts";
import { columnsOf } from "../spec/table-columns.ts";
import { findByPath } from "./json-path.ts";
import { shownValue } from "./json-path-template.ts";
import { objectLabel } from "./object-arguments.ts";
import type { CustomColumn } from "./output-format.ts";
import { columnWidths, formatRow } from "./table.ts";

export interface TableOptions {
  readonly isWide: boolean;
  readonly withNamespace: boolean;
  readonly withLabels: boolean;
  /** Names with their kind, `pod/web`: several kinds are listed. */
  readonly withKind: boolean;
  readonly hasHeading: boolean;
  readonly columns?: readonly CustomColumn[] | undefined;
}

export class ObjectTable {
  readonly #resource: Resource;
  readonly #options: TableOptions;
  #widths: readonly number[] | undefined;

  constructor(resource: Resource, options: TableOptions) {
    this.#resource = resource;
    this.#options = options;
  }

  /** The lines of some objects; the heading stands above the first ones. */
  lines(objects: readonly KubernetesObject[], nowMs: number): readonly string[] {
    const rows = objects.map((object) => this.#row(object, nowMs));
    const isFirst = this.#widths === undefined;
    const all = isFirst && this.#options.hasHeading ? [this.#heading(), ...rows] : rows;
    this.#widths ??= columnWidths(all);
    const widths = this.#widths;
    return all.map((row) => formatRow(row, widths));
  }

  #heading(): readonly string[] {
    const { isWide, withNamespace, withLabels, columns } = this.#options;
    if (columns !== undefined) return columns.map(({ heading }) => heading);
    return [
      ...(withNamespace ? ["NAMESPACE"] : []),
      ...columnsOf(this.#resource.kind, isWide).map(({ heading }) => heading),
      ...(withLabels ? ["LABELS"] : []),
    ];
  }

  #row(object: KubernetesObject, nowMs: number): readonly string[] {
    const { isWide, withNamespace, withLabels, withKind, columns } = this.#options;
    if (columns !== undefined) {
      return columns.map(
        ({ path }) => findByPath(path, object, object).map(shownValue).join(",") || "<none>",
      );
    }
    const cells = columnsOf(this.#resource.kind, isWide).map(({ heading, cell }) => {
      const text = cell(object, nowMs);
      return withKind && heading === "NAME" ? objectLabel(this.#resource, text) : text;
    });
    return [
      ...(withNamespace ? [object.metadata.namespace] : []),
      ...cells,
      ...(withLabels ? [labelsCell(object)] : []),
    ];
  }
}

function labelsCell({ metadata }: KubernetesObject): string {
  const pairs = Object.entries(metadata.labels ?? {}).map(([key, value]) => `${key}=${value}`);
  return pairs.sort().join(",") || "<none>";
}
