// A frame that shows its picture as a whole, and zooms into it: by wheel, pinch, double click, keys and
// buttons. Drags move a zoomed picture; swipes across a whole one lead to the next.
import { Maximize, ZoomIn, ZoomOut } from "lucide-react";
import {
  useEffect,
  useEffectEvent,
  useImperativeHandle,
  useRef,
  useState,
  type Dispatch,
  type PointerEvent,
  type ReactNode,
  type Ref,
  type SetStateAction,
} from "react";
import { IconButton } from "./Button";
import { bounded, fullScale, whole, zoomedTo, type Point, type Size, type Zoom } from "./zoom";
import "./ZoomFrame.css";

const step = 1.5;
const swipe = 48; // pixels

export interface ZoomHandle {
  press: (key: string) => boolean; // whether the key was one of its own
}

export type SharedZoom = [Zoom, Dispatch<SetStateAction<Zoom>>];

interface Props {
  handle: Ref<ZoomHandle>;
  onSwipe: (by: -1 | 1) => void;
  shared?: SharedZoom; // frames side by side that show the same part of their pictures
  size?: Size | undefined; // of the picture, where it is drawn larger or smaller than it is
  buttons?: boolean;
  children: ReactNode; // an <img>, and what lies over the frame
}

const distance = (a: Point, b: Point): number => Math.hypot(a.x - b.x, a.y - b.y);

export function ZoomFrame({ handle, onSwipe, shared, size, buttons = true, children }: Props) {
  const frame = useRef<HTMLDivElement>(null);
  const own = useState(whole);
  const [zoom, setZoom] = shared ?? own;
  const pointers = useRef(new Map<number, Point>());
  const start = useRef<Point | null>(null); // of a movement that may become a swipe
  const [dragging, setDragging] = useState(false);

  const sizes = (): { picture: Size; space: Size } | undefined => {
    const image = frame.current?.querySelector("img");
    if (!frame.current || !image?.naturalWidth) return undefined;
    const { clientWidth: width, clientHeight: height } = frame.current;
    return {
      picture: size ?? { width: image.naturalWidth, height: image.naturalHeight },
      space: { width, height },
    };
  };
  const pointOf = ({ clientX, clientY }: { clientX: number; clientY: number }): Point => {
    const box = frame.current?.getBoundingClientRect();
    return box
      ? { x: clientX - box.left - box.width / 2, y: clientY - box.top - box.height / 2 }
      : { x: 0, y: 0 };
  };
  const zoomBy = (factor: number, at: Point = { x: 0, y: 0 }) => {
    const now = sizes();
    if (now) setZoom((old) => zoomedTo(old, old.scale * factor, at, now.picture, now.space));
  };
  const toggle = (at: Point) => {
    const now = sizes();
    if (!now) return;
    setZoom((old) =>
      old.scale > 1
        ? whole
        : zoomedTo(old, fullScale(now.picture, now.space), at, now.picture, now.space),
    );
  };

  useImperativeHandle(handle, () => ({
    press: (key) => {
      if (key === "+" || key === "=") zoomBy(step);
      else if (key === "-") zoomBy(1 / step);
      else if (key === "0") setZoom(whole);
      else return false;
      return true;
    },
  }));

  // React's wheel listener is passive, so that the page would scroll or zoom as well.
  useEffect(() => {
    const element = frame.current;
    if (!element) return;
    const turn = (event: WheelEvent) => {
      event.preventDefault();
      zoomBy(Math.exp(-event.deltaY * (event.deltaMode === 1 ? 0.05 : 0.002)), pointOf(event));
    };
    element.addEventListener("wheel", turn, { passive: false });
    return () => element.removeEventListener("wheel", turn);
  });

  // The picture stays inside a frame whose size changes.
  const stayInside = useEffectEvent(() => {
    const now = sizes();
    if (now) setZoom((old) => bounded(old, now.picture, now.space));
  });
  useEffect(() => {
    const element = frame.current;
    if (!element) return;
    const observer = new ResizeObserver(() => stayInside());
    observer.observe(element);
    return () => observer.disconnect();
  }, []);

  const down = (event: PointerEvent) => {
    if (event.button !== 0 || (event.target as Element).closest("button")) return;
    const at = pointOf(event);
    pointers.current.set(event.pointerId, at);
    start.current = event.pointerType === "touch" && pointers.current.size === 1 ? at : null;
    frame.current?.setPointerCapture(event.pointerId);
    setDragging(true);
  };

  const move = (event: PointerEvent) => {
    const before = pointers.current.get(event.pointerId);
    if (!before) return;
    const at = pointOf(event);
    const other = [...pointers.current].find(([id]) => id !== event.pointerId)?.[1];
    pointers.current.set(event.pointerId, at);
    const now = sizes();
    if (!now) return;
    if (other) {
      const centre = { x: (at.x + other.x) / 2, y: (at.y + other.y) / 2 };
      zoomBy(distance(at, other) / Math.max(1, distance(before, other)), centre);
    } else {
      setZoom((old) =>
        bounded(
          { ...old, x: old.x + at.x - before.x, y: old.y + at.y - before.y },
          now.picture,
          now.space,
        ),
      );
    }
  };

  const up = (event: PointerEvent) => {
    const at = pointers.current.get(event.pointerId);
    if (!pointers.current.delete(event.pointerId)) return;
    const from = start.current;
    start.current = null;
    setDragging(pointers.current.size > 0);
    if (!at || !from || event.type === "pointercancel" || zoom.scale > 1) return;
    const across = at.x - from.x;
    if (Math.abs(across) > swipe && Math.abs(across) > 2 * Math.abs(at.y - from.y)) {
      onSwipe(across < 0 ? 1 : -1);
    }
  };

  return (
    // Everything here can be done by the buttons and by keys as well.
    // eslint-disable-next-line jsx-a11y/no-static-element-interactions
    <div
      ref={frame}
      className={`zoom-frame ${zoom.scale > 1 ? "zoomed" : ""} ${dragging ? "dragging" : ""}`}
      onPointerDown={down}
      onPointerMove={move}
      onPointerUp={up}
      onPointerCancel={up}
      onDoubleClick={(event) => {
        if (!(event.target as Element).closest("button")) toggle(pointOf(event));
      }}
    >
      <div
        className="zoom-picture"
        style={{ transform: `translate(${zoom.x}px, ${zoom.y}px) scale(${zoom.scale})` }}
      >
        {children}
      </div>
      {buttons && (
        <div className="zoom-buttons" role="group" aria-label="Zoom">
          {/* Never disabled: a button that is loses the focus, and the keys their meaning. */}
          <IconButton icon={ZoomOut} label="Zoom out" onClick={() => zoomBy(1 / step)} />
          <output aria-label="Zoom" className="visually-hidden">
            {Math.round(zoom.scale * 100)}%
          </output>
          <IconButton icon={Maximize} label="Show the whole photo" onClick={() => setZoom(whole)} />
          <IconButton icon={ZoomIn} label="Zoom in" onClick={() => zoomBy(step)} />
        </div>
      )}
    </div>
  );
}
