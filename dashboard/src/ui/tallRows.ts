// Rows of one height that scroll with the window, however many: see scaledScroll.ts.
import { useCallback, useEffect, useLayoutEffect, useRef, useState } from "react";
import { elementAt, moved, scaleOf, type Place } from "./scaledScroll";
import { useBox } from "./windowRows";

const overscan = 3; // rows
const restMs = 150;
const labelMs = 900; // how long the label of the place stays after the last movement

interface Shown {
  first: number;
  last: number;
  shift: number; // pixels between a row's place in the list and in the element
  top: number; // the first row that is not above the window
}

// Both functions are given the width of the element, 0 before the first layout.
export function useTallRows(
  countFor: (width: number) => number,
  heightFor: (width: number) => number,
) {
  const [ref, box] = useBox();
  const count = countFor(box.width);
  const rowHeight = heightFor(box.width);
  const place = useRef<Place>({ element: 0, list: 0 });
  const [shown, setShown] = useState<Shown>({ first: 0, last: -1, shift: 0, top: 0 });
  const [scrolling, setScrolling] = useState(false);
  const list = count * rowHeight;

  const show = useCallback(() => {
    const { element, list: at } = place.current;
    const view = window.innerHeight;
    const top = Math.max(0, Math.min(count - 1, Math.ceil(at / rowHeight - 0.5)));
    const first = Math.max(0, Math.min(count - 1, Math.floor(at / rowHeight) - overscan));
    const last = Math.min(count - 1, Math.floor((at + view) / rowHeight) + overscan);
    const shift = at - element;
    setShown((now) =>
      now.first === first && now.last === last && now.shift === shift && now.top === top
        ? now
        : { first, last, shift, top },
    );
  }, [count, rowHeight]);

  // Where the window is, after the list or the page has changed.
  useLayoutEffect(() => {
    const scale = scaleOf(list, window.innerHeight);
    place.current = moved(scale, { element: NaN, list: NaN }, window.scrollY - box.top);
    show();
  }, [list, box.top, box.width, show]);

  useEffect(() => {
    let rest: ReturnType<typeof setTimeout> | undefined;
    let label: ReturnType<typeof setTimeout> | undefined;
    const settle = () => {
      const scale = scaleOf(list, window.innerHeight);
      const { element, list: at } = place.current;
      const wanted = Math.round(elementAt(scale, at));
      if (scale.list <= scale.element || Math.abs(wanted - element) < 1) return;
      place.current = { element: wanted, list: at };
      window.scrollTo(0, wanted + box.top);
      show();
    };
    const follow = () => {
      const element = window.scrollY - box.top;
      // Movements of the hook's own are already in the place.
      if (Math.abs(element - place.current.element) < 1) return;
      place.current = moved(scaleOf(list, window.innerHeight), place.current, element);
      show();
      setScrolling(true);
      clearTimeout(label);
      label = setTimeout(() => setScrolling(false), labelMs);
      clearTimeout(rest);
      rest = setTimeout(settle, restMs);
    };
    window.addEventListener("scroll", follow, { passive: true });
    window.addEventListener("resize", show);
    return () => {
      clearTimeout(rest);
      clearTimeout(label);
      window.removeEventListener("scroll", follow);
      window.removeEventListener("resize", show);
    };
  }, [list, box.top, show]);

  // Scrolls as little as needed to show the row; `head` pixels at the top are covered.
  const reveal = (row: number, head: number) => {
    const view = window.innerHeight;
    const { list: at } = place.current;
    const start = row * rowHeight;
    const to =
      start < at + head
        ? start - head
        : start + rowHeight > at + view
          ? start + rowHeight - view
          : at;
    if (to === at) return;
    place.current = { element: Math.round(elementAt(scaleOf(list, view), to)), list: to };
    window.scrollTo(0, place.current.element + box.top);
    show();
  };

  return {
    ref,
    width: box.width,
    rowHeight,
    height: scaleOf(list, 0).element,
    ...shown,
    scrolling,
    reveal,
  };
}
