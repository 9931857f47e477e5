// The results as a picture: for each row bars of everybody's medians, longest = slowest or, where more is better,
// quickest. SVG by hand: bars and words need no library. Pure.
import type { Results } from "./results.ts";
import { type RowId, rows, type Series } from "./rows.ts";
import { median } from "./statistics.ts";
import { describeMachine, formatValue } from "./table.ts";

const width = 860;
const barHeight = 15;
const left = 110;
const barWidth = 560;
const colors: Readonly<Record<string, string>> = {
  nspod: "#1f6feb",
  floor: "#8b949e",
  other: "#d0a33c",
};
const floors = ["kernel", "node", "igzip + tar", "GNU tar"];

/** A standalone SVG document; rows that nobody but nspod is in are left out: a lone bar says nothing. */
export function plotResults(results: Results): string {
  const parts: string[] = [];
  let y = 24;
  for (const id of Object.keys(rows) as RowId[]) {
    const all = results.series.filter(({ row }) => row === id);
    if (all.length < 2) continue;
    parts.push(...plotRow(id, all, y));
    y += 30 + all.length * (barHeight + 3);
  }
  const caption = describeMachine(results).split(". ")[0] ?? "";
  parts.push(text(10, y, caption, 'fill="#57606a"'));
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${y + 14}" font-family="sans-serif" font-size="12">
<title>nspod beside other runtimes</title>
<rect width="100%" height="100%" fill="#ffffff"/>
${parts.join("\n")}
</svg>
`;
}

function plotRow(id: RowId, all: readonly Series[], top: number): readonly string[] {
  const { title, unit, better } = rows[id];
  const bars = all
    .map(({ who, values }) => ({ who, value: median(values) }))
    .toSorted((a, b) => (a.value - b.value) * (better === "less" ? 1 : -1));
  const longest = Math.max(...bars.map(({ value }) => value));
  const head = `${title}, ${unit} (${better} is better)`;
  return [
    text(10, top, head, 'font-weight="bold"'),
    ...bars.flatMap(({ who, value }, index) => {
      const y = top + 7 + index * (barHeight + 3);
      const long = Math.max(1, (value / longest) * barWidth);
      const color = colors[who] ?? (floors.includes(who) ? colors["floor"] : colors["other"]);
      return [
        text(left - 8, y + 12, who, 'text-anchor="end"'),
        `<rect x="${left}" y="${y}" width="${long.toFixed(1)}" height="${barHeight}" fill="${color}"/>`,
        text(left + long + 6, y + 12, formatValue(value), 'fill="#24292f"'),
      ];
    }),
  ];
}

function text(x: number, y: number, words: string, more: string): string {
  const escaped = words.replaceAll("&", "&amp;").replaceAll("<", "&lt;");
  return `<text x="${x.toFixed(1)}" y="${y}" ${more}>${escaped}</text>`;
}
