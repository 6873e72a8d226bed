// The result table as CSV, with the columns of the server's CSV, at the threshold of the page.
import { labelOf, outcomeOf, scoreOf, type Row } from "../domain/results";

// RFC 4180; a leading quote stops a spreadsheet from running the text as a formula.
const cell = (text: string): string => {
  const value = /^[=+\-@\t\r]/.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(value) ? `"${value.replaceAll('"', '""')}"` : value;
};

// At most four digits, without zeros at the end.
const short = (value: number): string => String(Number(value.toFixed(4)));

function reasonOf(row: Row, threshold: number): string {
  if (outcomeOf(row, threshold) !== "unknown") return "";
  const score = scoreOf(row);
  // Where two digits would give "0.50 < 0.5", more digits show the difference.
  const two = score.toFixed(2);
  const shown = Number(two) >= threshold ? score.toFixed(6) : two;
  return `confidence below threshold (${shown} < ${short(threshold)}). Original prediction: ${row.predictions[0]?.label ?? ""}`;
}

export function toCsv(rows: readonly Row[], threshold: number): string {
  const lines = rows.map((row) => {
    const outcome = outcomeOf(row, threshold);
    return [
      row.filename,
      row.key,
      labelOf(row, threshold),
      outcome === "failed" ? "" : short(scoreOf(row)),
      outcome,
      reasonOf(row, threshold),
      row.error,
      row.ms > 0 ? short(row.ms) : "",
      row.predictions.map(({ label, score }) => `${label} ${short(score)}`).join("; "),
      row.path,
      row.warning ?? "",
    ]
      .map(cell)
      .join(",");
  });
  const head =
    "filename,s3_key,top_prediction,top_confidence,status,reason,error,processing_time_ms,predictions,name,warning";
  return [head, ...lines, ""].join("\r\n");
}
