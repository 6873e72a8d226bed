// Long lists that scroll with the window; only what is in view is drawn.
import { useWindowVirtualizer } from "@tanstack/react-virtual";
import { useCallback, useEffect, useState } from "react";
import type { TileSize } from "../state/settings";
import "./windowRows.css";

interface Box {
  width: number; // 0 before the first layout
  top: number; // from the top of the page
}

// The position of an element. The callback is its ref.
export function useBox(): [(element: HTMLElement | null) => (() => void) | undefined, Box] {
  const [box, setBox] = useState<Box>({ width: 0, top: 0 });
  const ref = useCallback((element: HTMLElement | null) => {
    if (!element) return undefined;
    const measure = () => {
      const width = element.clientWidth;
      const top = Math.round(element.getBoundingClientRect().top + window.scrollY);
      setBox((old) => (old.width === width && old.top === top ? old : { width, top }));
    };
    // Content above may change its height, which moves the list without changing it.
    const observer = new ResizeObserver(measure);
    observer.observe(element);
    observer.observe(document.body);
    return () => observer.disconnect();
  }, []);
  return [ref, box];
}

export interface Layout {
  minTile: number; // width in pixels
  gap: number;
  caption: number; // height below the photo
}

export interface Geometry {
  columns: number;
  tile: number; // width in pixels
  rowHeight: number; // with the gap below
}

export function gridOf(width: number, { minTile, gap, caption }: Layout): Geometry {
  const columns = Math.max(2, Math.floor((width + gap) / (minTile + gap)));
  const tile = Math.max(40, (width - gap * (columns - 1)) / columns);
  return { columns, tile, rowHeight: tile + caption + gap };
}

const phone = window.matchMedia("(max-width: 40rem)");

const leastWidths: Record<TileSize, { phone: number; screen: number }> = {
  small: { phone: 80, screen: 112 },
  medium: { phone: 104, screen: 156 },
  large: { phone: 168, screen: 248 },
};

// The minimum width and the caption of a tile, for the current screen.
export const tileLayout = (size: TileSize): Layout => {
  if (phone.matches) return { minTile: leastWidths[size].phone, gap: 4, caption: 0 };
  const wide = window.innerWidth > 3200 ? 1.7 : window.innerWidth > 2200 ? 1.3 : 1;
  return { minTile: leastWidths[size].screen * wide, gap: 12, caption: 26 };
};

// Of results: they have a caption on phones too.
export const resultLayout = (): Layout => {
  const layout = tileLayout("medium");
  return phone.matches
    ? { ...layout, minTile: 96, caption: 22 }
    : { ...layout, minTile: layout.minTile * 0.85 };
};

// `rowsFor` returns, for a width, the number of rows and the height of each. The function must stay the
// same while neither changes.
export function useWindowRows(
  rowsFor: (width: number) => { count: number; height: (index: number) => number },
) {
  const [ref, box] = useBox();
  const { count, height } = rowsFor(box.width);
  const virtualizer = useWindowVirtualizer({
    count: box.width > 0 ? count : 0,
    estimateSize: height,
    overscan: 3,
    // Rows beyond the edge are drawn already, so a frame need not wait for the next ones.
    useFlushSync: false,
    scrollMargin: box.top,
  });
  const total = box.width > 0 && count > 0 ? height(count - 1) : 0;
  useEffect(() => virtualizer.measure(), [virtualizer, rowsFor, box.width, total]);
  return { ref, width: box.width, top: box.top, virtualizer };
}
