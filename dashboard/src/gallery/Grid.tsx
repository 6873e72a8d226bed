import { memo, useCallback, useEffect, useRef, type KeyboardEvent, type MouseEvent } from "react";
import { formatBytes, displayName, plural } from "../ui/format";
import { Thumbnail } from "../ui/Picture";
import { gridOf, tileLayout, useWindowRows } from "../ui/windowRows";
import type { StoredImage } from "../api/types";
import { stepInGrid } from "./arrange";

interface TileProps {
  image: StoredImage;
  index: number;
  column: number;
  selected: boolean;
  focusable: boolean;
  label: string | null; // null while no labels are shown; empty where the image was not in the job
}

// Scrolling creates and removes dozens of these, so each has few elements; the icons are CSS masks.
const Tile = memo(function Tile({ image, index, column, selected, focusable, label }: TileProps) {
  const name = displayName(image.key);
  const found = label === "" ? "not in this job" : label;
  return (
    <div
      role="gridcell"
      aria-selected={selected}
      aria-colindex={column + 1}
      aria-label={`${name}, ${formatBytes(image.size)}${found ? `, ${found}` : ""}`}
      tabIndex={focusable ? 0 : -1}
      data-index={index}
      className="tile"
    >
      <span className="tile-picture">
        <Thumbnail image={image.key} size={320} />
        <span className="tile-check" aria-hidden />
        <span className="tile-open" data-open aria-hidden title="Open" />
      </span>
      <span className={`tile-caption ${label === "" ? "none" : ""}`} dir="auto" title={name}>
        {found ?? name}
      </span>
    </div>
  );
});

interface GridProps {
  images: readonly StoredImage[];
  selected: ReadonlySet<string>;
  labels: ReadonlyMap<string, string> | undefined; // by key
  active: number;
  onActive: (index: number) => void;
  onToggle: (index: number) => void;
  onRange: (to: number) => void; // from the last photo chosen
  onAll: () => void;
  onNone: () => void;
  onOpen: (index: number) => void;
  onDelete: () => void;
}

export function Grid(props: GridProps) {
  const { images, selected, labels, active } = props;
  const count = images.length;
  const rowsFor = useCallback(
    (width: number) => {
      const { columns, rowHeight } = gridOf(width, tileLayout("large"));
      return { count: Math.ceil(count / columns), height: () => rowHeight };
    },
    [count],
  );
  const { ref, width, top, virtualizer } = useWindowRows(rowsFor);
  const { columns, tile, rowHeight } = gridOf(width, tileLayout("large"));
  const element = useRef<HTMLDivElement>(null);
  const focusWanted = useRef(false);

  useEffect(() => {
    if (!focusWanted.current) return;
    const cell = element.current?.querySelector<HTMLElement>(`[data-index="${active}"]`);
    if (!cell) return;
    focusWanted.current = false;
    cell.focus({ preventScroll: true });
  });

  const indexOf = (event: { target: EventTarget }): number | undefined => {
    const cell = (event.target as Element).closest<HTMLElement>("[data-index]");
    return cell ? Number(cell.dataset.index) : undefined;
  };

  const click = (event: MouseEvent) => {
    const index = indexOf(event);
    if (index === undefined) return;
    if ((event.target as Element).closest("[data-open]")) props.onOpen(index);
    else if (event.shiftKey) props.onRange(index);
    else props.onToggle(index);
    props.onActive(index);
  };

  const press = (event: KeyboardEvent) => {
    const rowsInView = Math.max(1, Math.floor(window.innerHeight / rowHeight) - 1);
    const to = stepInGrid(event.key, active, columns, images.length, rowsInView);
    const command = event.ctrlKey || event.metaKey;
    if (to !== undefined) {
      focusWanted.current = true;
      if (event.shiftKey) props.onRange(to);
      props.onActive(to);
      virtualizer.scrollToIndex(Math.floor(to / columns), { align: "auto" });
    } else if (event.key === " ") props.onToggle(active);
    else if (event.key === "Enter") props.onOpen(active);
    else if (event.key === "Escape") props.onNone();
    else if (event.key === "Delete" && selected.size > 0) props.onDelete();
    else if (command && event.key.toLowerCase() === "a") props.onAll();
    else return;
    event.preventDefault();
  };

  return (
    <div ref={ref} className="grid-frame" style={{ height: virtualizer.getTotalSize() }}>
      {/* The focus moves from tile to tile, never to the grid itself. */}
      {/* eslint-disable-next-line jsx-a11y/interactive-supports-focus */}
      <div
        ref={element}
        role="grid"
        className={labels ? "labelled" : ""}
        aria-label={plural(images.length, "photo")}
        aria-multiselectable
        aria-rowcount={Math.ceil(images.length / columns)}
        aria-colcount={columns}
        onClick={click}
        onDoubleClick={(event) => {
          const index = indexOf(event);
          if (index !== undefined) props.onOpen(index);
        }}
        onKeyDown={press}
        onFocus={(event) => {
          const index = indexOf(event);
          if (index !== undefined && index !== active) props.onActive(index);
        }}
      >
        {virtualizer.getVirtualItems().map((row) => (
          <div
            key={row.key}
            role="row"
            aria-rowindex={row.index + 1}
            className="grid-row"
            style={{
              height: rowHeight,
              transform: `translateY(${row.start - top}px)`,
              gridTemplateColumns: `repeat(${columns}, ${tile}px)`,
            }}
          >
            {images.slice(row.index * columns, (row.index + 1) * columns).map((image, column) => {
              const index = row.index * columns + column;
              return (
                <Tile
                  key={image.key}
                  image={image}
                  index={index}
                  column={column}
                  selected={selected.has(image.key)}
                  focusable={index === active}
                  label={labels ? (labels.get(image.key) ?? "") : null}
                />
              );
            })}
          </div>
        ))}
      </div>
    </div>
  );
}
