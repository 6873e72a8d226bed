import { ScanSearch } from "lucide-react";
import { useRef, type ClipboardEvent, type DragEvent } from "react";
import { acceptedFiles } from "../domain/kinds";
import { navigate } from "../state/router";
import { likePath } from "../state/filterView";
import { IconButton } from "../ui/Button";
import { SearchField } from "../ui/Fields";
import { tellProblem } from "../ui/toast";
import { keepPicture, whyNot } from "./likePicture";
import "./SearchPhotos.css";

async function findLike(files: readonly File[]): Promise<void> {
  const refusal = await whyNot(files);
  const [file] = files;
  if (refusal !== "") tellProblem("Nothing was searched for", refusal);
  else if (file) navigate(likePath(keepPicture(file)));
}

interface Props {
  value: string;
  byContent: boolean; // the server can
  onChange: (value: string) => void;
}

// The search over all photos: by words, and by a picture that is dropped on it, pasted into it or chosen.
export function SearchPhotos({ value, byContent, onChange }: Props) {
  const input = useRef<HTMLInputElement>(null);
  if (!byContent) return <SearchField label="Search by name" value={value} onChange={onChange} />;
  const drop = (event: DragEvent) => {
    if (!event.dataTransfer.types.includes("Files")) return;
    event.preventDefault();
    void findLike([...event.dataTransfer.files]);
  };
  const paste = (event: ClipboardEvent) => {
    const files = [...event.clipboardData.files];
    if (files.length === 0) return;
    event.preventDefault();
    void findLike(files);
  };
  return (
    <SearchField
      label="Search by name or what they show"
      value={value}
      onChange={onChange}
      data-drop="Drop here to find photos like it"
      onDrop={drop}
      onPaste={paste}
    >
      <IconButton
        icon={ScanSearch}
        label="Search with a picture"
        size={16}
        onClick={() => input.current?.click()}
      />
      <input
        ref={input}
        type="file"
        hidden
        accept={acceptedFiles}
        aria-label="Picture to search with"
        onChange={(event) => {
          void findLike([...(event.target.files ?? [])]);
          event.target.value = "";
        }}
      />
    </SearchField>
  );
}
