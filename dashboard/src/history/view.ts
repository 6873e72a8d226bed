// What the history shows, in the address.
import { jobStatuses, type JobStatus, type JobType } from "../domain/types";
import { sortColumns } from "./arrange";
import { oneOf, sorting, text, type Params, type Sorting } from "../state/view";

export interface HistoryView {
  q: string;
  status: JobStatus | "";
  type: JobType | "";
  sort: Sorting | null;
}

export const historyView: Params<HistoryView> = {
  q: text,
  status: oneOf<JobStatus | "">(["", ...jobStatuses], ""),
  type: oneOf<JobType | "">(["", "image_classification", "custom_classification"], ""),
  sort: sorting(sortColumns),
};
