// What the page of a job shows, in the address.
import { rowOrders } from "../domain/results";
import { numberIn, oneOf, optionalNumberIn, sorting, text, type Param } from "../state/view";
import { sortColumns } from "./sort";

// Names in any script, with any marks in them.
const names: Param<readonly string[]> = {
  read: (given) => {
    try {
      return given.split(",").filter(Boolean).map(decodeURIComponent);
    } catch {
      return []; // cut off by whoever passed the link on
    }
  },
  write: (value) => value.map(encodeURIComponent).join(","),
};

export const jobView = {
  view: oneOf(["groups", "table"], "groups"),
  label: text,
  group: text, // the group of labels
  by: oneOf(["", "group", "label"], ""), // "": what suits the number of labels
  open: names, // groups of labels that show theirs
  q: text,
  t: optionalNumberIn(0, 1), // threshold; that of the job
  order: oneOf(rowOrders, "sure"), // within each group
  from: numberIn(0, 1, 0), // confidence
  to: numberIn(0, 1, 1),
  sort: sorting(sortColumns), // of the table
  photo: text, // open: its place in the job, or its key where two jobs are compared
  with: text, // the job to compare with
  change: text, // of the label, between the two
};
