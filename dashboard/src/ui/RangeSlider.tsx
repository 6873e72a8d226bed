import type { CSSProperties } from "react";
import "./RangeSlider.css";

interface Range {
  from: number;
  to: number;
}

interface Props extends Range {
  label: string;
  names: [string, string]; // of the two ends, for screen readers
  step: number;
  show: (value: number) => string;
  onChange: (range: Range) => void;
}

// Two thumbs on one line from 0 to 1. Neither passes the other.
export function RangeSlider({ label, names, from, to, step, show, onChange }: Props) {
  const end = (name: string, value: number, change: (value: number) => Range) => (
    <input
      type="range"
      min={0}
      max={1}
      step={step}
      value={value}
      aria-label={name}
      aria-valuetext={show(value)}
      // Both at the right end: the left thumb must be on top, or neither could be moved.
      className={value === from && from > 0.5 ? "top" : ""}
      onChange={(event) => onChange(change(Number(event.target.value)))}
    />
  );
  return (
    <fieldset className="range">
      <legend className="visually-hidden">{label}</legend>
      <span aria-hidden className="range-label">
        {label}
      </span>
      <output>{from <= 0 && to >= 1 ? "any" : `${show(from)} – ${show(to)}`}</output>
      <div
        className="range-line"
        style={{ "--from": `${from * 100}%`, "--to": `${to * 100}%` } as CSSProperties}
      >
        {end(names[0], from, (value) => ({ from: Math.min(value, to), to }))}
        {end(names[1], to, (value) => ({ from, to: Math.max(value, from) }))}
      </div>
    </fieldset>
  );
}
