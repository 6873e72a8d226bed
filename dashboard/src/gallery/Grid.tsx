import {
  memo,
  useEffect,
  useImperativeHandle,
  useRef,
  type KeyboardEvent,
  type MouseEvent,
  type Ref,
} from "react";
import type { StoredImage } from "../domain/types";
import { formatBytes, formatCount, lastPart, nameOf, plural } from "../domain/format";
import { settings } from "../state/settings";
import { useStore } from "../state/store";
import { useLongPress } from "../ui/longPress";
import { Thumbnail } from "../ui/Picture";
import { useTallRows } from "../ui/tallRows";
import { gridOf, tileLayout } from "../ui/windowRows";
import { stepInGrid } from "../domain/arrange";
import type { Library } from "./library";
import "./Grid.css";

interface TileProps {
  image: StoredImage | undefined; // undefined while it loads
  index: number;
  column: number;
  selected: boolean;
  focusable: boolean;
  label: string | null; // null while no labels are shown; empty where the image was not in the job
}

// Scrolling creates and removes dozens of these, so each has few elements; the icons are CSS masks.
const Tile = memo(function Tile({ image, index, column, selected, focusable, label }: TileProps) {
  if (!image) {
    return (
      <div
        role="gridcell"
        aria-colindex={column + 1}
        aria-label={`Photo ${formatCount(index + 1)}, loading`}
        aria-busy
        tabIndex={focusable ? 0 : -1}
        data-index={index}
        className="tile loading"
      >
        <span className="tile-picture picture thumbnail" />
      </div>
    );
  }
  const name = nameOf(image);
  const found = label === "" ? "not in this job" : label;
  return (
    <div
      role="gridcell"
      aria-selected={selected}
      aria-colindex={column + 1}
      aria-label={[name, image.size > 0 ? formatBytes(image.size) : "", found]
        .filter(Boolean)
        .join(", ")}
      tabIndex={focusable ? 0 : -1}
      data-index={index}
      className="tile"
    >
      <span className="tile-picture">
        <Thumbnail image={image.key} size={320} />
        <span className="tile-check" data-check aria-hidden title="Select" />
        <span className="tile-open" data-open aria-hidden title="Open" />
      </span>
      <span className={`tile-caption ${label === "" ? "none" : ""}`} dir="auto" title={name}>
        {found ?? lastPart(name)}
      </span>
    </div>
  );
});

export interface GridHandle {
  show: (index: number) => void; // scrolls there, and moves the focus
}

interface GridProps {
  handle: Ref<GridHandle>;
  library: Library;
  isSelected: (image: StoredImage) => boolean;
  selecting: boolean; // something is: a click selects, and opens otherwise
  labels: ReadonlyMap<string, string> | undefined; // by key
  whereabouts: (image: StoredImage) => string; // what is shown while scrolling
  active: number;
  onActive: (index: number) => void;
  onToggle: (index: number) => void;
  onRange: (to: number) => void; // from the last photo chosen
  onAll: () => void;
  onNone: () => void;
  onOpen: (index: number) => void;
  onDelete: () => void;
}

const longList = 200; // shorter ones need no label of the place

export function Grid(props: GridProps) {
  const { library, isSelected, labels, active } = props;
  const { total, ensure } = library;
  const element = useRef<HTMLDivElement>(null);
  const focusWanted = useRef(false);
  const holdsFocus = useRef(false);
  const layout = tileLayout(useStore(settings).tileSize);
  // The width is needed for the number of columns, and the number of rows for the rest.
  const { ref, width, height, rowHeight, first, last, shift, top, scrolling, reveal } = useTallRows(
    (width) => Math.ceil(total / gridOf(width, layout).columns),
    (width) => gridOf(width, layout).rowHeight,
  );
  const { columns, tile } = gridOf(width, layout);

  useEffect(() => {
    if (last >= first && width > 0) ensure(first * columns, (last + 1) * columns - 1);
  }, [ensure, first, last, columns, width]);

  useEffect(() => {
    // A tile that had the focus and was replaced, as a loading one is by its photo, hands it on.
    const lost = holdsFocus.current && document.activeElement === document.body;
    if (!focusWanted.current && !lost) return;
    const cell = element.current?.querySelector<HTMLElement>(`[data-index="${active}"]`);
    if (!cell) return;
    cell.focus({ preventScroll: true });
    // Not while a dialog that closes still has it.
    focusWanted.current = document.activeElement !== cell;
  });

  const indexOf = (event: { target: EventTarget }): number | undefined => {
    const cell = (event.target as Element).closest<HTMLElement>("[data-index]");
    return cell ? Number(cell.dataset.index) : undefined;
  };

  // What stays at the top while the page scrolls.
  const covered = (): number =>
    document.querySelector(".toolbar.sticky")?.getBoundingClientRect().bottom ?? 0;

  const goTo = (index: number) => {
    focusWanted.current = true;
    props.onActive(index);
    reveal(Math.floor(index / columns), Math.max(0, covered()) + 8);
  };
  useImperativeHandle(props.handle, () => ({ show: goTo }));

  const click = (event: MouseEvent) => {
    const index = indexOf(event);
    if (index === undefined) return;
    const on = (part: string) => (event.target as Element).closest(`[data-${part}]`) !== null;
    if (event.shiftKey) props.onRange(index);
    else if (on("open")) props.onOpen(index);
    else if (on("check") || props.selecting || event.ctrlKey || event.metaKey)
      props.onToggle(index);
    else props.onOpen(index);
    props.onActive(index);
  };

  // A finger that stays selects, as it does in all galleries.
  const press = useLongPress((target) => {
    const index = indexOf({ target });
    if (index === undefined) return;
    props.onToggle(index);
    props.onActive(index);
  });

  const type = (event: KeyboardEvent) => {
    const rowsInView = Math.max(1, Math.floor(window.innerHeight / rowHeight) - 1);
    const to = stepInGrid(event.key, active, columns, total, rowsInView);
    const command = event.ctrlKey || event.metaKey;
    if (to !== undefined) {
      if (event.shiftKey) props.onRange(to);
      goTo(to);
    } else if (event.key === " ") props.onToggle(active);
    else if (event.key === "Enter") props.onOpen(active);
    else if (event.key === "Escape") props.onNone();
    else if (event.key === "Delete") props.onDelete();
    else if (command && event.key.toLowerCase() === "a") props.onAll();
    else return;
    event.preventDefault();
  };

  const drawn = [];
  if (width > 0) {
    for (let row = first; row <= last; row += 1) {
      const tiles = [];
      const end = Math.min(total, (row + 1) * columns);
      for (let index = row * columns; index < end; index += 1) {
        const image = library.at(index);
        tiles.push(
          <Tile
            key={image?.key ?? index}
            image={image}
            index={index}
            column={index - row * columns}
            selected={image !== undefined && isSelected(image)}
            focusable={index === active}
            label={labels && image ? (labels.get(image.key) ?? "") : null}
          />,
        );
      }
      drawn.push(
        <div
          key={row}
          role="row"
          aria-rowindex={row + 1}
          className="grid-row"
          style={{
            height: rowHeight,
            transform: `translateY(${row * rowHeight - shift}px)`,
            gridTemplateColumns: `repeat(${columns}, ${tile}px)`,
          }}
        >
          {tiles}
        </div>,
      );
    }
  }

  const labelled = scrolling && total > longList;
  const at = labelled ? library.at(top * columns) : undefined;
  return (
    <div ref={ref} className="grid-frame" style={{ height: height }}>
      {/* The focus moves from tile to tile, never to the grid itself. */}
      {/* eslint-disable-next-line jsx-a11y/interactive-supports-focus */}
      <div
        ref={element}
        role="grid"
        className={`${labels ? "labelled" : ""} ${props.selecting ? "selecting" : ""}`}
        aria-label={plural(total, "photo")}
        aria-multiselectable
        aria-rowcount={Math.ceil(total / columns)}
        aria-colcount={columns}
        onClick={click}
        {...press}
        onKeyDown={type}
        onBlur={({ relatedTarget }) => {
          if (!relatedTarget) return;
          focusWanted.current = false;
          holdsFocus.current = false;
        }}
        onFocus={(event) => {
          const index = indexOf(event);
          holdsFocus.current = index !== undefined;
          if (index !== undefined && index !== active) props.onActive(index);
        }}
      >
        {drawn}
      </div>
      {labelled && (
        <p className="whereabouts" aria-hidden>
          {(at && props.whereabouts(at)) ||
            `${formatCount(top * columns + 1)} of ${formatCount(total)}`}
        </p>
      )}
    </div>
  );
}
