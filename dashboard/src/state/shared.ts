// Links to be shared. One that shows another backend than its page's own server names it, as the
// parameter `backend`; a page that is opened with it asks before it goes there.
import { normalizeBackend } from "./settings";

const parameter = "backend";

// `address` is that of the page, `backend` the one of the settings.
export function linkFor(address: string, backend: string): string {
  const url = new URL(address);
  url.searchParams.delete(parameter);
  if (backend) url.searchParams.set(parameter, backend);
  return url.href;
}

// The backend that a link asks for, in the form of the settings; undefined where it names none, or
// the one that is in use anyway. Throws a sentence where what it names is no address.
export function backendOfLink(query: string, origin: string, current: string): string | undefined {
  const named = new URLSearchParams(query).get(parameter);
  if (named === null || named.trim() === "") return undefined;
  const address = normalizeBackend(named);
  const backend = address === origin ? "" : address;
  return backend === current ? undefined : backend;
}
