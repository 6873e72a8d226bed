import { useTrash } from "../api/trash";
import { DeleteDialog } from "../ui/DeleteDialog";

// Asks before photos of the job are deleted, once it is known whether the server has a trash.
export function DeletePhotos({ keys, onClose }: { keys: readonly string[]; onClose: () => void }) {
  const trash = useTrash();
  if (trash.data === undefined && !trash.error) return null;
  return (
    <DeleteDialog
      keys={keys}
      trash={trash.data !== null}
      unknown={trash.data === undefined ? trash.error : null}
      onClose={onClose}
    />
  );
}
