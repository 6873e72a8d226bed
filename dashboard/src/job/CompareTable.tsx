import { useImperativeHandle, useRef, type Ref } from "react";
import { formatPercent } from "../domain/format";
import type { Row } from "../domain/results";
import { useRememberedScroll } from "../state/router";
import { focusWhenDrawn } from "../ui/focus";
import { NotWhole } from "../ui/NotWhole";
import { Thumbnail } from "../ui/Picture";
import { SortableTable, type TableHandle } from "../ui/SortableTable";
import "./CompareTable.css";
import "./ResultTable.css";

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

// Photos with both predictions.
export function CompareTable({ lines, complete, heads, onOpen, ref }: Props) {
  const frame = useRef<HTMLDivElement>(null);
  const table = useRef<TableHandle>(null);
  useRememberedScroll(complete);
  useImperativeHandle(
    ref,
    () => ({
      reveal: (key) => {
        const at = lines.findIndex((line) => line.key === key);
        if (at < 0) return;
        table.current?.reveal(at);
        focusWhenDrawn(() =>
          frame.current?.querySelector<HTMLElement>(`[data-key="${CSS.escape(key)}"]`),
        );
      },
    }),
    [lines],
  );
  return (
    <div ref={frame}>
      <SortableTable
        ref={table}
        columns={[
          { id: "photo", title: "Photo" },
          { id: "here", title: heads[0] },
          { id: "there", title: heads[1] },
          { id: "delta", title: "Change" },
        ]}
        lines={lines}
        idOf={({ key }) => key}
        className="compared"
        rowHeight={rowHeight}
        cells={(line) => (
          <>
            <td className="cell-photo">
              <button
                type="button"
                className="cell-open"
                data-key={line.key}
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
          </>
        )}
      />
    </div>
  );
}
