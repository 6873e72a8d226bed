// One photo in full size, with its details; arrow keys lead to its neighbours.
import {
  ChevronLeft,
  ChevronRight,
  CircleAlert,
  Download,
  ScanSearch,
  Square,
  SquareCheck,
  Trash2,
  TriangleAlert,
} from "lucide-react";
import { useRef, type KeyboardEvent, type MouseEvent, type ReactNode } from "react";
import { getOriginal, sentenceOf } from "../api/client";
import { useIndex } from "../api/search";
import { outcomeOf, scoreOf, type Row } from "../domain/results";
import { likePath } from "../state/filterView";
import { navigate } from "../state/router";
import { IconButton } from "./Button";
import { Modal } from "./Dialogs";
import { asSentence, formatCount, formatPercent, lastPart } from "../domain/format";
import { FullPicture } from "./Picture";
import { download } from "./browser";
import { tellProblem } from "./toast";
import { ZoomFrame, type ZoomHandle } from "./ZoomFrame";
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
  selected?: boolean;
  onToggle?: () => void; // where photos can be selected
  onDelete?: () => void; // where they can be deleted
  children: ReactNode; // details beside the photo
}

async function save(image: string, name: string): Promise<void> {
  try {
    download(await getOriginal(image), lastPart(name));
  } catch (error) {
    tellProblem("Download failed", sentenceOf(error));
  }
}

export function Preview({
  image,
  name,
  index,
  count,
  onIndex,
  onClose,
  selected = false,
  onToggle,
  onDelete,
  children,
}: PreviewProps) {
  const popup = useRef<HTMLDivElement>(null);
  const zoom = useRef<ZoomHandle>(null);
  const canSearch = Boolean(useIndex().data);
  const findLike = () => navigate(likePath(image));
  const step = (by: number) => {
    const to = index + by;
    if (to >= 0 && to < count) onIndex(to);
  };
  const press = (event: KeyboardEvent) => {
    const onControl = (event.target as Element).closest("button, a, input, select, summary");
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "ArrowLeft") step(-1);
    else if (event.key === "ArrowRight") step(1);
    else if (event.key === " " && onToggle && !onControl) onToggle();
    else if (event.key === "m" && canSearch && image && !onControl) findLike();
    else if (event.key === "Delete" && onDelete && !event.repeat) onDelete();
    else if (!zoom.current?.press(event.key)) return;
    event.preventDefault();
  };
  // A click on them leaves the focus where it is, so that the keys keep their meaning.
  const stays = { onMouseDown: (event: MouseEvent) => event.preventDefault() };
  return (
    <Modal
      open
      onClose={onClose}
      title={<bdi>{name}</bdi>}
      className="preview"
      popup={popup}
      keepsFocus
      onKeyDown={press}
      actions={
        image && (
          <>
            {onToggle && (
              <IconButton
                icon={selected ? SquareCheck : Square}
                label={selected ? "Selected" : "Select"}
                aria-pressed={selected}
                onClick={onToggle}
                {...stays}
              />
            )}
            {canSearch && (
              <IconButton
                icon={ScanSearch}
                label="More like this"
                title="More like this (M)"
                onClick={findLike}
              />
            )}
            <IconButton
              icon={Download}
              label="Download"
              onClick={() => void save(image, name)}
              {...stays}
            />
            {onDelete && <IconButton icon={Trash2} label="Delete" onClick={onDelete} {...stays} />}
          </>
        )
      }
    >
      <div className="preview-body">
        <div className="preview-stage">
          {image && (
            <ZoomFrame key={image} handle={zoom} onSwipe={step}>
              <FullPicture image={image} alt={name} />
            </ZoomFrame>
          )}
          <IconButton
            icon={ChevronLeft}
            label="Previous photo"
            className="preview-step left"
            disabled={index === 0}
            tabIndex={-1}
            onClick={() => step(-1)}
            {...stays}
          />
          <IconButton
            icon={ChevronRight}
            label="Next photo"
            className="preview-step right"
            disabled={index >= count - 1}
            tabIndex={-1}
            onClick={() => step(1)}
            {...stays}
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
