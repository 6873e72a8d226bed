// Files can be dropped or pasted anywhere, on every page, and are then uploaded; except on what has its own
// use for them (`data-drop`, with the words for it) and handles the event.
import { useQueryClient } from "@tanstack/react-query";
import { ImagePlus, ScanSearch } from "lucide-react";
import { useEffect, useState } from "react";
import { carriesFiles, filesOfTransfer, type Chosen } from "./files";
import { findStored } from "./stored";
import { takeFiles } from "./uploads";
import "./DropLayer.css";

const ownUse = "[data-drop]";

// Where the pointer is: over the page, or over something that has its own use for files.
const under = ({ target }: DragEvent): "page" | "own" =>
  target instanceof Element && target.closest(ownUse) ? "own" : "page";

// The place of that, marked so that it is seen from afar.
function OwnUse({ over }: { over: boolean }) {
  const element = document.querySelector<HTMLElement>(ownUse);
  if (!element) return null;
  const { left, top, width, height } = element.getBoundingClientRect();
  // Not while a dialog lies over it, or where it is scrolled away.
  if (!element.contains(document.elementFromPoint(left + width / 2, top + height / 2))) return null;
  return (
    <p className={`drop-own ${over ? "over" : ""}`} style={{ left, top, width, height }}>
      <ScanSearch size={18} />
      {element.dataset.drop}
    </p>
  );
}

export function DropLayer() {
  const client = useQueryClient();
  const [over, setOver] = useState<"page" | "own" | null>(null);

  useEffect(() => {
    const take = ({ files, unreadable }: Chosen) =>
      takeFiles(files, (candidates) => findStored(client, candidates), unreadable);
    // Every element that the pointer crosses sends events, so count them: the drag is over at zero.
    let depth = 0;
    const enter = (event: DragEvent) => {
      if (!carriesFiles(event.dataTransfer)) return;
      depth += 1;
      setOver(under(event));
    };
    const leave = (event: DragEvent) => {
      if (!carriesFiles(event.dataTransfer)) return;
      depth -= 1;
      if (depth <= 0) setOver(null);
    };
    const move = (event: DragEvent) => {
      if (!carriesFiles(event.dataTransfer)) return;
      event.preventDefault();
      setOver(under(event));
    };
    const drop = (event: DragEvent) => {
      depth = 0;
      setOver(null);
      if (event.defaultPrevented || !event.dataTransfer || !carriesFiles(event.dataTransfer))
        return;
      event.preventDefault();
      void filesOfTransfer(event.dataTransfer).then(take);
    };
    const paste = (event: ClipboardEvent) => {
      const files = [...(event.clipboardData?.files ?? [])];
      if (event.defaultPrevented || files.length === 0) return;
      event.preventDefault();
      void take({ files, unreadable: [] });
    };
    window.addEventListener("dragenter", enter);
    window.addEventListener("dragleave", leave);
    window.addEventListener("dragover", move);
    window.addEventListener("drop", drop);
    window.addEventListener("paste", paste);
    return () => {
      window.removeEventListener("dragenter", enter);
      window.removeEventListener("dragleave", leave);
      window.removeEventListener("dragover", move);
      window.removeEventListener("drop", drop);
      window.removeEventListener("paste", paste);
    };
  }, [client]);

  if (!over) return null;
  return (
    <div className="drop-layer" aria-hidden>
      <div>
        {over === "page" ? (
          <>
            <ImagePlus size={40} />
            <strong>Drop to upload</strong>
            <span>Photos and folders</span>
          </>
        ) : (
          <>
            <ScanSearch size={40} />
            <strong>Drop to search</strong>
            <span>Nothing is uploaded</span>
          </>
        )}
      </div>
      <OwnUse over={over === "own"} />
    </div>
  );
}
