import { useId } from "react";
import { useServerLabelSets } from "../api/labelSets";
import { useStore } from "../state/store";
import { Slider, ThresholdSlider } from "../ui/Fields";
import { changeDraft, draft } from "../state/draft";
import { Section } from "./Section";
import "./Details.css";

function NameField() {
  const { name } = useStore(draft);
  const id = useId();
  // Servers without label sets do not keep names of jobs either.
  if (!useServerLabelSets().data) return null;
  return (
    <div className="field">
      <label htmlFor={id}>Name of the job (optional)</label>
      <input
        id={id}
        className="input"
        dir="auto"
        maxLength={200}
        autoComplete="off"
        value={name}
        placeholder="Holiday in Rome"
        onChange={(event) => changeDraft({ name: event.target.value })}
      />
    </div>
  );
}

export function Details() {
  const { topK, threshold } = useStore(draft);
  return (
    <Section title="Details">
      <NameField />
      <div className="sliders">
        <Slider
          label="Predictions per photo"
          value={topK}
          min={1}
          max={10}
          step={1}
          show={String}
          onChange={(value) => changeDraft({ topK: value })}
          hint="The best ones, with their confidence."
        />
        <ThresholdSlider
          value={threshold}
          onChange={(value) => changeDraft({ threshold: value })}
          hint="Photos below it count as unknown. You can change it afterwards without running the job again."
        />
      </div>
    </Section>
  );
}
