// Uploads in progress, in a corner of every page.
import { useQueryClient } from "@tanstack/react-query";
import { useVirtualizer } from "@tanstack/react-virtual";
import { ChevronDown, ChevronUp, RotateCw, Sparkles, X } from "lucide-react";
import { useEffect, useRef, useState, useSyncExternalStore } from "react";
import { refreshImages } from "../api/catalogue";
import { navigate } from "../state/router";
import { selectKeys } from "../state/selection";
import { useStore } from "../state/store";
import { Button, IconButton } from "../ui/Button";
import { Bar } from "../ui/Fields";
import { formatBytes, formatCount, formatTimeLeft, plural } from "../domain/format";
import type { Upload, UploadProgress } from "./queue";
import { countsOf } from "../domain/kinds";
import { PassedOverList } from "./PassedOver";
import { passedOver, preparing, queue } from "./uploads";
import "./UploadDock.css";

const words: Record<Upload["state"], (upload: Upload) => string> = {
  waiting: () => "waiting",
  sending: ({ sent, file }) =>
    file.size > 0 ? `${Math.floor((100 * sent) / file.size)}%` : "sending",
  done: () => "stored",
  failed: ({ error }) => error,
  cancelled: () => "not sent",
};

function UploadList({ progress }: { progress: UploadProgress }) {
  const frame = useRef<HTMLDivElement>(null);
  // Failures come first: people open the list to see them.
  const uploads = progress.failed
    ? [...progress.uploads].sort(
        (a, b) => Number(b.state === "failed") - Number(a.state === "failed"),
      )
    : progress.uploads;
  const rows = useVirtualizer({
    count: uploads.length,
    getScrollElement: () => frame.current,
    estimateSize: () => 48,
    overscan: 4,
  });
  return (
    // A scrolling list must be reachable by keyboard.
    // eslint-disable-next-line jsx-a11y/no-noninteractive-tabindex
    <div ref={frame} className="dock-list" tabIndex={0} role="region" aria-label="Photos">
      <ul style={{ height: rows.getTotalSize() }}>
        {rows.getVirtualItems().map((row) => {
          const upload = uploads[row.index];
          if (!upload) return null;
          return (
            <li
              key={upload.id}
              className={upload.state}
              style={{ transform: `translateY(${row.start}px)` }}
            >
              <span className="dock-name" dir="auto" title={upload.path}>
                {upload.file.name}
              </span>
              <span className="dock-state" title={upload.error}>
                {words[upload.state](upload)}
              </span>
              {upload.state === "sending" && (
                <span className="meter" aria-hidden>
                  <span
                    style={{ width: `${(100 * upload.sent) / Math.max(1, upload.file.size)}%` }}
                  />
                </span>
              )}
            </li>
          );
        })}
      </ul>
    </div>
  );
}

const titleOf = (progress: UploadProgress): string => {
  if (progress.active) return `Uploading ${plural(progress.total, "photo")}`;
  if (progress.failed)
    return `${formatCount(progress.failed)} of ${plural(progress.total, "photo")} failed`;
  if (progress.done) return `${plural(progress.done, "photo")} uploaded`;
  return "Upload cancelled";
};

const detailOf = (progress: UploadProgress): string => {
  if (progress.serverAway)
    return "The server cannot be reached. The upload continues when it is back.";
  if (!progress.active) return "";
  return [
    `${formatCount(progress.done)} of ${formatCount(progress.total)}`,
    `${formatBytes(progress.sentBytes)} of ${formatBytes(progress.bytes)}`,
    progress.bytesPerSecond > 0 ? `${formatBytes(progress.bytesPerSecond)}/s` : "",
    formatTimeLeft(progress.msLeft),
  ]
    .filter(Boolean)
    .join(" · ");
};

export function UploadDock() {
  const client = useQueryClient();
  const progress = useSyncExternalStore(queue.subscribe, queue.get);
  const looking = useStore(preparing);
  const notSent = useStore(passedOver);
  const [open, setOpen] = useState(false);
  const { active, done, uploads } = progress;

  // New photos appear in the gallery after every hundred, and when the upload ends.
  const step = active ? Math.floor(done / 100) : -1;
  useEffect(() => {
    if (uploads.length > 0) refreshImages(client);
  }, [client, step, uploads.length]);

  if (uploads.length === 0) {
    if (looking === 0) return null;
    return (
      <section className="dock" aria-label="Uploads">
        <p className="dock-title" role="status">
          Checking {plural(looking, "file")}…
        </p>
      </section>
    );
  }
  const classify = () => {
    selectKeys(uploads.flatMap(({ key }) => (key ? [key] : [])));
    queue.forget();
    navigate("/new");
  };
  return (
    <section className="dock" aria-label="Uploads">
      <header>
        <p className="dock-title" role="status">
          {titleOf(progress)}
        </p>
        <IconButton
          icon={open ? ChevronDown : ChevronUp}
          label={open ? "Hide the photos" : "Show the photos"}
          aria-expanded={open}
          onClick={() => setOpen(!open)}
        />
        {!active && <IconButton icon={X} label="Close" onClick={() => queue.forget()} />}
      </header>
      {active && (
        <Bar value={progress.bytes ? progress.sentBytes / progress.bytes : 0} label="Upload" />
      )}
      {detailOf(progress) && <p className="dock-detail">{detailOf(progress)}</p>}
      {open && <UploadList progress={progress} />}
      <PassedOverList
        title={`Left out: ${countsOf(notSent.map(({ kind }) => kind))}`}
        files={notSent}
      />
      <footer className="buttons">
        {active && (
          <Button look="quiet" onClick={() => queue.cancel()}>
            Cancel
          </Button>
        )}
        {!active && progress.failed > 0 && (
          <Button icon={RotateCw} onClick={() => queue.retryFailed()}>
            Retry failed
          </Button>
        )}
        {!active && done > 0 && (
          <Button look="primary" icon={Sparkles} onClick={classify}>
            Classify {done === 1 ? "it" : `these ${formatCount(done)}`}
          </Button>
        )}
      </footer>
    </section>
  );
}
