import { TriangleAlert } from "lucide-react";
import { asSentence } from "../domain/format";
import "./NotWhole.css";

// The sign of a photo of which something is missing; the warning is its tooltip and its name.
export function NotWhole({ warning }: { warning: string | undefined }) {
  if (!warning) return null;
  const sentence = asSentence(warning);
  return (
    <span className="not-whole" role="img" aria-label={sentence} title={sentence}>
      <TriangleAlert size={14} aria-hidden />
    </span>
  );
}
