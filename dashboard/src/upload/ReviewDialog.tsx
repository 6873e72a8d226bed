import { useState } from "react";
import { useStore } from "../state/store";
import { Button } from "../ui/Button";
import { Modal } from "../ui/Dialogs";
import { formatBytes, plural } from "../ui/format";
import type { Rejected } from "./prepare";
import { review, startUploads } from "./uploads";

function Names({ title, files }: { title: string; files: readonly Rejected[] }) {
  if (files.length === 0) return null;
  return (
    <details open={files.length <= 5}>
      <summary>{title}</summary>
      <ul className="review-names">
        {files.slice(0, 500).map((file, i) => (
          <li key={i}>
            <bdi>{file.name}</bdi> {file.reason}
          </li>
        ))}
        {files.length > 500 && <li>and {plural(files.length - 500, "other")}</li>}
      </ul>
    </details>
  );
}

// Shows, before anything is sent, what will be left out.
export function ReviewDialog() {
  const prepared = useStore(review);
  const [alsoStored, setAlsoStored] = useState(false);
  if (!prepared) return null;
  const { ready, stored, repeated, rejected } = prepared;
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
        <Names
          title={`${plural(repeated.length, "photo")} chosen twice, sent once`}
          files={repeated}
        />
        <Names title={`${plural(rejected.length, "file")} left out`} files={rejected} />
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
