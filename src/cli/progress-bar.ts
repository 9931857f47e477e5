/** A progress bar on one line of a terminal. The text is pure; the caller rewrites the line. */
import { formatBytes } from "./byte-size.ts";

export interface ProgressFacts {
  readonly stage: "reading" | "unpacking";
  readonly doneBytes: number;
  readonly totalBytes?: number;
  readonly doneLayers: number;
  readonly totalLayers: number;
}

const barWidth = 30;

/** @param columns - width of the terminal: the line never wraps. */
export function progressLine(label: string, facts: ProgressFacts, columns: number): string {
  const { doneBytes, totalBytes, doneLayers, totalLayers, stage } = facts;
  const layers =
    totalLayers > 0 ? `, layer ${Math.min(doneLayers + 1, totalLayers)}/${totalLayers}` : "";
  const done = formatBytes(doneBytes);
  const text =
    totalBytes === undefined || totalBytes === 0
      ? `${label}: ${stage} ${done}${layers}`
      : `${label}: ${stage} ${bar(doneBytes / totalBytes)} ${done} of ${formatBytes(totalBytes)}${layers}`;
  return text.slice(0, Math.max(1, columns - 1));
}

function bar(fraction: number): string {
  const full = Math.round(Math.min(1, Math.max(0, fraction)) * barWidth);
  return `[${"=".repeat(full)}${" ".repeat(barWidth - full)}]`;
}
