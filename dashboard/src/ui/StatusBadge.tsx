import { Ban, CircleAlert, CircleCheck, Clock, LoaderCircle, type LucideIcon } from "lucide-react";
import type { JobStatus } from "../domain/types";
import "./StatusBadge.css";

const looks: Record<JobStatus, { icon: LucideIcon; words: string }> = {
  pending: { icon: Clock, words: "Waiting" },
  queued: { icon: Clock, words: "Queued" },
  processing: { icon: LoaderCircle, words: "Running" },
  completed: { icon: CircleCheck, words: "Done" },
  failed: { icon: CircleAlert, words: "Failed" },
  cancelled: { icon: Ban, words: "Cancelled" },
};

export const statusWords = (status: JobStatus): string => looks[status].words;

export function StatusBadge({ status }: { status: JobStatus }) {
  const { icon: Icon, words } = looks[status];
  return (
    <span className={`badge ${status}`}>
      <Icon size={14} aria-hidden />
      {words}
    </span>
  );
}
