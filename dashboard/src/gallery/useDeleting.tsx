// Deleting photos from the list: a few that can be restored without a question, the others after one.
import { useQueryClient } from "@tanstack/react-query";
import { useState, type ReactNode } from "react";
import { sentenceOf } from "../api/client";
import { useTrash } from "../api/trash";
import { DeleteDialog } from "../ui/DeleteDialog";
import { removePhotos } from "../ui/deletion";
import { tellProblem } from "../ui/toast";

const unknownTrash = "The server has not said yet whether it has a trash. Try again.";
const fewPhotos = 50;

interface Deleting {
  trash: number | null | undefined; // photos in it; null where there is none, undefined while it is not known
  remove: (keys: readonly string[]) => void;
  dialog: ReactNode;
}

export function useDeleting(): Deleting {
  const client = useQueryClient();
  const { data: trash, error, refetch } = useTrash();
  const [deleting, setDeleting] = useState<readonly string[] | null>(null);
  const remove = (keys: readonly string[]) => {
    if (keys.length === 0) return;
    if (trash === undefined) {
      tellProblem("Nothing was deleted", sentenceOf(error ?? new Error(unknownTrash)));
      void refetch();
    } else if (trash !== null && keys.length <= fewPhotos)
      void removePhotos(client, keys, true, () => undefined);
    else setDeleting(keys);
  };
  const dialog = deleting && (
    <DeleteDialog keys={deleting} trash={trash !== null} onClose={() => setDeleting(null)} />
  );
  return { trash, remove, dialog };
}
