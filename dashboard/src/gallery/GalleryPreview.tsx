import { Sparkles, Square, SquareCheck } from "lucide-react";
import { sentenceOf } from "../api/client";
import { useFound } from "../api/queries";
import type { StoredImage } from "../api/types";
import { jobPath, Link, navigate } from "../state/router";
import { selection } from "../state/selection";
import { Button } from "../ui/Button";
import { asSentence, displayName, formatBytes, formatExactTime } from "../ui/format";
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
      selection.set(new Set([image]));
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
  images: readonly StoredImage[];
  index: number;
  jobs: readonly string[]; // predictions come from the first that has the image
  selected: boolean;
  onToggle: () => void;
  onIndex: (index: number) => void;
  onClose: () => void;
}

export function GalleryPreview({
  images,
  index,
  jobs,
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
      <Predicted image={image.key} jobs={jobs} />
      <Button icon={selected ? SquareCheck : Square} aria-pressed={selected} onClick={onToggle}>
        {selected ? "Selected" : "Select"}
      </Button>
    </Preview>
  );
}
