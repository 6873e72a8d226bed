import { ChevronDown, ChevronRight } from "lucide-react";
import {
  memo,
  useCallback,
  useImperativeHandle,
  useMemo,
  useRef,
  type KeyboardEvent,
  type MouseEvent,
  type Ref,
} from "react";
import { formatCount, formatPercent, lastPart, plural } from "../domain/format";
import { scoreOf, type Parent, type Row } from "../domain/results";
import { useRememberedScroll } from "../state/router";
import { Button } from "../ui/Button";
import { focusWhenDrawn } from "../ui/focus";
import { useLongPress } from "../ui/longPress";
import { NotWhole } from "../ui/NotWhole";
import { Thumbnail } from "../ui/Picture";
import { gridOf, resultLayout, useWindowRows } from "../ui/windowRows";
import { lineOf, linesOf, nearestShown, stepInLines, type Arrangement } from "./lines";
import "./Groups.css";

const headHeight = 52;

// Scrolls to a photo and gives it the focus.
export interface ListHandle {
  reveal: (row: Row) => void;
}

interface CheckProps {
  name: string;
  rows: readonly Row[];
  selected: ReadonlySet<string>;
  onChange: (rows: readonly Row[], on: boolean) => void;
}

// Selects a whole group. Half selected, it first selects the rest.
function GroupCheck({ name, rows, selected, onChange }: CheckProps) {
  const count = rows.reduce((sum, { key }) => sum + (selected.has(key) ? 1 : 0), 0);
  const whole = count === rows.length;
  return (
    <input
      type="checkbox"
      className="group-check"
      aria-label={`Select all of ${name}`}
      title={`Select all of ${name}`}
      checked={whole}
      ref={(input) => {
        if (input) input.indeterminate = count > 0 && !whole;
      }}
      onChange={() => onChange(rows, !whole)}
    />
  );
}

interface TileProps {
  row: Row;
  selected: boolean;
}

// The clicks and keys of all tiles are handled by the list.
const Tile = memo(function Tile({ row, selected }: TileProps) {
  return (
    <div className={`mini choosable ${selected ? "selected" : ""}`} data-tile={row.index}>
      <button type="button" className="mini-open" data-row={row.index} title={row.name}>
        <Thumbnail image={row.key} />
        <span className="mini-label" dir="auto">
          {lastPart(row.name)}
        </span>
        <span className="mini-score">
          <NotWhole warning={row.warning} /> {formatPercent(scoreOf(row))}
        </span>
      </button>
      {/* Space on the photo does the same, so that Tab need not stop here too. */}
      <label className="mini-check">
        <input
          type="checkbox"
          tabIndex={-1}
          aria-label={`Select ${row.name}`}
          checked={selected}
          readOnly
        />
      </label>
    </div>
  );
});

interface Props extends Arrangement {
  complete: boolean;
  byIndex: readonly Row[]; // all rows of the job
  selected: ReadonlySet<string>; // keys
  selecting: boolean; // a click selects
  onSelect: (row: Row, range: boolean) => void;
  onSelectGroup: (rows: readonly Row[], on: boolean) => void;
  onGroup: (label: string, parent: string) => void; // show only this one
  onToggle: (parent: string) => void;
  onOpen: (row: Row) => void;
  ref: Ref<ListHandle>;
}

export function Groups({
  groups,
  parents,
  open,
  whole,
  complete,
  byIndex,
  selected,
  selecting,
  onSelect,
  onSelectGroup,
  onGroup,
  onToggle,
  onOpen,
  ref,
}: Props) {
  const arrangement = useMemo(
    () => ({ groups, parents, open, whole }),
    [groups, parents, open, whole],
  );
  const element = useRef<HTMLDivElement>(null);
  const rowsFor = useCallback(
    (width: number) => {
      const { columns, rowHeight } = gridOf(width, resultLayout());
      const lines = linesOf(arrangement, columns);
      return {
        count: lines.length,
        height: (i: number) => (lines[i]?.kind === "photos" ? rowHeight : headHeight),
      };
    },
    [arrangement],
  );
  const { ref: frame, width, top, virtualizer } = useWindowRows(rowsFor);
  const { columns, tile } = gridOf(width, resultLayout());
  const lines = useMemo(() => linesOf(arrangement, columns), [arrangement, columns]);
  useRememberedScroll(complete && width > 0);

  const go = useCallback(
    (line: number, index: number) => {
      virtualizer.scrollToIndex(line, { align: "auto" });
      focusWhenDrawn(() => element.current?.querySelector<HTMLElement>(`[data-row="${index}"]`));
    },
    [virtualizer],
  );
  useImperativeHandle(
    ref,
    () => ({
      reveal: (row) => {
        const near = nearestShown(lines, row);
        if (near) go(near.line, near.index);
      },
    }),
    [lines, go],
  );

  const rowAt = useCallback(
    (target: EventTarget): Row | undefined => {
      const place = (target as Element).closest<HTMLElement>("[data-tile]")?.dataset.tile;
      return place === undefined ? undefined : byIndex[Number(place)];
    },
    [byIndex],
  );
  const long = useLongPress(
    useCallback(
      (target) => {
        const row = rowAt(target);
        if (row) onSelect(row, false);
      },
      [rowAt, onSelect],
    ),
  );

  const click = (event: MouseEvent) => {
    const row = rowAt(event.target);
    if (!row) return;
    const target = event.target as Element;
    if (target.closest(".mini-check")) {
      // The label passes its click on to the box.
      if (target.tagName !== "INPUT") return;
      onSelect(row, event.shiftKey);
    } else if (
      event.detail > 0 &&
      (event.shiftKey || event.ctrlKey || event.metaKey || selecting)
    ) {
      onSelect(row, event.shiftKey);
    } else onOpen(row);
  };
  const press = (event: KeyboardEvent) => {
    const button = (event.target as Element).closest<HTMLElement>("[data-row]");
    const row = button && rowAt(button);
    if (!row) return;
    if (event.key === " ") {
      event.preventDefault();
      if (!event.repeat) onSelect(row, event.shiftKey);
      return;
    }
    const to = stepInLines(lines, row.index, event.key);
    if (to === undefined) return;
    event.preventDefault();
    const next = element.current?.querySelector<HTMLElement>(`[data-row="${to}"]`);
    if (next) {
      next.focus({ preventScroll: true });
      next.scrollIntoView({ block: "nearest" });
    } else go(lineOf(lines, to), to);
  };

  const parentHead = (parent: Parent, isOpen: boolean, hidden: number) => (
    <header className="group-head">
      <GroupCheck
        name={parent.name}
        rows={parent.rows}
        selected={selected}
        onChange={onSelectGroup}
      />
      <h3>
        <button
          type="button"
          className="group-open"
          aria-expanded={isOpen}
          onClick={() => onToggle(parent.name)}
        >
          {isOpen ? <ChevronDown size={18} aria-hidden /> : <ChevronRight size={18} aria-hidden />}
          {parent.name}
        </button>
      </h3>
      <span className="hint">
        {plural(parent.rows.length, "photo")}, {plural(parent.groups.length, "label")}
      </span>
      {!isOpen && hidden > 0 && (
        <Button look="quiet" onClick={() => onGroup("", parent.name)}>
          Show all
        </Button>
      )}
    </header>
  );

  return (
    // Clicks and keys come from the buttons within.
    // eslint-disable-next-line jsx-a11y/no-static-element-interactions
    <div
      ref={element}
      className={selecting ? "selecting" : ""}
      onClick={click}
      onKeyDown={press}
      // Some browsers press a button when Space is released.
      onKeyUp={(event) => {
        if (event.key === " " && (event.target as Element).closest("[data-row]")) {
          event.preventDefault();
        }
      }}
      {...long}
    >
      <div ref={frame} className="grid-frame" style={{ height: virtualizer.getTotalSize() }}>
        {virtualizer.getVirtualItems().map((item) => {
          const line = lines[item.index];
          if (!line) return null;
          const place = { height: item.size, transform: `translateY(${item.start - top}px)` };
          if (line.kind === "photos") {
            return (
              <div
                key={item.key}
                className="grid-row"
                style={{ ...place, gridTemplateColumns: `repeat(${columns}, ${tile}px)` }}
              >
                {line.rows.map((row) => (
                  <Tile key={row.index} row={row} selected={selected.has(row.key)} />
                ))}
              </div>
            );
          }
          if (line.kind === "parent") {
            return (
              <div key={item.key} className="group-line" style={place}>
                {parentHead(line.parent, line.open, line.hidden)}
              </div>
            );
          }
          const { group, inParent, hidden } = line;
          const Heading = inParent ? "h4" : "h3";
          return (
            <div key={item.key} className={`group-line ${inParent ? "inner" : ""}`} style={place}>
              <header className="group-head">
                <GroupCheck
                  name={group.label}
                  rows={group.rows}
                  selected={selected}
                  onChange={onSelectGroup}
                />
                <Heading dir="auto" title={group.label}>
                  {group.label}
                </Heading>
                <span className="count">{formatCount(group.rows.length)}</span>
                {hidden > 0 && (
                  <Button look="quiet" onClick={() => onGroup(group.label, "")}>
                    Show all
                  </Button>
                )}
              </header>
            </div>
          );
        })}
      </div>
    </div>
  );
}
