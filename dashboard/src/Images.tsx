import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useRef, useState } from "react";
import { getImages, thumbnailUrl, upload } from "./api";

const parallelUploads = 4;

interface Upload {
  total: number;
  done: number;
  failures: string[];
}

interface Props {
  selected: ReadonlySet<string>;
  onSelect: (keys: ReadonlySet<string>) => void;
}

export function Images({ selected, onSelect }: Props) {
  const queries = useQueryClient();
  const images = useQuery({ queryKey: ["images"], queryFn: getImages, refetchInterval: 30_000 });
  const [progress, setProgress] = useState<Upload | null>(null);
  const [over, setOver] = useState(false);
  const input = useRef<HTMLInputElement>(null);

  const uploadAll = async (files: File[]) => {
    const queue = files.filter((file) => file.type.startsWith("image/"));
    const failures = files
      .filter((file) => !file.type.startsWith("image/"))
      .map((file) => `${file.name}: not an image`);
    const total = queue.length;
    const keys: string[] = [];
    const show = () => setProgress({ total, done: total - queue.length, failures: [...failures] });
    show();
    const run = async () => {
      for (let file = queue.shift(); file; file = queue.shift()) {
        try {
          keys.push(await upload(file));
        } catch (error) {
          failures.push(`${file.name}: ${(error as Error).message}`);
        }
        show();
      }
    };
    await Promise.all(Array.from({ length: parallelUploads }, run));
    setProgress(failures.length > 0 ? { total, done: total, failures } : null);
    await queries.invalidateQueries({ queryKey: ["images"] });
    onSelect(new Set([...selected, ...keys]));
  };

  const toggle = (key: string) => {
    const next = new Set(selected);
    if (!next.delete(key)) next.add(key);
    onSelect(next);
  };

  const list = images.data?.images ?? [];
  return (
    <section aria-labelledby="images-title">
      <h2 id="images-title">1. Photos</h2>
      <div
        className={over ? "drop over" : "drop"}
        onDragOver={(event) => {
          event.preventDefault();
          setOver(true);
        }}
        onDragLeave={() => setOver(false)}
        onDrop={(event) => {
          event.preventDefault();
          setOver(false);
          void uploadAll([...event.dataTransfer.files]);
        }}
      >
        <p>Drop photos here, or</p>
        <button type="button" onClick={() => input.current?.click()}>
          Choose photos
        </button>
        <input
          ref={input}
          type="file"
          accept="image/*"
          multiple
          hidden
          aria-label="Photos to upload"
          onChange={(event) => {
            void uploadAll([...(event.target.files ?? [])]);
            event.target.value = "";
          }}
        />
      </div>
      {progress && (
        <div role="status">
          {progress.done < progress.total && (
            <progress max={progress.total} value={progress.done} aria-label="Upload" />
          )}
          <p>
            {progress.done} of {progress.total} uploaded
          </p>
          {progress.failures.map((failure) => (
            <p key={failure} className="error">
              {failure}
            </p>
          ))}
        </div>
      )}
      {images.error && <p className="error">{images.error.message}</p>}
      {images.isSuccess && list.length === 0 && <p>No photos yet: upload some to begin.</p>}
      {list.length > 0 && (
        <p className="bar">
          <span>
            {selected.size} of {list.length}
            {images.data?.next_token ? " or more" : ""} selected
          </span>
          <button type="button" onClick={() => onSelect(new Set(list.map((image) => image.key)))}>
            All
          </button>
          <button type="button" onClick={() => onSelect(new Set())} disabled={selected.size === 0}>
            None
          </button>
        </p>
      )}
      <ul className="gallery">
        {list.map((image) => (
          <li key={image.key}>
            <label title={image.key}>
              <input
                type="checkbox"
                checked={selected.has(image.key)}
                onChange={() => toggle(image.key)}
                aria-label={image.key}
              />
              <img src={thumbnailUrl(image.key, 160)} alt="" loading="lazy" />
            </label>
          </li>
        ))}
      </ul>
    </section>
  );
}
