// The URL: which page is shown, and where it is scrolled. What the page shows is in view.ts.
import { useEffect, useRef, type ComponentProps, type MouseEvent } from "react";
import { createStore, useStore } from "./store";
import { readView, writeView, type Params } from "./view";

interface Place {
  path: string;
  query: string;
}

const read = (): Place => ({ path: location.pathname, query: location.search });
const place = createStore<Place>(read());
window.addEventListener("popstate", () => place.set(read()));

export const usePlace = (): Place => useStore(place);

// What an entry of the browser's history remembers beside its address.
interface Entry {
  scroll?: number; // pixels
  layer?: boolean; // something is open over the page of the entry before
}
const entry = (): Entry => (history.state ?? {}) as Entry;
const remember = (change: Entry): void =>
  history.replaceState({ ...entry(), ...change }, "", location.href);

// The browser would scroll before the page has its photos.
history.scrollRestoration = "manual";
const scrollSettlesMs = 150;
let scrolled: ReturnType<typeof setTimeout> | undefined;
window.addEventListener(
  "scroll",
  () => {
    clearTimeout(scrolled);
    scrolled = setTimeout(() => remember({ scroll: window.scrollY }), scrollSettlesMs);
  },
  { passive: true },
);

function push(to: string, state: Entry): void {
  if (scrolled !== undefined) {
    clearTimeout(scrolled);
    remember({ scroll: window.scrollY });
  }
  history.pushState(state, "", to);
  place.set(read());
}

export function navigate(to: string): void {
  const page = place.get().path;
  push(to, {});
  if (place.get().path !== page) window.scrollTo(0, 0);
}

const mostFrames = 30;

// Scrolls to where the page was left, once it is `ready`. A list has its height some frames after that.
// `list`: one page may show several lists, each with its own entry in the history.
export function useRememberedScroll(ready: boolean, list = ""): void {
  const wanted = useRef(entry().scroll);
  const last = useRef(list);
  useEffect(() => {
    if (last.current === list) return;
    last.current = list;
    wanted.current = entry().scroll ?? 0;
  }, [list]);
  useEffect(() => {
    if (!ready || wanted.current === undefined) return;
    const to = wanted.current;
    wanted.current = undefined;
    let frames = 0;
    const scroll = () => {
      window.scrollTo(0, to);
      frames += 1;
      if (Math.abs(window.scrollY - to) > 1 && frames < mostFrames) requestAnimationFrame(scroll);
    };
    requestAnimationFrame(scroll);
  }, [ready, list]);
}

function addressWith(changes: Record<string, string>): string {
  const query = new URLSearchParams(location.search);
  for (const [name, value] of Object.entries(changes)) {
    if (value === "") query.delete(name);
    else query.set(name, value);
  }
  const text = query.toString();
  return location.pathname + (text ? `?${text}` : "");
}

// Changes parameters of the current page, without adding an entry to the history.
export function setQuery(changes: Record<string, string>): void {
  history.replaceState(history.state, "", addressWith(changes));
  place.set(read());
}

// The values of the current address, and a function that changes some of them in place.
export function useView<V>(params: Params<V>): [V, (changes: Partial<V>) => void] {
  const { query } = usePlace();
  return [readView(params, query), (changes) => setQuery(writeView(params, changes))];
}

// Opens something over the page, so that Back closes it.
export const openLayer = (changes: Record<string, string>): void =>
  push(addressWith(changes), { layer: true });

// Closes it. In an address that was opened with it, such as a shared link, there is nothing to go back to.
export function closeLayer(changes: Record<string, string>): void {
  if (entry().layer) history.back();
  else setQuery(changes);
}

export const jobPath = (id: string): string => `/job/${encodeURIComponent(id)}`;

export function Link({ href, onClick, children, ...rest }: ComponentProps<"a"> & { href: string }) {
  const follow = (event: MouseEvent<HTMLAnchorElement>) => {
    onClick?.(event);
    const plain = event.button === 0 && !event.metaKey && !event.ctrlKey && !event.shiftKey;
    if (!plain || event.defaultPrevented) return;
    event.preventDefault();
    navigate(href);
  };
  return (
    <a href={href} onClick={follow} {...rest}>
      {children}
    </a>
  );
}
