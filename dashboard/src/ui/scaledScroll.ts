// Lists that are taller than a browser allows an element to be. The element is as tall as it may be,
// and a place in it stands for a place in the list. Small steps move the list by as many pixels as the
// window, so that a wheel or finger feels as usual; a jump leads to the place in proportion. At rest
// the window is put where its place in the list belongs, so that both ends can be reached.

// Firefox allows about 17.8 million pixels, Chromium and Safari about 33.5 million.
export const tallest = 15_000_000;

export interface Scale {
  list: number; // pixels of all rows
  element: number; // pixels of the element
  view: number; // pixels of the window
}

export const scaleOf = (list: number, view: number): Scale => ({
  list,
  element: Math.min(list, tallest),
  view,
});

// The top of the window, in pixels from the top of the element and of the list.
export interface Place {
  element: number;
  list: number;
}

const endOf = ({ element, view }: Scale): number => Math.max(1, element - view);
const listEndOf = ({ list, view }: Scale): number => Math.max(1, list - view);

// The place in the list in proportion to the one in the element; beyond the ends, pixel by pixel.
function inProportion(scale: Scale, element: number): number {
  if (scale.list <= scale.element || element <= 0) return element;
  const beyond = element - endOf(scale);
  if (beyond >= 0) return listEndOf(scale) + beyond;
  return (element / endOf(scale)) * listEndOf(scale);
}

export function moved(scale: Scale, from: Place, element: number): Place {
  const step = element - from.element;
  const list = from.list + step;
  const near = Math.abs(step) <= 2 * scale.view;
  const inside = element > 0 && element < endOf(scale) && list > 0 && list < listEndOf(scale);
  return { element, list: near && inside ? list : inProportion(scale, element) };
}

// The place of the element for one in the list.
export function elementAt(scale: Scale, list: number): number {
  if (scale.list <= scale.element || list <= 0) return list;
  const beyond = list - listEndOf(scale);
  if (beyond >= 0) return endOf(scale) + beyond;
  return (list / listEndOf(scale)) * endOf(scale);
}
