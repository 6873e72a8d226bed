import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { knownName, refreshImages } from "../api/catalogue";
import { deleteImage } from "../api/client";
import { selection, without } from "../state/selection";
import { Confirm } from "../ui/Dialogs";
import { Bar } from "../ui/Fields";
import { formatCount, plural } from "../domain/format";
import { tell, tellProblem } from "../ui/toast";
import { removeImages } from "../api/remove";

export function DeleteDialog({ keys, onClose }: { keys: readonly string[]; onClose: () => void }) {
  const client = useQueryClient();
  const [handled, setHandled] = useState<number | null>(null);

  const remove = async () => {
    setHandled(0);
    const { gone, kept } = await removeImages(keys, deleteImage, setHandled);
    selection.set((now) => without(now, gone));
    const first = kept[0];
    if (first) {
      tellProblem(
        `${formatCount(kept.length)} of ${plural(keys.length, "photo")} could not be deleted`,
        `${knownName(client, first.key)}: ${first.reason} They are still selected, so you can try again.`,
      );
    } else {
      tell(`${plural(gone.size, "photo")} deleted`);
    }
    onClose();
    refreshImages(client);
  };

  const name = keys.length === 1 ? knownName(client, keys[0] ?? "") : "";
  return (
    <Confirm
      open
      onClose={onClose}
      title={`Delete ${plural(keys.length, "photo")}?`}
      action={`Delete ${formatCount(keys.length)}`}
      busy={handled !== null}
      onConfirm={() => void remove()}
    >
      <p>
        {name && (
          <>
            <bdi>{name}</bdi>.{" "}
          </>
        )}
        This cannot be undone. Job results are kept, without the photos.
      </p>
      {handled !== null && (
        <>
          <Bar value={handled / keys.length} label="Deleting" />
          <p role="status">
            {formatCount(handled)} of {formatCount(keys.length)}
          </p>
        </>
      )}
    </Confirm>
  );
}
