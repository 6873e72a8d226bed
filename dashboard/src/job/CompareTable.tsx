import { useCallback, useImperativeHandle, useRef, type Ref } from "react";
import { formatPercent } from "../domain/format";
import type { Row } from "../domain/results";
import { useRememberedScroll } from "../state/router";
import { focusWhenDrawn } from "../ui/focus";
import { NotWhole } from "../ui/NotWhole";
import { Thumbnail } from "../ui/Picture";
import { useWindowRows } from "../ui/windowRows";
import "./CompareTable.css";
import "./ResultTable.css";
import "../ui/SortableTable.css";

interface Found {
  label: string;
  score: number;
}

// A photo with what each of the two jobs found, as far as it was in them.
export interface ComparedLine {
  key: string;
  row: Row;
  here?: Found;
  there?: Found;
  isChanged?: boolean;
  delta: string; // of the confidence
}

export interface CompareHandle {
  reveal: (key: string) => void;
}

const rowHeight = 57;

function FoundCell({ found, strong }: { found: Found | undefined; strong: boolean }) {
  return (
    <td className={`cell-found ${strong ? "changed" : ""}`}>
      {found && (
        <>
          <bdi title={found.label}>{found.label}</bdi>{" "}
          {found.score > 0 && <small>{formatPercent(found.score)}</small>}
        </>
      )}
    </td>
  );
}

interface Props {
  lines: readonly ComparedLine[];
  complete: boolean;
  heads: [string, string];
  onOpen: (key: string) => void;
  ref: Ref<CompareHandle>;
}

// Photos with both predictions; only the rows in view are drawn.
export function CompareTable({ lines, complete, heads, onOpen, ref: handle }: Props) {
  const body = useRef<HTMLDivElement>(null);
  const count = lines.length;
  const rowsFor = useCallback(() => ({ count, height: () => rowHeight }), [count]);
  const { ref, top, width, virtualizer } = useWindowRows(rowsFor);
  useRememberedScroll(complete && width > 0);
  useImperativeHandle(
    handle,
    () => ({
      reveal: (key) => {
        const at = lines.findIndex((line) => line.key === key);
        if (at < 0) return;
        virtualizer.scrollToIndex(at, { align: "auto" });
        focusWhenDrawn(() => body.current?.querySelector<HTMLElement>(`[data-line="${at}"]`));
      },
    }),
    [lines, virtualizer],
  );
  const items = virtualizer.getVirtualItems();
  const before = (items[0]?.start ?? top) - top;
  const after = virtualizer.getTotalSize() - ((items.at(-1)?.end ?? top) - top);
  return (
    <div className="table-frame" ref={body}>
      <table className="table compared" aria-rowcount={count + 1}>
        <thead>
          <tr aria-rowindex={1}>
            <th scope="col" className="cell-photo">
              Photo
            </th>
            {heads.map((head, i) => (
              <th key={i} scope="col">
                <bdi title={head}>{head}</bdi>
              </th>
            ))}
            <th scope="col" className="cell-delta">
              Change
            </th>
          </tr>
        </thead>
        <tbody ref={ref}>
          {before > 0 && (
            <tr aria-hidden>
              <td style={{ height: before }} />
            </tr>
          )}
          {items.map(({ index }) => {
            const line = lines[index];
            return (
              line && (
                <tr key={line.key} aria-rowindex={index + 2} style={{ height: rowHeight }}>
                  <td className="cell-photo">
                    <button
                      type="button"
                      className="cell-open"
                      data-line={index}
                      title={line.key}
                      onClick={() => onOpen(line.key)}
                    >
                      <Thumbnail image={line.key} size={96} />
                      <bdi>{line.row.name}</bdi>
                      <NotWhole warning={line.row.warning} />
                    </button>
                  </td>
                  <FoundCell found={line.here} strong={false} />
                  <FoundCell found={line.there} strong={line.isChanged === true} />
                  <td className="cell-delta">{line.delta}</td>
                </tr>
              )
            );
          })}
          {after > 0 && (
            <tr aria-hidden>
              <td style={{ height: after }} />
            </tr>
          )}
        </tbody>
      </table>
    </div>
  );
}
