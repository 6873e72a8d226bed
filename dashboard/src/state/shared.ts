// Links for sharing. A link to a job of a backend other than the page's own server carries that backend
// in the parameter `backend`; the page asks before it switches to it.
import { normalizeBackend } from "./settings";

const parameter = "backend";

// `address` is the URL of the page, `backend` the one in the settings.
export function linkFor(address: string, backend: string): string {
  const url = new URL(address);
  url.searchParams.delete(parameter);
  if (backend) url.searchParams.set(parameter, backend);
  return url.href;
}

// The backend that a link asks for, in the form of the settings; undefined where it names none, or the
// one in use. Throws an Error with a message for the user where it names something else.
export function backendOfLink(query: string, origin: string, current: string): string | undefined {
  const named = new URLSearchParams(query).get(parameter);
  if (named === null || named.trim() === "") return undefined;
  const address = normalizeBackend(named);
  const backend = address === origin ? "" : address;
  return backend === current ? undefined : backend;
}
