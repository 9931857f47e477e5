// The results as Markdown: who took how long, and which promises were kept. Pure.
import type { Results } from "./results.ts";
import { type Row, type RowId, rows, type Series } from "./rows.ts";
import { median } from "./statistics.ts";
import { judge, type Target, targets, type Verdict } from "./targets.ts";

/** Who is no other runtime but what nothing can be faster than, or what a figure needs for scale. */
export const floors: readonly string[] = ["kernel", "node", "igzip + tar", "GNU tar"];
const runtimes = ["podman", "skopeo", "conmon", "crun", "containerd", "docker"];

/** Both tables, under a line that says where and when. */
export function formatResults(results: Results): string {
  return `${[
    describeMachine(results),
    figuresTable(results.series),
    targetsTable(results.series),
    ...results.absences.map(
      ({ row, who, reason }) =>
        `- ${who} is missing${row === undefined ? "" : ` in "${rows[row].title}"`}: ${escapeCell(reason)}`,
    ),
  ].join("\n\n")}\n`;
}

export function describeMachine({ date, machine, versions }: Results): string {
  const words = Object.entries(versions).map(([who, version]) => `${who} ${version}`);
  return (
    `${date}: ${machine.cpus} × ${machine.model}, ${machine.memoryGib} GiB, Linux ${machine.kernel}. ` +
    `Medians of alternating rounds on tmpfs. ${words.join(", ")}.`
  );
}

function figuresTable(series: readonly Series[]): string {
  const lines = (Object.keys(rows) as RowId[]).flatMap((id) => {
    const all = series.filter((each) => each.row === id);
    return all.length === 0 ? [] : [figureLine(rows[id], all)];
  });
  return [
    "| what | nspod | floor | × floor | best other | × best | others |",
    "|---|---:|---:|---:|---:|---:|---|",
    ...lines,
  ].join("\n");
}

function figureLine(row: Row, all: readonly Series[]): string {
  const middleOf = (series: Series | undefined): number | undefined =>
    series && median(series.values);
  const own = middleOf(all.find(({ who }) => who === "nspod"));
  const floor = all.find(({ who }) => floors.includes(who));
  const others = all
    .filter(({ who }) => runtimes.includes(who))
    .toSorted((a, b) => (median(a.values) - median(b.values)) * (row.better === "less" ? 1 : -1));
  const [best, ...rest] = others;
  const name = (each: Series | undefined): string =>
    each === undefined ? "" : `${each.who} ${formatValue(median(each.values))}`;
  const cells = [
    `${row.title}, ${row.unit}`,
    own === undefined ? "" : `**${formatValue(own)}**`,
    name(floor),
    ratio(own, middleOf(floor)),
    name(best),
    ratio(own, middleOf(best)),
    rest.map(name).join(", "),
  ];
  return `| ${cells.join(" | ")} |`;
}

function targetsTable(series: readonly Series[]): string {
  const lines = targets.map((target) => judge(target, series)).map(targetLine);
  return ["| promise | bound | measured | |", "|---|---:|---:|---|", ...lines].join("\n");
}

function targetLine({ target, value, bound, isMet }: Verdict): string {
  const row = rows[target.row];
  const show = (number: number | undefined): string =>
    number === undefined ? "" : `${formatValue(number)} ${row.unit}`;
  const verdict =
    isMet === undefined
      ? "not measured"
      : `${isMet ? "met" : "**not met**"}: ${ratio(value, bound)} of it`;
  return `| ${describeTarget(target)} | ${show(bound)} | ${show(value)} | ${verdict} |`;
}

/** "command: exec of true: at most 1/2 of podman". */
export function describeTarget({ row, of, limit, plus }: Target): string {
  const { title, unit, better } = rows[row];
  const edge = better === "less" ? "at most" : "at least";
  if (of === undefined) return `${title}: ${edge} ${limit} ${unit}`;
  const whom = "who" in of ? of.who : `"${rows[of.row].title}"`;
  const times = limit === 1 ? whom : `${fraction(limit)} ${whom}`;
  return `${title}: ${edge} ${times}${plus === undefined ? "" : ` + ${plus} ${unit}`}`;
}

function fraction(limit: number): string {
  return limit < 1 ? `1/${Math.round(1 / limit)} of` : `${limit} ×`;
}

/** Three digits that count, and no more. */
export function formatValue(value: number): string {
  if (value >= 100) return Math.round(value).toLocaleString("en-US");
  return value.toFixed(value >= 10 ? 1 : 2);
}

function ratio(value: number | undefined, base: number | undefined): string {
  return value === undefined || base === undefined ? "" : (value / base).toFixed(2);
}

function escapeCell(text: string): string {
  return text.replaceAll("\n", " ").replaceAll("|", "\\|");
}
