import { TriangleAlert } from "lucide-react";
import { useLabelWarnings } from "../api/queries";
import { asSentence } from "../domain/format";
import { useStore } from "../state/store";
import { Notice } from "../ui/States";
import { useDebounced } from "../ui/useDebounced";
import { draft } from "../state/draft";
import "./LabelWarnings.css";

// What the server finds in the categories, such as two that it cannot tell apart.
export function LabelWarnings() {
  const { labels, model } = useStore(draft);
  const settled = useDebounced(labels, 500);
  const { data } = useLabelWarnings(settled, model);
  const warnings = labels.length > 0 ? (data?.warnings ?? []) : [];
  return (
    <div role="status">
      {warnings.length > 0 && (
        <Notice icon={TriangleAlert} tone="warning">
          <ul className="warnings" aria-label="Warnings about the categories">
            {warnings.map((warning) => (
              <li key={warning} dir="auto">
                {asSentence(warning)}
              </li>
            ))}
          </ul>
        </Notice>
      )}
    </div>
  );
}
