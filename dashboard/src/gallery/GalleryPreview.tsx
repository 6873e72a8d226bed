import { Square, SquareCheck } from "lucide-react";
import type { StoredImage } from "../api/types";
import { useJobDetails, useResults } from "../api/queries";
import { jobPath, Link } from "../state/router";
import { Button } from "../ui/Button";
import { displayName, formatBytes, formatExactTime } from "../ui/format";
import { Predictions, Preview } from "../ui/Preview";

interface FoundProps {
  image: string;
  job: string;
}

function Found({ image, job }: FoundProps) {
  const results = useResults(job);
  const details = useJobDetails(job);
  const row = results.data?.rows.find(({ key }) => key === image);
  if (!results.data && results.isPending) return <p className="hint">Loading predictions…</p>;
  if (!row) return <p className="hint">The latest job did not include this photo.</p>;
  return (
    <>
      <h3>Predictions</h3>
      <Predictions row={row} threshold={details.data?.confidence_threshold ?? 0.5} />
      <p className="hint">
        Found by {results.data?.model} in <Link href={jobPath(job)}>this job</Link>.
      </p>
    </>
  );
}

interface Props {
  images: readonly StoredImage[];
  index: number;
  job: string; // whose predictions are shown; empty for none
  selected: boolean;
  onToggle: () => void;
  onIndex: (index: number) => void;
  onClose: () => void;
}

export function GalleryPreview({
  images,
  index,
  job,
  selected,
  onToggle,
  onIndex,
  onClose,
}: Props) {
  const image = images[index];
  if (!image) return null;
  return (
    <Preview
      image={image.key}
      name={displayName(image.key)}
      index={index}
      count={images.length}
      onIndex={onIndex}
      onClose={onClose}
    >
      <dl className="facts">
        <dt>Size</dt>
        <dd>{formatBytes(image.size)}</dd>
        <dt>Stored</dt>
        <dd>{formatExactTime(image.last_modified)}</dd>
        <dt>Key</dt>
        <dd className="mono">
          <bdi>{image.key}</bdi>
        </dd>
      </dl>
      {job ? (
        <Found image={image.key} job={job} />
      ) : (
        <p className="hint">No job has looked at it yet.</p>
      )}
      <Button icon={selected ? SquareCheck : Square} aria-pressed={selected} onClick={onToggle}>
        {selected ? "Selected" : "Select"}
      </Button>
    </Preview>
  );
}
