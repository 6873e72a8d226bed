import { Sparkles, Square, SquareCheck } from "lucide-react";
import { sentenceOf } from "../api/client";
import { useFound } from "../api/queries";
import type { StoredImage } from "../domain/types";
import { jobPath, Link, navigate } from "../state/router";
import { selectKeys } from "../state/selection";
import { Button } from "../ui/Button";
import { asSentence, formatBytes, formatCount, formatExactTime, nameOf } from "../domain/format";
import { Predictions, Preview } from "../ui/Preview";

interface FoundProps {
  image: string;
  jobs: readonly string[];
}

function Predicted({ image, jobs }: FoundProps) {
  const found = useFound(image, jobs);
  if (found.isPending) return <p className="hint">Looking for predictions…</p>;
  if (found.isError) return <p className="problem-text">{asSentence(sentenceOf(found.error))}</p>;
  if (!found.data) {
    const classify = () => {
      selectKeys([image]);
      navigate("/new");
    };
    return (
      <>
        <p className="hint">
          {jobs.length === 0
            ? "No job has classified this photo yet."
            : jobs.length === 1
              ? "The latest job did not include this photo."
              : `None of the latest ${jobs.length} jobs included this photo.`}
        </p>
        <Button icon={Sparkles} onClick={classify}>
          Classify it
        </Button>
      </>
    );
  }
  const { job, row, model, threshold } = found.data;
  return (
    <>
      <h3>Predictions</h3>
      <Predictions row={row} threshold={threshold} />
      <p className="hint">
        Found by {model} in <Link href={jobPath(job)}>this job</Link>.
      </p>
    </>
  );
}

interface Props {
  image: StoredImage | undefined; // undefined while it loads
  index: number;
  count: number;
  jobs: readonly string[]; // predictions come from the first that has the image
  selected: boolean;
  onToggle: () => void;
  onIndex: (index: number) => void;
  onClose: () => void;
}

export function GalleryPreview({ image, selected, jobs, onToggle, ...place }: Props) {
  if (!image) {
    return (
      <Preview {...place} image="" name={`Photo ${formatCount(place.index + 1)}`}>
        <p className="hint" role="status">
          Loading…
        </p>
      </Preview>
    );
  }
  return (
    <Preview {...place} image={image.key} name={nameOf(image)}>
      <dl className="facts">
        <dt>Size</dt>
        <dd>{formatBytes(image.size)}</dd>
        {image.taken_at && (
          <>
            <dt>Taken</dt>
            <dd>{formatExactTime(image.taken_at)}</dd>
          </>
        )}
        <dt>Stored</dt>
        <dd>{formatExactTime(image.last_modified)}</dd>
        <dt>Key</dt>
        <dd className="mono">
          <bdi>{image.key}</bdi>
        </dd>
      </dl>
      <Predicted image={image.key} jobs={jobs} />
      <Button icon={selected ? SquareCheck : Square} aria-pressed={selected} onClick={onToggle}>
        {selected ? "Selected" : "Select"}
      </Button>
    </Preview>
  );
}
