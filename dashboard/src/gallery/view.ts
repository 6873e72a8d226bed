// What the gallery shows, as parameters of the address.
import { isTaken } from "../domain/taken";
import { orderNames } from "../domain/types";
import { oneOf, optionalNumberIn, text, type Param } from "../state/view";

const taken: Param<string> = {
  read: (given) => (isTaken(given) ? given : ""),
  write: (value) => value,
};

export const galleryView = {
  q: text,
  folder: text,
  batch: text,
  taken,
  order: oneOf(orderNames, "newest"),
  job: text, // whose labels are shown
  label: text,
  at: optionalNumberIn(0, Number.MAX_SAFE_INTEGER), // place of the open photo
  photo: text, // its key, where it was loaded
};
