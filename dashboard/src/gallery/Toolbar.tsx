import { FolderOpen, ListChecks, X, ZoomIn, ZoomOut } from "lucide-react";
import { useState } from "react";
import { orders } from "../domain/arrange";
import { formatCount, formatTime, plural, uploadWords } from "../domain/format";
import { titleOf } from "../domain/jobs";
import { takenWords } from "../domain/taken";
import type { ImageFilter, JobSummary } from "../domain/types";
import { settings, tileSizes } from "../state/settings";
import { useStore } from "../state/store";
import { Button, IconButton } from "../ui/Button";
import { Select } from "../ui/Fields";
import { Browse } from "./Browse";
import { SearchPhotos } from "./SearchPhotos";
import { countLabels, mostLabelled, useFinishedJobs } from "./useLabels";
import "./Toolbar.css";

const jobName = (job: JobSummary): string =>
  `${titleOf(job)}, ${formatTime(job.created_at)}, ${plural(job.num_images, "photo")}`;

export interface LabelChoice {
  job: string;
  label: string;
}

interface LabelProps extends LabelChoice {
  labels: ReadonlyMap<string, string> | undefined;
  small: boolean; // the library: only then it can be limited to a label
  onChange: (to: LabelChoice) => void;
}

function LabelFilter({ job, label, labels, small, onChange }: LabelProps) {
  const jobs = useFinishedJobs().filter(({ num_images }) => num_images <= mostLabelled);
  if (jobs.length === 0) return null;
  const known = labels ? countLabels(labels) : [];
  return (
    <>
      <Select
        label="Labels from a job"
        value={job}
        options={[
          { value: "", label: "Labels from a job…" },
          ...jobs.map((entry) => ({ value: entry.job_id, label: jobName(entry) })),
          ...(job && !jobs.some((entry) => entry.job_id === job)
            ? [{ value: job, label: "A shared job" }]
            : []),
        ]}
        onChange={(value) => onChange({ job: value, label: "" })}
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
          onChange={(value) => onChange({ job, label: value })}
        />
      )}
    </>
  );
}

function Chip({ name, onRemove }: { name: string; onRemove: () => void }) {
  return (
    <span className="filter-chip">
      <bdi title={name}>{name}</bdi>
      <IconButton icon={X} size={14} label={`Remove the filter ${name}`} onClick={onRemove} />
    </span>
  );
}

function TileSizes() {
  const { tileSize } = useStore(settings);
  const at = tileSizes.indexOf(tileSize);
  const change = (by: -1 | 1) =>
    settings.set((now) => ({ ...now, tileSize: tileSizes[at + by] ?? now.tileSize }));
  return (
    <span className="tile-sizes" role="group" aria-label="Size of the photos">
      <IconButton
        icon={ZoomOut}
        label="Smaller photos"
        disabled={at === 0}
        onClick={() => change(-1)}
      />
      <IconButton
        icon={ZoomIn}
        label="Larger photos"
        disabled={at === tileSizes.length - 1}
        onClick={() => change(1)}
      />
    </span>
  );
}

interface Props {
  filter: ImageFilter;
  catalogue: boolean;
  canSearch: boolean; // by what photos show
  ordered: boolean; // the order can be chosen
  labels: Omit<LabelProps, "onChange">;
  onFilter: (change: Partial<ImageFilter>) => void;
  onLabels: (to: LabelChoice) => void;
  all: string; // the words of the button that selects all; empty while there is a selection
  onAll: () => void;
}

// Search, filters, order and size of the gallery.
export function Toolbar(props: Props) {
  const { filter, catalogue, canSearch, ordered, labels, onFilter, onLabels, all, onAll } = props;
  const [browsing, setBrowsing] = useState(false);
  const { q, folder, batch, taken, order } = filter;
  return (
    <>
      <SearchPhotos value={q} byContent={canSearch} onChange={(words) => onFilter({ q: words })} />
      {catalogue && (
        <Button icon={FolderOpen} className="browse" onClick={() => setBrowsing(true)}>
          <span>Browse</span>
        </Button>
      )}
      {folder && <Chip name={folder} onRemove={() => onFilter({ folder: "" })} />}
      {batch && <Chip name={uploadWords(batch)} onRemove={() => onFilter({ batch: "" })} />}
      {taken && <Chip name={takenWords(taken)} onRemove={() => onFilter({ taken: "" })} />}
      <LabelFilter {...labels} onChange={onLabels} />
      {ordered && (
        <Select
          label="Order"
          value={order}
          options={catalogue ? orders : orders.filter(({ value }) => value !== "taken")}
          onChange={(to) => onFilter({ order: to })}
        />
      )}
      <span className="spacer" />
      <TileSizes />
      {all && (
        <Button look="quiet" icon={ListChecks} className="select-all" onClick={onAll}>
          <span>{all}</span>
        </Button>
      )}
      {browsing && (
        <Browse filter={filter} onChoose={onFilter} onClose={() => setBrowsing(false)} />
      )}
    </>
  );
}
