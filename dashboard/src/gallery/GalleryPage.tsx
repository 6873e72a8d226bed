import {
  Images,
  ImageUp,
  ListChecks,
  SearchX,
  Sparkles,
  Trash2,
  TriangleAlert,
  X,
} from "lucide-react";
import { useCallback, useDeferredValue, useMemo, useRef, useState } from "react";
import { useImages } from "../api/queries";
import type { JobSummary } from "../api/types";
import { navigate, setQuery, usePlace } from "../state/router";
import { clearSelection, selection, toggle, withRange } from "../state/selection";
import { useStore } from "../state/store";
import { Button, IconButton } from "../ui/Button";
import { SearchField, Select } from "../ui/Fields";
import { formatCount, formatTime, plural } from "../ui/format";
import { EmptyState, ErrorState, Loading, Notice } from "../ui/States";
import { unfinished } from "../upload/uploads";
import { UploadButtons } from "../upload/UploadButtons";
import { arrange, indexNear, indexOf, orders, type Order, type Spot } from "./arrange";
import { DeleteDialog } from "./DeleteDialog";
import { GalleryPreview } from "./GalleryPreview";
import { Grid } from "./Grid";
import { countLabels, useFinishedJobs, useJobsToAsk, useLabels } from "./useLabels";

const jobName = (job: JobSummary): string =>
  `${job.job_type === "custom_classification" ? "Your categories" : "ImageNet classes"}, ${formatTime(job.created_at)}, ${plural(job.num_images, "photo")}`;

function Unfinished() {
  const left = useStore(unfinished);
  if (!left) return null;
  return (
    <Notice
      icon={TriangleAlert}
      tone="warning"
      action={<IconButton icon={X} label="Dismiss" onClick={() => unfinished.set(null)} />}
    >
      <strong>The last upload was interrupted.</strong> {formatCount(left.done)} of{" "}
      {plural(left.total, "photo")} are stored. Choose the same photos or folder again: those
      already stored are skipped.
    </Notice>
  );
}

interface FilterProps {
  job: string;
  label: string;
  labels: ReadonlyMap<string, string> | undefined;
}

function LabelFilter({ job, label, labels }: FilterProps) {
  const jobs = useFinishedJobs();
  if (jobs.length === 0) return null;
  const known = labels ? countLabels(labels) : [];
  return (
    <>
      <Select
        label="Labels from job"
        value={job}
        options={[
          { value: "", label: "Labels from a job…" },
          ...jobs.map((entry) => ({ value: entry.job_id, label: jobName(entry) })),
          ...(job && !jobs.some((entry) => entry.job_id === job)
            ? [{ value: job, label: "A shared job" }]
            : []),
        ]}
        onChange={(value) => setQuery({ job: value, label: "" })}
      />
      {job && (
        <Select
          label="Label"
          value={label}
          options={[
            { value: "", label: labels ? "All labels" : "Loading labels…" },
            ...known.map((entry) => ({
              value: entry.label,
              label: `${entry.label} (${formatCount(entry.count)})`,
            })),
          ]}
          onChange={(value) => setQuery({ label: value })}
        />
      )}
    </>
  );
}

export function GalleryPage() {
  const list = useImages();
  const selected = useStore(selection);
  const query = new URLSearchParams(usePlace().query);
  const text = query.get("q") ?? "";
  const job = query.get("job") ?? "";
  const label = query.get("label") ?? "";
  const labels = useLabels(job);
  const jobsToAsk = useJobsToAsk(job);
  const [order, setOrder] = useState<Order>("newest");
  const [activeSpot, setActiveSpot] = useState<Spot>({ key: "", index: 0 });
  const [openSpot, setOpenSpot] = useState<Spot | null>(null);
  const [deleting, setDeleting] = useState<readonly string[] | null>(null);
  const anchor = useRef("");

  const images = list.data?.images;
  const wanted = useDeferredValue(text);
  const shown = useMemo(() => {
    const only =
      labels && label
        ? new Set([...labels].filter(([, found]) => found === label).map(([key]) => key))
        : undefined;
    return arrange(images ?? [], order, wanted, only);
  }, [images, order, wanted, labels, label]);

  // Photos come and go, so an index is valid for this list only.
  const active = useMemo(() => indexNear(shown, activeSpot), [shown, activeSpot]);
  const open = useMemo(() => (openSpot ? indexOf(shown, openSpot) : -1), [shown, openSpot]);
  const openImage = shown[open];
  if (openSpot && !openImage) setOpenSpot(null);
  const spot = (index: number): Spot => ({ key: shown[index]?.key ?? "", index });
  const setActive = (index: number) => setActiveSpot(spot(index));
  const setOpen = (index: number) => setOpenSpot(spot(index));

  const choose = useCallback(
    (index: number) => {
      const key = shown[index]?.key;
      if (key === undefined) return;
      anchor.current = key;
      selection.set((now) => toggle(now, key));
    },
    [shown],
  );
  const chooseRange = (index: number) => {
    const key = shown[index]?.key;
    if (key === undefined) return;
    anchor.current ||= shown[active]?.key ?? key;
    const order = shown.map((image) => image.key);
    selection.set((now) => withRange(now, order, anchor.current, key));
  };
  const chooseAll = () =>
    selection.set((now) => new Set([...now, ...shown.map((image) => image.key)]));

  const stored = images ?? [];
  return (
    <>
      <header className="page-head">
        <div>
          <h1 tabIndex={-1}>Photos</h1>
          <p className="page-sub" role="status">
            {stored.length > 0 && list.data
              ? `${plural(stored.length, "photo")} stored${list.data.complete ? "" : ", loading more…"}`
              : "\u00a0"}
          </p>
        </div>
        {stored.length > 0 && <UploadButtons stored={stored} />}
      </header>
      <Unfinished />
      {list.isPending && <Loading what="photos" shape="grid" />}
      {list.isError && !list.data && (
        <ErrorState error={list.error} onRetry={() => void list.refetch()} />
      )}
      {list.data && stored.length === 0 && (
        <div className="welcome">
          <EmptyState icon={Images} title="Add photos" actions={<UploadButtons stored={stored} />}>
            <p>
              Drop photos or a whole folder anywhere on this page, paste a photo, or choose files.
              JPEG, PNG, GIF, WebP and BMP.
            </p>
          </EmptyState>
          <ol className="steps">
            <li>
              <ImageUp aria-hidden />
              <strong>Upload</strong>
              <span>From ten photos to many thousands, straight to your storage.</span>
            </li>
            <li>
              <Sparkles aria-hidden />
              <strong>Classify</strong>
              <span>Into 1,000 everyday classes, or into categories that you name.</span>
            </li>
            <li>
              <ListChecks aria-hidden />
              <strong>Find</strong>
              <span>Group, filter and export what was found.</span>
            </li>
          </ol>
        </div>
      )}
      {stored.length > 0 && (
        <>
          <div className="toolbar sticky">
            {selected.size > 0 ? (
              <div className="selection-bar">
                <strong role="status">{plural(selected.size, "photo")} selected</strong>
                <Button look="quiet" onClick={chooseAll}>
                  Select all {formatCount(shown.length)}
                </Button>
                <Button look="quiet" onClick={clearSelection}>
                  Clear
                </Button>
                <span className="spacer" />
                <Button icon={Trash2} onClick={() => setDeleting([...selected])}>
                  Delete
                </Button>
                <Button look="primary" icon={Sparkles} onClick={() => navigate("/new")}>
                  Classify
                </Button>
              </div>
            ) : (
              <>
                <SearchField
                  label="Search by name"
                  value={text}
                  onChange={(q) => setQuery({ q })}
                />
                <LabelFilter job={job} label={label} labels={labels} />
                <Select label="Order" value={order} options={orders} onChange={setOrder} />
                <span className="spacer" />
                <Button
                  look="quiet"
                  icon={ListChecks}
                  className="select-all"
                  onClick={chooseAll}
                  disabled={shown.length === 0}
                >
                  <span>Select all</span>
                </Button>
              </>
            )}
          </div>
          {shown.length === 0 ? (
            <EmptyState
              icon={SearchX}
              title="No photo matches"
              actions={
                <Button onClick={() => setQuery({ q: "", label: "" })}>Show all photos</Button>
              }
            >
              <p>None of the {plural(stored.length, "photo")} has this name or label.</p>
            </EmptyState>
          ) : (
            <Grid
              images={shown}
              selected={selected}
              labels={labels}
              active={active}
              onActive={setActive}
              onToggle={choose}
              onRange={chooseRange}
              onAll={chooseAll}
              onNone={clearSelection}
              onOpen={setOpen}
              onDelete={() => setDeleting([...selected])}
            />
          )}
        </>
      )}
      {openImage && (
        <GalleryPreview
          images={shown}
          index={open}
          jobs={jobsToAsk}
          selected={selected.has(openImage.key)}
          onToggle={() => choose(open)}
          onIndex={setOpen}
          onClose={() => {
            setActive(open);
            setOpenSpot(null);
          }}
        />
      )}
      {deleting && <DeleteDialog keys={deleting} onClose={() => setDeleting(null)} />}
    </>
  );
}
