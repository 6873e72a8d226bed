import { useQueryClient } from "@tanstack/react-query";
import { History, SearchX, Sparkles } from "lucide-react";
import { useDeferredValue, useEffect, useMemo, useState, type ReactNode } from "react";
import { useJobs, useLabelsOfJobs } from "../api/queries";
import { formatCount } from "../domain/format";
import { kindWords } from "../domain/jobs";
import { jobStatuses, type JobSummary } from "../domain/types";
import { Link, useRememberedScroll, useView } from "../state/router";
import { askAgain } from "../ui/askAgain";
import { Button } from "../ui/Button";
import { SearchField, Select } from "../ui/Fields";
import { EmptyState, ErrorState, Loading } from "../ui/States";
import { statusWords } from "../ui/StatusBadge";
import { countWords, searchJobs } from "./arrange";
import { DeleteJobsDialog, RenameDialog } from "./JobDialogs";
import { JobTable, type Actions } from "./JobTable";
import { PickBar } from "./PickBar";
import { historyView, type HistoryView } from "./view";

const noJobs: JobSummary[] = [];
const mostLoadedByItself = 20_000;
const mostLabelsSearched = 100; // jobs; the list has no categories, so each takes a call
const isCustom = (job: JobSummary): boolean => job.job_type === "custom_classification";

// The jobs that the view shows, as far as they are loaded.
function useShownJobs({ q, status, type, sort }: HistoryView) {
  const words = useDeferredValue(q);
  const list = useJobs({ status, job_type: type });
  const { hasNextPage, isFetchingNextPage, fetchNextPage } = list;
  const loaded = useMemo(
    () => list.data?.pages.flatMap((page) => page.jobs) ?? noJobs,
    [list.data],
  );
  const searched = useMemo(
    () => (words ? loaded.filter(isCustom).slice(0, mostLabelsSearched) : noJobs),
    [loaded, words],
  );
  const labels = useLabelsOfJobs(searched.map(({ job_id }) => job_id));
  const shown = useMemo(() => searchJobs(loaded, words, labels), [loaded, words, labels]);

  // Searching and sorting apply to all jobs, so the rest are fetched.
  const wantsAll = (words !== "" || sort !== null) && loaded.length < mostLoadedByItself;
  useEffect(() => {
    if (wantsAll && hasNextPage && !isFetchingNextPage) void fetchNextPage();
  }, [wantsAll, hasNextPage, isFetchingNextPage, fetchNextPage]);

  const total = list.data?.pages[0]?.total ?? 0;
  const settled = list.data !== undefined && !(wantsAll && hasNextPage);
  return { list, loaded: loaded.length, shown, total, settled };
}

function Filters({
  view,
  onChange,
}: {
  view: HistoryView;
  onChange: (change: Partial<HistoryView>) => void;
}) {
  return (
    <div className="toolbar sticky">
      <SearchField
        label="Search name, category, model, date"
        value={view.q}
        onChange={(q) => onChange({ q })}
      />
      <Select
        label="Status"
        value={view.status}
        options={[
          { value: "", label: "Any status" },
          ...jobStatuses.map((value) => ({ value, label: statusWords(value) })),
        ]}
        onChange={(status) => onChange({ status })}
      />
      <Select
        label="Kind"
        value={view.type}
        options={[
          { value: "", label: "Any kind" },
          { value: "image_classification", label: kindWords({ job_type: "image_classification" }) },
          {
            value: "custom_classification",
            label: kindWords({ job_type: "custom_classification" }),
          },
        ]}
        onChange={(type) => onChange({ type })}
      />
    </div>
  );
}

const noFilter = { q: "", status: "", type: "" } as const;

function NoMatch({ searched, onAll }: { searched: boolean; onAll: () => void }) {
  return (
    <EmptyState
      icon={SearchX}
      title="No job matches"
      actions={<Button onClick={onAll}>Show all jobs</Button>}
    >
      {searched && (
        <p>
          The search covers name, id, status, kind, model, date, and the categories of the newest{" "}
          {mostLabelsSearched} jobs that have them.
        </p>
      )}
    </EmptyState>
  );
}

function NoJobs() {
  return (
    <EmptyState
      icon={History}
      title="No jobs yet"
      actions={
        <Link href="/new" className="button primary">
          Start your first job
        </Link>
      }
    >
      <p>Every job you run appears here, with its results.</p>
    </EmptyState>
  );
}

type Dialog = { rename: JobSummary } | { remove: JobSummary[] } | null;

// Jobs with what can be done with them.
function Jobs({
  jobs,
  view,
  onView,
}: {
  jobs: JobSummary[];
  view: HistoryView;
  onView: (change: Partial<HistoryView>) => void;
}) {
  const client = useQueryClient();
  const [picked, setPicked] = useState<ReadonlySet<string>>(new Set());
  const [dialog, setDialog] = useState<Dialog>(null);
  // In the order in which they were picked; only those that are shown.
  const chosen = [...picked].flatMap((id) => jobs.find(({ job_id }) => job_id === id) ?? []);
  const clear = () => setPicked(new Set());
  const close = () => setDialog(null);
  const actions: Actions = {
    picked,
    onPick: ({ job_id }) =>
      setPicked((now) => {
        const next = new Set(now);
        if (!next.delete(job_id)) next.add(job_id);
        return next;
      }),
    onRename: (rename) => setDialog({ rename }),
    onDelete: (job) => setDialog({ remove: [job] }),
    onAgain: ({ job_id }) => void askAgain(client, job_id),
  };
  return (
    <>
      {jobs.length > 0 && (
        <JobTable
          jobs={jobs}
          sort={view.sort}
          onSort={(sort) => onView({ sort })}
          actions={actions}
        />
      )}
      {chosen.length > 0 && (
        <PickBar jobs={chosen} onDelete={() => setDialog({ remove: chosen })} onClear={clear} />
      )}
      {dialog && "rename" in dialog && <RenameDialog job={dialog.rename} onClose={close} />}
      {dialog && "remove" in dialog && (
        <DeleteJobsDialog
          jobs={dialog.remove}
          onClose={close}
          onDeleted={() => {
            close();
            clear();
          }}
        />
      )}
    </>
  );
}

export function HistoryPage(): ReactNode {
  const [view, setView] = useView(historyView);
  const { list, loaded, shown, total, settled } = useShownJobs(view);
  const { hasNextPage, isFetchingNextPage, fetchNextPage } = list;
  useRememberedScroll(settled);
  const searched = view.q !== "";
  const filtered = searched || view.status !== "" || view.type !== "";
  const some = list.data !== undefined && (total > 0 || filtered);
  return (
    <>
      <header className="page-head">
        <div>
          <h1 tabIndex={-1}>History</h1>
          <p className="page-sub" role="status">
            {some
              ? countWords(
                  { shown: shown.length, total, complete: !hasNextPage },
                  { searched, filtered },
                )
              : "\u00a0"}
          </p>
        </div>
        <Link href="/new" className="button primary">
          <Sparkles size={16} aria-hidden />
          New job
        </Link>
      </header>
      {list.isPending && <Loading what="jobs" shape="rows" />}
      {list.isError && !list.data && (
        <ErrorState error={list.error} onRetry={() => void list.refetch()} />
      )}
      {some && <Filters view={view} onChange={setView} />}
      {list.data && !some && <NoJobs />}
      {list.data && filtered && shown.length === 0 && !isFetchingNextPage && (
        <NoMatch searched={searched} onAll={() => setView(noFilter)} />
      )}
      <Jobs jobs={shown} view={view} onView={setView} />
      {list.data && hasNextPage && (
        <div className="more">
          <Button busy={isFetchingNextPage} onClick={() => void fetchNextPage()}>
            Load more
          </Button>
          <span className="hint">
            {formatCount(loaded)} of {formatCount(total)} jobs loaded
          </span>
        </div>
      )}
    </>
  );
}
