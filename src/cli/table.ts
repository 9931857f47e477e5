/**
 * Tables as kubectl prints them: columns of at least six letters, three spaces apart, nothing
 * after the last. Source: kubectl's tabwriter(minwidth 6, tabwidth 4, padding 3).
 */

const minimumWidth = 6;
const gap = 3;

/** Lays out rows; the first one is the heading. Newlines in cells become spaces. */
export function formatTable(rows: readonly (readonly string[])[]): string {
  const widths = columnWidths(rows);
  return rows.map((row) => formatRow(row, widths)).join("\n");
}

/** Widths that fit all rows: a watch keeps them for the rows that follow. */
export function columnWidths(rows: readonly (readonly string[])[]): readonly number[] {
  const count = Math.max(0, ...rows.map((row) => row.length));
  return Array.from({ length: count }, (_, column) =>
    Math.max(minimumWidth, ...rows.map((row) => displayWidth(oneLine(row[column] ?? "")) + gap)),
  );
}

export function formatRow(row: readonly string[], widths: readonly number[]): string {
  return row
    .map((cell, column) => {
      const text = oneLine(cell);
      const room = (widths[column] ?? 0) - displayWidth(text);
      return column === row.length - 1 ? text : text + " ".repeat(Math.max(gap, room));
    })
    .join("");
}

function oneLine(text: string): string {
  return text.replaceAll("\n", " ");
}

function displayWidth(text: string): number {
  return [...text].length;
}
