// The best photo of a group beside another one; both show the same part when one is zoomed.
import { ChevronLeft, ChevronRight } from "lucide-react";
import { useRef, useState, type KeyboardEvent } from "react";
import { nameOf, lastPart } from "../domain/format";
import type { DuplicateGroup, DuplicateImage } from "../domain/types";
import { IconButton } from "../ui/Button";
import { Modal } from "../ui/Dialogs";
import { FullPicture } from "../ui/Picture";
import { togglePhoto } from "../ui/selecting";
import { whole, type Size } from "../ui/zoom";
import { ZoomFrame, type SharedZoom, type ZoomHandle } from "../ui/ZoomFrame";
import { sizeWords } from "./duplicates";
import "./SideBySide.css";

const largest = 4_000; // pixels

// Both are drawn as large as the frame, and zoomed as if they had as many pixels.
const drawnSize = ({ width, height }: DuplicateImage): Size | undefined => {
  if (!width || !height) return undefined;
  const ratio = Math.max(1, largest / Math.max(width, height));
  return { width: width * ratio, height: height * ratio };
};

interface SideProps {
  image: DuplicateImage;
  best: boolean;
  selected: boolean;
  size: Size | undefined;
  shared: SharedZoom;
  handle: React.Ref<ZoomHandle>;
  onSwipe: (by: -1 | 1) => void;
}

function Side({ image, best, selected, size, shared, handle, onSwipe }: SideProps) {
  const name = nameOf(image);
  return (
    <figure className="side" aria-label={name}>
      <div className="side-stage">
        <ZoomFrame
          key={image.key}
          handle={handle}
          onSwipe={onSwipe}
          shared={shared}
          size={size}
          buttons={best}
        >
          <FullPicture image={image.key} alt={name} />
        </ZoomFrame>
      </div>
      <figcaption>
        <div className="check">
          <input
            type="checkbox"
            aria-label={`Select ${name}`}
            checked={selected}
            onChange={() => togglePhoto(image.key)}
          />
          <span>
            <bdi title={name}>{lastPart(name)}</bdi>
            <small>
              {best && <strong>Best</strong>} {sizeWords(image)}
            </small>
          </span>
        </div>
      </figcaption>
    </figure>
  );
}

interface Props {
  group: DuplicateGroup;
  at: number; // of the photo beside the best
  keys: ReadonlySet<string>; // selected
  onAt: (at: number) => void;
  onClose: () => void;
}

export function SideBySide({ group, at, keys, onAt, onClose }: Props) {
  const { images } = group;
  const popup = useRef<HTMLDivElement>(null);
  const zoom = useRef<ZoomHandle>(null);
  const other = useRef<ZoomHandle>(null);
  const shared = useState(whole);
  const [best] = images;
  const beside = images[at];
  if (!best || !beside) return null;
  const step = (by: number) => {
    if (at + by >= 1 && at + by < images.length) onAt(at + by);
  };
  const press = (event: KeyboardEvent) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const onControl = (event.target as Element).closest("button, input");
    if (event.key === "ArrowLeft") step(-1);
    else if (event.key === "ArrowRight") step(1);
    else if (event.key === " " && !onControl) togglePhoto(beside.key);
    else if (!zoom.current?.press(event.key)) return;
    event.preventDefault();
  };
  const size = drawnSize(best);
  return (
    <Modal
      open
      onClose={onClose}
      title="Compare"
      className="side-by-side"
      popup={popup}
      onKeyDown={press}
      actions={
        images.length > 2 && (
          <>
            <span className="hint">
              {at} of {images.length - 1}
            </span>
            <IconButton
              icon={ChevronLeft}
              label="Previous photo"
              disabled={at <= 1}
              onClick={() => step(-1)}
            />
            <IconButton
              icon={ChevronRight}
              label="Next photo"
              disabled={at >= images.length - 1}
              onClick={() => step(1)}
            />
          </>
        )
      }
    >
      <div className="sides">
        <Side
          image={best}
          best
          selected={keys.has(best.key)}
          size={size}
          shared={shared}
          handle={zoom}
          onSwipe={step}
        />
        <Side
          image={beside}
          best={false}
          selected={keys.has(beside.key)}
          size={size}
          shared={shared}
          handle={other}
          onSwipe={step}
        />
      </div>
    </Modal>
  );
}
