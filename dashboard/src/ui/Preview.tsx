// One photo in full size, with its details; arrow keys lead to its neighbours.
import { ChevronLeft, ChevronRight, CircleAlert, TriangleAlert } from "lucide-react";
import type { KeyboardEvent, ReactNode } from "react";
import { outcomeOf, scoreOf, type Row } from "../domain/results";
import { IconButton } from "./Button";
import { Modal } from "./Dialogs";
import { asSentence, formatCount, formatPercent } from "../domain/format";
import { FullPicture } from "./Picture";
import "./Preview.css";

interface PredictionsProps {
  row: Row;
  threshold: number;
}

export function Predictions({ row, threshold }: PredictionsProps) {
  if (row.predictions.length === 0) {
    return (
      <p className="problem-text">
        <CircleAlert size={16} aria-hidden /> {row.error || "Not classified."}
      </p>
    );
  }
  return (
    <>
      <ol className="predictions">
        {row.predictions.map(({ label, score }) => (
          <li key={label}>
            <bdi className="prediction-label" title={label}>
              {label}
            </bdi>
            <span className="prediction-score">{formatPercent(score)}</span>
            <span className="meter" aria-hidden>
              <span style={{ width: `${score * 100}%` }} />
            </span>
          </li>
        ))}
      </ol>
      {row.warning && (
        <p className="warning-text">
          <TriangleAlert size={16} aria-hidden /> {asSentence(row.warning)}
        </p>
      )}
      {outcomeOf(row, threshold) === "unknown" && (
        <p className="hint">
          Counted as unknown: {formatPercent(scoreOf(row))} is below the threshold of{" "}
          {formatPercent(threshold)}.
        </p>
      )}
    </>
  );
}

interface PreviewProps {
  image: string; // key; empty while it is not known
  name: string;
  index: number;
  count: number;
  onIndex: (index: number) => void;
  onClose: () => void;
  children: ReactNode; // details beside the photo
}

export function Preview({ image, name, index, count, onIndex, onClose, children }: PreviewProps) {
  const step = (by: number) => {
    const to = index + by;
    if (to >= 0 && to < count) onIndex(to);
  };
  const press = (event: KeyboardEvent) => {
    if (event.key === "ArrowLeft") step(-1);
    else if (event.key === "ArrowRight") step(1);
    else return;
    event.preventDefault();
  };
  return (
    <Modal open onClose={onClose} title={<bdi>{name}</bdi>} className="preview" onKeyDown={press}>
      <div className="preview-body">
        <div className="preview-stage">
          {image && <FullPicture image={image} alt={name} />}
          <IconButton
            icon={ChevronLeft}
            label="Previous photo"
            className="preview-step left"
            disabled={index === 0}
            onClick={() => step(-1)}
          />
          <IconButton
            icon={ChevronRight}
            label="Next photo"
            className="preview-step right"
            disabled={index >= count - 1}
            onClick={() => step(1)}
          />
        </div>
        <aside className="preview-side">
          <p className="hint">
            {formatCount(index + 1)} of {formatCount(count)}
          </p>
          {children}
        </aside>
      </div>
    </Modal>
  );
}
