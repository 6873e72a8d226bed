// What the gallery shows, as parameters of the address.
import { filterView } from "../state/filterView";
import { optionalNumberIn, text } from "../state/view";

export const galleryView = {
  ...filterView,
  job: text, // whose labels are shown
  label: text,
  at: optionalNumberIn(0, Number.MAX_SAFE_INTEGER), // place of the open photo
  photo: text, // its key, where it was loaded
};
