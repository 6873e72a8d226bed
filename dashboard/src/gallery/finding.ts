// Whether a search shows the photos with such names, or those that show such things.

export type By = "name" | "content";

interface Search {
  q: string;
  like: string;
  wanted: By | ""; // what the user chose
  possible: boolean | undefined; // by content; undefined while it is not known
  named: number | undefined; // photos whose name fits; undefined while it is not known
}

// Names come first, because who knows one means that photo. Undefined while it is not known.
export function shownBy({ q, like, wanted, possible, named }: Search): By | undefined {
  if (like !== "") return "content";
  if (q === "" || possible === false) return "name";
  if (wanted !== "") return wanted;
  if (named === undefined) return undefined;
  if (named > 0) return "name";
  return possible ? "content" : undefined;
}
