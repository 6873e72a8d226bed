import { useState } from "react";
import { useStore } from "../state/store";
import { Button } from "../ui/Button";
import { Modal } from "../ui/Dialogs";
import { formatBytes, plural } from "../domain/format";
import { countsOf } from "../domain/kinds";
import { PassedOverList } from "./PassedOver";
import { review, startUploads } from "./uploads";
import "./ReviewDialog.css";

const fewNames = 5;

// Shows, before anything is sent, what will be left out.
export function ReviewDialog() {
  const prepared = useStore(review);
  const [alsoStored, setAlsoStored] = useState(false);
  if (!prepared) return null;
  const { ready, stored, repeated } = prepared;
  const rejected = [...prepared.rejected, ...prepared.clutter];
  const sent = alsoStored ? [...ready, ...stored] : ready;
  const bytes = sent.reduce((sum, { file }) => sum + file.size, 0);
  const close = () => {
    setAlsoStored(false);
    review.set(null);
  };
  return (
    <Modal open onClose={close} title="Before uploading">
      <div className="modal-text">
        <p className="review-count">
          {sent.length > 0 ? (
            <>
              <strong>{plural(sent.length, "photo")}</strong> to upload, {formatBytes(bytes)}
            </>
          ) : (
            <strong>Nothing to upload</strong>
          )}
        </p>
        {stored.length > 0 && (
          <label className="check">
            <input
              type="checkbox"
              checked={alsoStored}
              onChange={(event) => setAlsoStored(event.target.checked)}
            />
            <span>
              Upload {plural(stored.length, "photo")} again that{" "}
              {stored.length === 1 ? "is" : "are"} already stored (same name and size)
            </span>
          </label>
        )}
        <PassedOverList
          title={`${plural(repeated.length, "photo")} chosen twice, sent once`}
          files={repeated}
          open={repeated.length <= fewNames}
        />
        <PassedOverList
          title={`Left out: ${countsOf(rejected.map(({ kind }) => kind))}`}
          files={rejected}
          open={rejected.length <= fewNames}
        />
      </div>
      <footer className="modal-foot">
        <Button onClick={close}>{sent.length > 0 ? "Cancel" : "Close"}</Button>
        {sent.length > 0 && (
          <Button
            look="primary"
            onClick={() => {
              startUploads(prepared, alsoStored);
              setAlsoStored(false);
            }}
          >
            Upload {plural(sent.length, "photo")}
          </Button>
        )}
      </footer>
    </Modal>
  );
}
