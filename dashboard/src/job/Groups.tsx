import { useCallback } from "react";
import { Button } from "../ui/Button";
import { formatCount, formatPercent, lastPart } from "../domain/format";
import { NotWhole } from "../ui/NotWhole";
import { Thumbnail } from "../ui/Picture";
import { gridOf, resultLayout, useWindowRows } from "../ui/windowRows";
import { scoreOf, type Group, type Row } from "../domain/results";
import "./Groups.css";

type Line = { group: Group; hidden: number } | { rows: Row[] };

const headHeight = 52;
const rowsAtFirst = 2;

// Headings and rows of photos as one list, so that any number can be scrolled.
function linesOf(groups: readonly Group[], columns: number, whole: boolean): Line[] {
  return groups.flatMap((group) => {
    const count = whole ? group.rows.length : Math.min(group.rows.length, columns * rowsAtFirst);
    const lines: Line[] = [{ group, hidden: group.rows.length - count }];
    for (let i = 0; i < count; i += columns) {
      lines.push({ rows: group.rows.slice(i, Math.min(i + columns, count)) });
    }
    return lines;
  });
}

interface HeadProps {
  group: Group;
  hidden: number;
  onChoose: (label: string) => void;
}

function GroupHead({ group, hidden, onChoose }: HeadProps) {
  return (
    <header className="group-head">
      <h3 dir="auto" title={group.label}>
        {group.label}
      </h3>
      <span className="count">{formatCount(group.rows.length)}</span>
      {hidden > 0 && (
        <Button look="quiet" onClick={() => onChoose(group.label)}>
          Show all
        </Button>
      )}
    </header>
  );
}

interface Props {
  groups: readonly Group[];
  whole: boolean; // every image of each group, not only the first
  onChoose: (label: string) => void;
  onOpen: (row: Row) => void;
}

export function Groups({ groups, whole, onChoose, onOpen }: Props) {
  const rowsFor = useCallback(
    (width: number) => {
      const { columns, rowHeight } = gridOf(width, resultLayout());
      const lines = linesOf(groups, columns, whole);
      return {
        count: lines.length,
        height: (i: number) => (lines[i] && "group" in lines[i] ? headHeight : rowHeight),
      };
    },
    [groups, whole],
  );
  const { ref, width, top, virtualizer } = useWindowRows(rowsFor);
  const { columns, tile } = gridOf(width, resultLayout());
  const lines = linesOf(groups, columns, whole);
  return (
    <div ref={ref} className="grid-frame" style={{ height: virtualizer.getTotalSize() }}>
      {virtualizer.getVirtualItems().map((item) => {
        const line = lines[item.index];
        if (!line) return null;
        const place = { height: item.size, transform: `translateY(${item.start - top}px)` };
        if ("group" in line) {
          return (
            <div key={item.key} className="group-line" style={place}>
              <GroupHead {...line} onChoose={onChoose} />
            </div>
          );
        }
        return (
          <div
            key={item.key}
            className="grid-row"
            style={{ ...place, gridTemplateColumns: `repeat(${columns}, ${tile}px)` }}
          >
            {line.rows.map((row) => (
              <button
                key={row.index}
                type="button"
                className="mini"
                title={row.name}
                onClick={() => onOpen(row)}
              >
                <Thumbnail image={row.key} />
                <span className="mini-label" dir="auto">
                  {lastPart(row.name)}
                </span>
                <span className="mini-score">
                  <NotWhole warning={row.warning} /> {formatPercent(scoreOf(row))}
                </span>
              </button>
            ))}
          </div>
        );
      })}
    </div>
  );
}
