import { RotateCw } from "lucide-react";
import { Button } from "../ui/Button";
import { asSentence, formatCount, plural } from "../domain/format";
import { Thumbnail } from "../ui/Picture";
import type { Row } from "../domain/results";
import "./Failures.css";

interface Props {
  rows: readonly Row[];
  busy: boolean;
  onRetry: () => void;
  onAll: () => void;
}

const shownAtFirst = 3;

// Images that failed, each with the reason; one button runs them again.
export function Failures({ rows, busy, onRetry, onAll }: Props) {
  if (rows.length === 0) return null;
  return (
    <section className="card failures" aria-labelledby="failures-title">
      <header className="card-head">
        <h2 id="failures-title">{plural(rows.length, "photo")} not classified</h2>
        <Button icon={RotateCw} busy={busy} onClick={onRetry}>
          Run {rows.length === 1 ? "it" : "them"} again
        </Button>
      </header>
      <ul>
        {rows.slice(0, shownAtFirst).map((row) => (
          <li key={row.index}>
            <Thumbnail image={row.key} size={96} />
            <span>
              <bdi className="strong">{row.name}</bdi>
              <span className="hint">{asSentence(row.error)}</span>
            </span>
          </li>
        ))}
      </ul>
      {rows.length > shownAtFirst && (
        <Button look="quiet" onClick={onAll}>
          Show all {formatCount(rows.length)} in the table
        </Button>
      )}
    </section>
  );
}
