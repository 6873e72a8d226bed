// The URL: which page is shown, and the state that the page keeps in it.
import type { ComponentProps, MouseEvent } from "react";
import { createStore, useStore } from "./store";

interface Place {
  path: string;
  query: string;
}

const read = (): Place => ({ path: location.pathname, query: location.search });
const place = createStore<Place>(read());
window.addEventListener("popstate", () => place.set(read()));

export const usePlace = (): Place => useStore(place);

export function navigate(to: string): void {
  const page = place.get().path;
  history.pushState(null, "", to);
  place.set(read());
  if (place.get().path !== page) window.scrollTo(0, 0);
}

// Changes parameters of the current page, without adding an entry to the history.
export function setQuery(changes: Record<string, string>): void {
  const query = new URLSearchParams(location.search);
  for (const [name, value] of Object.entries(changes)) {
    if (value === "") query.delete(name);
    else query.set(name, value);
  }
  const text = query.toString();
  history.replaceState(null, "", location.pathname + (text ? `?${text}` : ""));
  place.set(read());
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
