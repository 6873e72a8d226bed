// What the gallery shows, as parameters of the address.
import { filterView } from "../state/filterView";
import { oneOf, optionalNumberIn, text } from "../state/view";

export const galleryView = {
  ...filterView,
  by: oneOf(["", "name", "content"], ""), // how `q` finds photos; "" where the page chooses
  like: text, // the key of the photo that those shown are like, or what likePicture.ts gave a picture
  job: text, // whose labels are shown
  label: text,
  at: optionalNumberIn(0, Number.MAX_SAFE_INTEGER), // place of the open photo
  photo: text, // its key, where it was loaded
};
