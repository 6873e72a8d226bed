import { useQueryClient } from "@tanstack/react-query";
import { FolderUp, ImageUp } from "lucide-react";
import { useRef, type ChangeEvent, type InputHTMLAttributes } from "react";
import { Button } from "../ui/Button";
import { acceptedFiles } from "../domain/kinds";
import { findStored } from "./stored";
import { takeFiles } from "./uploads";

// React supports the attribute, but its types do not have it.
const folderAttribute = { webkitdirectory: "" } as InputHTMLAttributes<HTMLInputElement>;

export function UploadButtons() {
  const client = useQueryClient();
  const files = useRef<HTMLInputElement>(null);
  const folder = useRef<HTMLInputElement>(null);
  const take = (event: ChangeEvent<HTMLInputElement>) => {
    void takeFiles([...(event.target.files ?? [])], (files) => findStored(client, files));
    event.target.value = "";
  };
  return (
    <div className="buttons">
      <Button icon={FolderUp} onClick={() => folder.current?.click()}>
        Upload folder
      </Button>
      <Button look="primary" icon={ImageUp} onClick={() => files.current?.click()}>
        Upload photos
      </Button>
      <input
        ref={files}
        type="file"
        multiple
        hidden
        accept={acceptedFiles}
        aria-label="Photos to upload"
        onChange={take}
      />
      <input
        ref={folder}
        type="file"
        hidden
        aria-label="Folder to upload"
        onChange={take}
        {...folderAttribute}
      />
    </div>
  );
}
