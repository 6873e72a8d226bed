import { useState } from "react";
import { Button } from "../ui/Button";
import { formatCount, formatPercent } from "../domain/format";
import { unknownLabel, type Group } from "../domain/results";
import "./LabelChart.css";

const shownAtFirst = 6;

interface Props {
  groups: readonly Group[];
  total: number;
  chosen: string;
  onChoose: (label: string) => void; // empty: no filter
}

// The number of images of each label. Every bar is a button that shows only its images.
export function LabelChart({ groups, total, chosen, onChoose }: Props) {
  const [all, setAll] = useState(false);
  const most = Math.max(1, ...groups.map(({ rows }) => rows.length));
  const hidden = groups.length - shownAtFirst;
  const shown = all || hidden <= 2 ? groups : groups.slice(0, shownAtFirst);
  return (
    <div className="chart">
      <ul className={all ? "chart-all" : ""}>
        {shown.map(({ label, rows }) => (
          <li key={label}>
            <button
              type="button"
              aria-pressed={label === chosen}
              className={label === unknownLabel ? "unknown" : ""}
              onClick={() => onChoose(label === chosen ? "" : label)}
            >
              <span className="chart-label" dir="auto" title={label}>
                {label}
              </span>
              <span className="chart-bar" aria-hidden>
                <span style={{ width: `${(rows.length / most) * 100}%` }} />
              </span>
              <span className="chart-count">{formatCount(rows.length)}</span>
              <span className="chart-part">{formatPercent(rows.length / Math.max(1, total))}</span>
            </button>
          </li>
        ))}
      </ul>
      {hidden > 2 && (
        <Button look="quiet" aria-expanded={all} onClick={() => setAll(!all)}>
          {all ? "Show only the largest" : `Show all ${formatCount(groups.length)} labels`}
        </Button>
      )}
    </div>
  );
}
