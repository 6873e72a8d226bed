import { useMemo, useState } from "react";
import { sentenceOf } from "../api/client";
import { useJobs } from "../api/queries";
import { asSentence, formatTime, plural } from "../domain/format";
import { kindWords, titleOf } from "../domain/jobs";
import { matcher } from "../domain/search";
import type { JobSummary } from "../domain/types";
import { jobPath, Link } from "../state/router";
import { pathOf } from "../state/view";
import { Button } from "../ui/Button";
import { Modal } from "../ui/Dialogs";
import { SearchField } from "../ui/Fields";
import { jobView } from "./view";
import "./CompareDialog.css";

const finished = { status: "completed", job_type: "" };

const factsOf = (job: JobSummary): string =>
  [
    ...(job.name ? [kindWords(job)] : []),
    plural(job.num_images, "photo"),
    job.model,
    formatTime(job.created_at),
  ].join(" · ");

// The finished jobs that this one can be compared with.
export function CompareDialog({ job, onClose }: { job: string; onClose: () => void }) {
  const [text, setText] = useState("");
  const list = useJobs(finished, false);
  const shown = useMemo(() => {
    const matches = matcher(text);
    return (list.data?.pages ?? [])
      .flatMap((page) => page.jobs)
      .filter((each) => each.job_id !== job && matches(titleOf(each), factsOf(each), each.job_id));
  }, [list.data, text, job]);
  return (
    <Modal open onClose={onClose} title="Compare with another job" className="small compare-dialog">
      <div className="modal-text">
        <SearchField label="Search jobs" value={text} onChange={setText} />
        {list.isPending && <p className="hint">Loading jobs…</p>}
        {list.isError && <p className="problem-text">{asSentence(sentenceOf(list.error))}</p>}
        {list.data && shown.length === 0 && (
          <p className="hint">{text ? "No job matches." : "There is no other finished job yet."}</p>
        )}
        <ul aria-label="Finished jobs">
          {shown.map((each) => (
            <li key={each.job_id}>
              <Link href={pathOf(jobPath(job), jobView, { with: each.job_id })} onClick={onClose}>
                <bdi className="strong">{titleOf(each)}</bdi>
                <small>{factsOf(each)}</small>
              </Link>
            </li>
          ))}
        </ul>
        {list.hasNextPage && (
          <Button busy={list.isFetchingNextPage} onClick={() => void list.fetchNextPage()}>
            Load more
          </Button>
        )}
      </div>
    </Modal>
  );
}
