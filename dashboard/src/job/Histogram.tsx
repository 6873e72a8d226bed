import { useMemo, useRef, type PointerEvent } from "react";
import { histogram, type Row } from "../domain/results";
import "./Histogram.css";

const steps = 25;
const smallestDrag = 0.02; // less is a click

interface Props {
  rows: readonly Row[];
  threshold: number;
  from: number;
  to: number;
  onRange: (range: { from: number; to: number }) => void;
}

// The distribution of confidence, above the sliders: what is below the threshold is grey, what is outside the
// range is pale. Dragging over it sets the range, as the sliders do.
export function Histogram({ rows, threshold, from, to, onRange }: Props) {
  const bins = useMemo(() => histogram(rows, steps), [rows]);
  const most = Math.max(1, ...bins);
  const start = useRef<number | null>(null);
  const placeOf = (event: PointerEvent<HTMLElement>): number => {
    const { left, width } = event.currentTarget.getBoundingClientRect();
    const part = (event.clientX - left) / width;
    return Math.round(Math.min(1, Math.max(0, part)) * 100) / 100;
  };
  return (
    <div className="histogram" aria-hidden>
      <div
        onPointerDown={(event) => {
          if (event.button !== 0) return;
          event.currentTarget.setPointerCapture(event.pointerId);
          start.current = placeOf(event);
        }}
        onPointerMove={(event) => {
          if (start.current === null) return;
          const at = placeOf(event);
          if (Math.abs(at - start.current) < smallestDrag) return;
          onRange({ from: Math.min(at, start.current), to: Math.max(at, start.current) });
        }}
        onPointerUp={() => (start.current = null)}
        onPointerCancel={() => (start.current = null)}
      >
        {bins.map((count, i) => {
          const middle = (i + 0.5) / steps;
          const looks = [
            middle < threshold ? "below" : "",
            middle < from || middle > to ? "outside" : "",
          ];
          return (
            <span
              key={i}
              className={looks.join(" ")}
              style={{ height: count > 0 ? `max(3px, ${(count / most) * 100}%)` : 0 }}
            />
          );
        })}
      </div>
    </div>
  );
}
