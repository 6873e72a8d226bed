// Files can be dropped or pasted anywhere, on every page.
import { useQueryClient } from "@tanstack/react-query";
import { ImagePlus } from "lucide-react";
import { useEffect, useState } from "react";
import { carriesFiles, filesOfTransfer, type Chosen } from "./files";
import { findStored } from "./stored";
import { takeFiles } from "./uploads";
import "./DropLayer.css";

export function DropLayer() {
  const client = useQueryClient();
  const [over, setOver] = useState(false);

  useEffect(() => {
    const take = ({ files, unreadable }: Chosen) =>
      takeFiles(files, (candidates) => findStored(client, candidates), unreadable);
    // Every element that the pointer crosses sends events, so count them: the drag is over at zero.
    let depth = 0;
    const enter = (event: DragEvent) => {
      if (!carriesFiles(event.dataTransfer)) return;
      depth += 1;
      setOver(true);
    };
    const leave = (event: DragEvent) => {
      if (!carriesFiles(event.dataTransfer)) return;
      depth -= 1;
      if (depth <= 0) setOver(false);
    };
    const move = (event: DragEvent) => {
      if (carriesFiles(event.dataTransfer)) event.preventDefault();
    };
    const drop = (event: DragEvent) => {
      depth = 0;
      setOver(false);
      if (!event.dataTransfer || !carriesFiles(event.dataTransfer)) return;
      event.preventDefault();
      void filesOfTransfer(event.dataTransfer).then(take);
    };
    const paste = (event: ClipboardEvent) => {
      const files = [...(event.clipboardData?.files ?? [])];
      if (files.length === 0) return;
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
        <ImagePlus size={40} />
        <strong>Drop to upload</strong>
        <span>Photos and folders</span>
      </div>
    </div>
  );
}
