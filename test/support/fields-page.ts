// The manual page nspod-fields(7) out of the rows of the field table.
import type { FieldRow } from "../../src/spec/field-table.ts";

const head = `.\\" Printed from src/spec/field-support.ts by the unit test of the table: UPDATE_GOLDEN=1.
.TH NSPOD\\-FIELDS 7 "" nspod "Miscellaneous"
.SH NAME
nspod\\-fields \\- every field of a Kubernetes pod, and what nspod does with it
.SH DESCRIPTION
All fields of a Pod in Kubernetes 1.36, in the order of the API reference.
.TP
.B done
means what the Kubernetes API reference says.
.TP
.B warned
is accepted with a warning that says what does not happen.
.TP
.B refused
is an error that names the field, its line and its column.
.PP
Fields of a refused field are not listed.
`;

export function fieldsPage(rows: readonly FieldRow[]): string {
  const sections = new Map<string, FieldRow[]>();
  for (const row of rows) {
    sections.set(row.definition, [...(sections.get(row.definition) ?? []), row]);
  }
  const body = [...sections].map(([definition, fields]) => {
    const lines = fields.map(
      ({ field, support, note }) =>
        `T{\n${roff(field)}\nT}\t${support}\tT{\n${roff(sentence(note))}\nT}\n`,
    );
    return `.SH ${definition.toUpperCase() === definition ? definition : `"${definition}"`}\n.TS\ntab(\t);\nlw(28n) l lw(38n).\n${lines.join("")}.TE\n`;
  });
  return `'\\" t\n${head}${body.join("")}.SH SEE ALSO\n.BR nspod\\-pod (7),\n.BR nspod (1)\n`;
}

function sentence(note: string): string {
  return note === "" ? "" : `${note[0]?.toUpperCase()}${note.slice(1)}.`;
}

function roff(text: string): string {
  return text
    .replaceAll("\\", "\\e")
    .replaceAll("-", "\\-")
    .replace(/^([.'])/, "\\&$1");
}
