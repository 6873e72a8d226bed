// Which photos of the library are shown, as parameters of the gallery's address.
import { isTaken } from "../domain/taken";
import { orderNames, type ImageFilter } from "../domain/types";
import { oneOf, pathOf, text, type Params } from "./view";

export const filterView: Params<ImageFilter> = {
  order: oneOf(orderNames, "newest"),
  q: text,
  folder: text,
  batch: text,
  taken: { read: (given) => (isTaken(given) ? given : ""), write: (value) => value },
};

// The gallery with the photos that are like this one.
export const likePath = (key: string): string => pathOf("/", { like: text }, { like: key });
