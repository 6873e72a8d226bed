import type { JobType } from "../domain/types";
import { useStore } from "../state/store";
import { changeDraft, draft } from "../state/draft";
import "./KindChoice.css";

const kinds: { type: JobType; title: string; text: string }[] = [
  {
    type: "image_classification",
    title: "ImageNet’s 1,000 classes",
    text: "Animals, plants, food, vehicles, everyday objects. Fast, nothing to set up.",
  },
  {
    type: "custom_classification",
    title: "Your categories",
    text: "Name what to look for, in plain words. Each photo gets the category that fits best.",
  },
];

export function KindChoice() {
  const { type: chosen } = useStore(draft);
  return (
    <fieldset className="kinds">
      <legend className="visually-hidden">Kind of job</legend>
      {kinds.map(({ type, title, text }) => (
        <label key={type} className="kind">
          <input
            type="radio"
            name="kind"
            aria-label={title}
            checked={chosen === type}
            onChange={() => changeDraft({ type, model: "" })}
          />
          <span>
            <strong>{title}</strong>
            <small>{text}</small>
          </span>
        </label>
      ))}
    </fieldset>
  );
}
