import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { knownName } from "../api/catalogue";
import { formatCount, plural } from "../domain/format";
import { Confirm } from "./Dialogs";
import { Bar } from "./Fields";
import { sentenceOf } from "../api/client";
import { removePhotos } from "./deletion";
import { tellProblem } from "./toast";

interface Props {
  keys: readonly string[];
  trash: boolean; // the server has one
  unknown?: Error | null; // why it could not be asked
  onClose: () => void;
}

export function DeleteDialog({ keys, trash, unknown = null, onClose }: Props) {
  const client = useQueryClient();
  const [handled, setHandled] = useState<number | null>(null);
  const remove = async () => {
    if (unknown) {
      tellProblem("Nothing was deleted", sentenceOf(unknown));
      onClose();
      return;
    }
    setHandled(0);
    await removePhotos(client, keys, trash, setHandled);
    onClose();
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
        {trash
          ? "They can be restored from the trash for some time."
          : "This cannot be undone. Job results are kept, without the photos."}
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
