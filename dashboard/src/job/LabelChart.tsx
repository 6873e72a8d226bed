import { useState } from "react";
import { Button } from "../ui/Button";
import { formatCount, formatPercent, plural } from "../domain/format";
import { isLabel, unknownLabel, type Group, type Parent } from "../domain/results";
import "./LabelChart.css";

const shownAtFirst = 8;

interface BarProps {
  name: string;
  hint?: string;
  count: number;
  most: number;
  total: number;
  inner?: boolean;
  pressed: boolean;
  onPress: () => void;
}

function LabelBar({ name, hint, count, most, total, inner, pressed, onPress }: BarProps) {
  return (
    <li className={inner ? "inner" : ""}>
      <button
        type="button"
        aria-pressed={pressed}
        className={name === unknownLabel ? "unknown" : ""}
        onClick={onPress}
      >
        <span className="chart-label" dir="auto" title={name}>
          {name}
          {hint && <small>{hint}</small>}
        </span>
        <span className="chart-count">{formatCount(count)}</span>
        <span className="chart-part">{formatPercent(count / Math.max(1, total))}</span>
        <span className="chart-bar" aria-hidden>
          <span style={{ width: `${(count / most) * 100}%` }} />
        </span>
      </button>
    </li>
  );
}

interface Choice {
  label: string; // empty: any
  group: string; // of labels
}

interface Props {
  groups: readonly Group[];
  parents: readonly Parent[] | null; // null: labels alone
  total: number;
  chosen: Choice;
  onChoose: (choice: Choice) => void;
}

// The number of photos of each label, or of each group of labels, where the chosen one shows its labels. Every
// bar is a button that shows only its photos.
export function LabelChart({ groups, parents, total, chosen, onChoose }: Props) {
  const [all, setAll] = useState(false);
  const entries = parents ?? groups;
  const most = Math.max(1, ...entries.map(({ rows }) => rows.length));
  const hidden = entries.length - shownAtFirst;
  const isCut = !all && hidden > 2;
  const label = ({ label: name, rows }: Group, group: string) => {
    const pressed = name === chosen.label;
    return (
      <LabelBar
        key={name}
        name={name}
        count={rows.length}
        most={most}
        total={total}
        inner={group !== ""}
        pressed={pressed}
        onPress={() => onChoose({ label: pressed ? "" : name, group })}
      />
    );
  };
  const parent = (entry: Parent) => {
    const [only] = entry.groups;
    if (only && isLabel(entry)) return label(only, "");
    const pressed = entry.name === chosen.group;
    return [
      <LabelBar
        key={entry.name}
        name={entry.name}
        hint={plural(entry.groups.length, "label")}
        count={entry.rows.length}
        most={most}
        total={total}
        pressed={pressed && chosen.label === ""}
        onPress={() =>
          onChoose({ label: "", group: pressed && chosen.label === "" ? "" : entry.name })
        }
      />,
      ...(pressed ? entry.groups.map((group) => label(group, entry.name)) : []),
    ];
  };
  return (
    <div className="chart">
      <ul>
        {parents
          ? (isCut ? parents.slice(0, shownAtFirst) : parents).map(parent)
          : (isCut ? groups.slice(0, shownAtFirst) : groups).map((group) => label(group, ""))}
      </ul>
      {hidden > 2 && (
        <Button look="quiet" aria-expanded={all} onClick={() => setAll(!all)}>
          {all
            ? "Show only the largest"
            : `Show all ${formatCount(entries.length)} ${parents ? "groups" : "labels"}`}
        </Button>
      )}
    </div>
  );
}
