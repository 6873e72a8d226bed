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
import { useEffect, useMemo, useRef, useState } from "react";
import { useFolders } from "../api/catalogue";
import { sentenceOf } from "../api/client";
import type { JobSummary, Order, StoredImage } from "../domain/types";
import { navigate, setQuery, usePlace } from "../state/router";
import {
  clearSelection,
  covers,
  isEmpty,
  mostKeys,
  ruleOf,
  ruleWords,
  selection,
  selectRule,
  toggle,
  withKeys,
  type Selection,
} from "../state/selection";
import { useStore } from "../state/store";
import { Button, IconButton } from "../ui/Button";
import { SearchField, Select } from "../ui/Fields";
import { formatBytes, formatCount, formatDay, formatTime, nameOf, plural } from "../domain/format";
import { EmptyState, ErrorState, Loading, Notice } from "../ui/States";
import { tell, tellProblem } from "../ui/toast";
import { useDebounced } from "../ui/useDebounced";
import { unfinished } from "../upload/uploads";
import { UploadButtons } from "../upload/UploadButtons";
import { isOrder, orders } from "../domain/arrange";
import { DeleteDialog } from "./DeleteDialog";
import { folderChoices } from "./folders";
import { GalleryPreview } from "./GalleryPreview";
import { Grid } from "./Grid";
import { indexNear, limitedTo, placeOf, type Opened, type Spot } from "./library";
import { countLabels, mostLabelled, useFinishedJobs, useJobsToAsk, useLabels } from "./useLabels";
import { useLibrary } from "./useLibrary";
import "./GalleryPage.css";

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
  small: boolean; // the library: only then it can be limited to a label
}

function LabelFilter({ job, label, labels, small }: FilterProps) {
  const jobs = useFinishedJobs().filter(({ num_images }) => num_images <= mostLabelled);
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
      {job && small && (
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

function FolderFilter({ folder, onChange }: { folder: string; onChange: (to: string) => void }) {
  const folders = useFolders().data;
  const choices = useMemo(() => folderChoices(folders ?? [], folder), [folders, folder]);
  if (choices.length === 0) return null;
  return (
    <Select
      label="Folder"
      value={folder}
      options={[{ value: "", label: "All folders" }, ...choices]}
      onChange={onChange}
    />
  );
}

// Where one is in the list, shown while scrolling.
const whereabouts: Record<Order, (image: StoredImage) => string> = {
  newest: ({ uploaded_at, last_modified }) => formatDay(uploaded_at ?? last_modified),
  oldest: ({ uploaded_at, last_modified }) => formatDay(uploaded_at ?? last_modified),
  name: nameOf, // cut by the style
  taken: ({ taken_at }) => (taken_at ? formatDay(taken_at) : "No date"),
  size: ({ size }) => formatBytes(size),
};

interface BarProps {
  selected: Selection;
  total: number; // photos shown
  count: number | undefined; // photos that the rule admits
  onAll: () => void;
  onDelete: () => void;
}

function SelectionBar({ selected: { keys, rule }, total, count, onAll, onDelete }: BarProps) {
  return (
    <div className="selection-bar">
      <strong role="status">
        {rule ? `Selected: ${ruleWords(rule, count)}` : `${plural(keys.size, "photo")} selected`}
      </strong>
      {!rule && (
        <Button look="quiet" onClick={onAll}>
          Select all {formatCount(total)}
        </Button>
      )}
      <Button look="quiet" onClick={clearSelection}>
        Clear
      </Button>
      {!rule && <span className="spacer" />}
      {rule ? (
        <span className="hint">
          A deletion cannot be undone, so it needs photos that you have chosen yourself, up to{" "}
          {formatCount(mostKeys)}.
        </span>
      ) : (
        <Button icon={Trash2} onClick={onDelete}>
          Delete
        </Button>
      )}
      <Button look="primary" icon={Sparkles} onClick={() => navigate("/new")}>
        Classify
      </Button>
    </div>
  );
}

const smallLibrary = 2_000;
const searchAfterMs = 150;
const longestSearch = 250; // characters; the server takes up to 1,000 bytes

export function GalleryPage() {
  const selected = useStore(selection);
  const query = new URLSearchParams(usePlace().query);
  const text = query.get("q") ?? "";
  const job = query.get("job") ?? "";
  const label = query.get("label") ?? "";
  const folder = query.get("folder") ?? "";
  const asked = query.get("order") ?? "";
  const order = isOrder(asked) ? asked : "newest";
  const q = useDebounced(text.trim().slice(0, longestSearch), searchAfterMs);
  const wanted = useMemo(() => ({ order, q, folder }), [order, q, folder]);

  const labels = useLabels(job);
  const jobsToAsk = useJobsToAsk(job);
  const [activeSpot, setActiveSpot] = useState<Spot>({ key: "", index: 0 });
  const [opened, setOpened] = useState<Opened | null>(null);
  const [deleting, setDeleting] = useState<readonly string[] | null>(null);
  const anchor = useRef<Spot | null>(null);

  const { filter, catalogue, stored, complete, error, refetch, ...state } = useLibrary(
    wanted,
    opened?.index ?? -1,
  );
  const found = state.library;
  const small = found !== undefined && (!catalogue || found.total <= smallLibrary);
  const limited = labels !== undefined && label !== "" && small;
  useEffect(() => {
    if (limited) found.ensure(0, found.total - 1);
  }, [limited, found]);
  const library = useMemo(() => {
    if (!found || !limited) return found;
    return limitedTo(
      found,
      new Set([...labels].filter(([, each]) => each === label).map(([key]) => key)),
    );
  }, [found, limited, labels, label]);

  // Photos come and go, so a place is valid for this list only.
  const active = library ? indexNear(library, activeSpot) : 0;
  const open = library && opened ? placeOf(library, opened) : undefined;
  if (library && opened) {
    if (!open) setOpened(null);
    else if (open.index !== opened.index || open.image !== opened.image) setOpened(open);
  }
  const spot = (index: number): Spot => ({ key: library?.at(index)?.key ?? "", index });
  const setActive = (index: number) => setActiveSpot(spot(index));
  const setOpen = (index: number) => setOpened({ index, image: library?.at(index) });

  const change = (changes: Record<string, string>) => {
    setQuery(changes);
    anchor.current = null;
    if (window.scrollY > 0) window.scrollTo(0, 0);
  };

  const isSelected = ({ key }: StoredImage): boolean =>
    selected.rule ? covers(selected.rule, filter) : selected.keys.has(key);

  const choose = (index: number) => {
    const key = library?.at(index)?.key;
    if (key === undefined) return;
    anchor.current = { key, index };
    if (selected.rule) {
      tell(
        "A new selection has begun",
        "All photos were selected together, and single ones cannot be taken out of that.",
      );
    }
    selection.set((now) => toggle(now, key));
  };

  const chooseKeys = async (from: number, to: number) => {
    if (!library) return;
    if (catalogue && to - from > mostKeys) {
      tellProblem(
        "The range is too long",
        `A range has up to ${plural(mostKeys, "photo")}. “Select all” has no limit.`,
      );
      return;
    }
    try {
      const keys = library.keys(from, to);
      const known = Array.isArray(keys) ? keys : await keys;
      selection.set((now) => withKeys(now, known));
    } catch (problem) {
      tellProblem("The photos were not selected", sentenceOf(problem));
    }
  };
  const chooseRange = (index: number) => {
    if (!library) return;
    anchor.current ??= spot(active);
    const from = indexNear(library, anchor.current);
    void chooseKeys(Math.min(from, index), Math.max(from, index) + 1);
  };
  const chooseAll = () => {
    if (!library) return;
    if (catalogue && !limited && library.total > mostKeys) selectRule(ruleOf(filter));
    else void chooseKeys(0, library.total);
  };

  const empty = library !== undefined && stored === 0 && complete;
  const total = library?.total ?? 0;
  const isPart = filter.q !== "" || filter.folder !== "" || limited;
  const { rule } = selected;
  const ruleCount = rule?.all ? stored : rule && covers(rule, filter) ? total : undefined;
  const listed = complete ? "" : ", loading more…";
  return (
    <>
      <header className="page-head">
        <div>
          <h1 tabIndex={-1}>Photos</h1>
          <p className="page-sub" role="status">
            {stored > 0 && library
              ? `${isPart ? `${formatCount(total)} of ` : ""}${plural(stored, "photo")} stored${listed}`
              : "\u00a0"}
          </p>
        </div>
        {stored > 0 && <UploadButtons />}
      </header>
      <Unfinished />
      {!error && (!library || (stored === 0 && !complete)) && (
        <Loading what="photos" shape="grid" />
      )}
      {!library && error && <ErrorState error={error} onRetry={refetch} />}
      {empty && (
        <div className="welcome">
          <EmptyState icon={Images} title="Add photos" actions={<UploadButtons />}>
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
      {library && stored > 0 && (
        <>
          <div className="toolbar sticky">
            {!isEmpty(selected) ? (
              <SelectionBar
                selected={selected}
                total={total}
                count={ruleCount}
                onAll={chooseAll}
                onDelete={() => setDeleting([...selected.keys])}
              />
            ) : (
              <>
                <SearchField
                  label="Search by name"
                  value={text}
                  onChange={(words) => change({ q: words })}
                />
                {catalogue && (
                  <FolderFilter folder={folder} onChange={(to) => change({ folder: to })} />
                )}
                <LabelFilter job={job} label={label} labels={labels} small={small} />
                <Select
                  label="Order"
                  value={order}
                  options={catalogue ? orders : orders.filter(({ value }) => value !== "taken")}
                  onChange={(to) => change({ order: to === "newest" ? "" : to })}
                />
                <span className="spacer" />
                <Button
                  look="quiet"
                  icon={ListChecks}
                  className="select-all"
                  onClick={chooseAll}
                  disabled={total === 0}
                >
                  <span>Select all{isPart ? ` ${formatCount(total)}` : ""}</span>
                </Button>
              </>
            )}
          </div>
          {total === 0 ? (
            <EmptyState
              icon={SearchX}
              title="No photo matches"
              actions={
                <Button onClick={() => change({ q: "", label: "", folder: "" })}>
                  Show all photos
                </Button>
              }
            >
              <p>None of the {plural(stored, "photo")} has this name, folder or label.</p>
            </EmptyState>
          ) : (
            <Grid
              library={library}
              isSelected={isSelected}
              labels={labels}
              whereabouts={whereabouts[filter.order]}
              active={active}
              onActive={setActive}
              onToggle={choose}
              onRange={chooseRange}
              onAll={chooseAll}
              onNone={clearSelection}
              onOpen={setOpen}
              onDelete={() => {
                if (selected.keys.size > 0) setDeleting([...selected.keys]);
              }}
            />
          )}
        </>
      )}
      {open && (
        <GalleryPreview
          image={open.image}
          index={open.index}
          count={total}
          jobs={jobsToAsk}
          selected={open.image !== undefined && isSelected(open.image)}
          onToggle={() => choose(open.index)}
          onIndex={setOpen}
          onClose={() => {
            setActive(open.index);
            setOpened(null);
          }}
        />
      )}
      {deleting && <DeleteDialog keys={deleting} onClose={() => setDeleting(null)} />}
    </>
  );
}
