import { useMemo } from "react";
import { histogram, type Row } from "../domain/results";
import "./Histogram.css";

const steps = 25;

// The distribution of confidence, above the threshold's slider: what is below the threshold is grey.
export function Histogram({ rows, threshold }: { rows: readonly Row[]; threshold: number }) {
  const bins = useMemo(() => histogram(rows, steps), [rows]);
  const most = Math.max(1, ...bins);
  return (
    <div className="histogram" aria-hidden>
      {bins.map((count, i) => (
        <span
          key={i}
          className={(i + 0.5) / steps < threshold ? "below" : ""}
          style={{ height: count > 0 ? `max(3px, ${(count / most) * 100}%)` : 0 }}
        />
      ))}
    </div>
  );
}
