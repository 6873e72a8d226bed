import { Plus, X } from "lucide-react";
import { useEffect, useId, useRef, useState, type ClipboardEvent, type KeyboardEvent } from "react";
import { parseLabels, tidyLabels, type ParsedLabels } from "../state/labelSets";
import { useView } from "../state/router";
import { useStore } from "../state/store";
import { Button } from "../ui/Button";
import { formatCount, plural } from "../domain/format";
import { changeDraft, draft, takeTyped } from "../state/draft";
import "./LabelEditor.css";

import { oneOf } from "../state/view";

const submitView = { edit: oneOf(["", "labels"], "") };

// Describes what was left out of a list.
export function remarksOn({ empty, duplicates }: ParsedLabels): string {
  const remarks: string[] = [];
  if (empty > 0) remarks.push(`${plural(empty, "empty entry", "empty entries")} left out`);
  if (duplicates.length > 0) {
    const names = duplicates
      .slice(0, 3)
      .map((label) => `“${label}”`)
      .join(", ");
    remarks.push(
      `already in the list: ${names}${duplicates.length > 3 ? ` and ${formatCount(duplicates.length - 3)} more` : ""}`,
    );
  }
  const text = remarks.join("; ");
  return text && `${text[0]?.toUpperCase()}${text.slice(1)}.`;
}

function AsText({ onDone }: { onDone: () => void }) {
  const [text, setText] = useState(() => draft.get().labels.join("\n"));
  const id = useId();
  const parsed = tidyLabels(text.replace(/\n+$/, "").split("\n"));
  const remark = remarksOn(parsed);
  return (
    <div className="label-text">
      <label htmlFor={id}>One category per line</label>
      <textarea
        id={id}
        dir="auto"
        rows={Math.min(16, Math.max(6, text.split("\n").length + 1))}
        value={text}
        spellCheck={false}
        aria-describedby={`${id}-remark`}
        onChange={(event) => {
          setText(event.target.value);
          changeDraft({ labels: tidyLabels(event.target.value.split("\n")).labels });
        }}
      />
      <div className="row">
        <p id={`${id}-remark`} className={remark ? "warning-text" : "hint"} role="status">
          {remark || plural(parsed.labels.length, "category", "categories")}
        </p>
        <span className="spacer" />
        <Button onClick={onDone}>Done</Button>
      </div>
    </div>
  );
}

export function LabelEditor() {
  const { labels, typed } = useStore(draft);
  const [remark, setRemark] = useState("");
  const [asText, setAsText] = useState(false);
  const id = useId();
  const input = useRef<HTMLInputElement>(null);
  const [{ edit }, setView] = useView(submitView);

  // Whoever came to change the labels begins here, after the page's heading had the focus.
  useEffect(() => {
    if (edit === "") return;
    setView({ edit: "" });
    requestAnimationFrame(() => {
      input.current?.focus();
      input.current?.scrollIntoView({ block: "center" });
    });
  });

  const add = (given: string) => {
    const parsed = parseLabels(given);
    const all = tidyLabels([...draft.get().labels, ...parsed.labels]);
    setRemark(
      parsed.labels.length === 0
        ? "A category needs a name."
        : remarksOn({
            ...all,
            empty: parsed.empty,
            duplicates: [...parsed.duplicates, ...all.duplicates],
          }),
    );
    changeDraft({ labels: all.labels, typed: "" });
  };

  const press = (event: KeyboardEvent) => {
    // Enter also ends the composition of a word in Japanese or Chinese.
    if (event.nativeEvent.isComposing) return;
    if (event.key === "Enter" || event.key === ",") {
      event.preventDefault();
      add(typed);
    } else if (event.key === "Backspace" && typed === "" && labels.length > 0) {
      changeDraft({ labels: labels.slice(0, -1) });
    }
  };

  const paste = (event: ClipboardEvent) => {
    const pasted = event.clipboardData.getData("text");
    if (!/[\n,;\t]/.test(pasted)) return;
    event.preventDefault();
    takeTyped();
    add(pasted);
  };

  if (asText) return <AsText onDone={() => setAsText(false)} />;
  return (
    <div className="labels">
      {labels.length > 0 && (
        <ul className="chips" aria-label="Categories">
          {labels.map((label) => (
            <li key={label} className="chip">
              <bdi title={label}>{label}</bdi>
              <button
                type="button"
                aria-label={`Remove ${label}`}
                onClick={() => {
                  setRemark("");
                  changeDraft({ labels: labels.filter((other) => other !== label) });
                }}
              >
                <X size={14} aria-hidden />
              </button>
            </li>
          ))}
        </ul>
      )}
      <div className="row">
        <label htmlFor={id} className="visually-hidden">
          Add a category
        </label>
        <input
          id={id}
          ref={input}
          className="input"
          dir="auto"
          value={typed}
          maxLength={1000}
          placeholder={labels.length === 0 ? "cat, dog, receipt, beach…" : "Another category"}
          aria-describedby={`${id}-remark`}
          onChange={(event) => changeDraft({ typed: event.target.value })}
          onKeyDown={press}
          onPaste={paste}
        />
        <Button icon={Plus} onClick={() => add(typed)}>
          Add
        </Button>
        <Button
          look="quiet"
          onClick={() => {
            takeTyped();
            setAsText(true);
          }}
        >
          Edit as text
        </Button>
      </div>
      <p id={`${id}-remark`} className={remark ? "warning-text" : "hint"} role="status">
        {remark || "Press Enter or type a comma to add a category, or paste a list."}
      </p>
    </div>
  );
}
