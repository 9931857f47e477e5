// The section of README.md that `make bench` writes: between two markers, out of the results.
import type { Results } from "./results.ts";
import { formatResults } from "./table.ts";

const begin = "<!-- bench: written by make bench -->";
const end = "<!-- bench: end -->";

/**
 * README with the tables of `results` between its markers.
 * @throws Error when it does not have them once, in this order.
 */
export function replaceSection(readme: string, results: Results): string {
  const [before, rest, ...more] = readme.split(begin);
  const [, after, ...others] = rest?.split(end) ?? [];
  if (before === undefined || after === undefined || more.length + others.length > 0) {
    throw new Error(`README.md must have "${begin}" and "${end}" once`);
  }
  const picture = "![Bars of all medians](test/bench/results/plot.svg)";
  return `${before}${begin}\n\n${formatResults(results)}\n${picture}\n\n${end}${after}`;
}
