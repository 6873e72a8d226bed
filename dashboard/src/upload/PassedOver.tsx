// What is not uploaded: a line that opens to the names.
import { plural } from "../domain/format";
import type { PassedOver } from "./prepare";

const mostShown = 500;

export function PassedOverList({
  title,
  files,
  open = false,
}: {
  title: string;
  files: readonly PassedOver[];
  open?: boolean;
}) {
  if (files.length === 0) return null;
  return (
    <details open={open}>
      <summary>{title}</summary>
      {/* A scrolling list must be reachable by keyboard. */}
      {/* eslint-disable-next-line jsx-a11y/no-noninteractive-tabindex */}
      <div className="review-names" tabIndex={0} role="region" aria-label={title}>
        <ul>
          {files.slice(0, mostShown).map((file, i) => (
            <li key={i}>
              <bdi>{file.name}</bdi> {file.reason}
            </li>
          ))}
          {files.length > mostShown && <li>and {plural(files.length - mostShown, "other")}</li>}
        </ul>
      </div>
    </details>
  );
}
