// Form controls with their labels.
import { Search, X } from "lucide-react";
import { useId, type ComponentProps, type ReactNode } from "react";
import { wholePercent } from "../domain/format";
import { IconButton } from "./Button";
import "./Fields.css";

interface SearchProps extends Omit<ComponentProps<"div">, "onChange"> {
  label: string;
  value: string;
  onChange: (value: string) => void;
}

// `children`: more controls in the field.
export function SearchField({ label, value, onChange, children, ...rest }: SearchProps) {
  return (
    <div className="search" {...rest}>
      <Search size={16} aria-hidden />
      <input
        type="search"
        aria-label={label}
        placeholder={label}
        value={value}
        dir="auto"
        onChange={(event) => onChange(event.target.value)}
      />
      {value && <IconButton icon={X} label="Clear search" size={14} onClick={() => onChange("")} />}
      {children}
    </div>
  );
}

interface SelectProps<T extends string> {
  label: string;
  value: T;
  options: readonly { value: T; label: string }[];
  onChange: (value: T) => void;
}

export function Select<T extends string>({ label, value, options, onChange }: SelectProps<T>) {
  return (
    <select
      className="select"
      aria-label={label}
      value={value}
      onChange={(event) => onChange(event.target.value as T)}
    >
      {options.map((option) => (
        <option key={option.value} value={option.value}>
          {option.label}
        </option>
      ))}
    </select>
  );
}

interface SliderProps {
  label: string;
  hint?: ReactNode;
  value: number;
  min: number;
  max: number;
  step: number;
  show: (value: number) => string;
  onChange: (value: number) => void;
}

export function Slider({ label, hint, value, min, max, step, show, onChange }: SliderProps) {
  const id = useId();
  return (
    <div className="slider">
      <label htmlFor={id}>{label}</label>
      <output htmlFor={id}>{show(value)}</output>
      <input
        id={id}
        type="range"
        min={min}
        max={max}
        step={step}
        value={value}
        aria-valuetext={show(value)}
        style={{ "--part": `${((value - min) / (max - min)) * 100}%` } as React.CSSProperties}
        onChange={(event) => onChange(Number(event.target.value))}
      />
      {hint && <p className="hint">{hint}</p>}
    </div>
  );
}

// From which confidence on a label counts.
export const ThresholdSlider = (props: Pick<SliderProps, "value" | "onChange" | "hint">) => (
  <Slider label="Confidence threshold" min={0} max={1} step={0.01} show={wholePercent} {...props} />
);

interface SegmentsProps<T extends string> {
  label: string;
  value: T;
  options: readonly { value: T; label: string }[];
  onChange: (value: T) => void;
}

// A few choices side by side: radio buttons that look like one control.
export function Segments<T extends string>({ label, value, options, onChange }: SegmentsProps<T>) {
  const name = useId();
  return (
    <fieldset className="segments">
      <legend className="visually-hidden">{label}</legend>
      {options.map((option) => (
        <label key={option.value}>
          <input
            type="radio"
            name={name}
            checked={option.value === value}
            onChange={() => onChange(option.value)}
          />
          <span>{option.label}</span>
        </label>
      ))}
    </fieldset>
  );
}

export function Bar({ value, label }: { value: number; label: string }) {
  return (
    <div
      className="bar"
      role="progressbar"
      aria-label={label}
      aria-valuemin={0}
      aria-valuemax={100}
      aria-valuenow={Math.round(value * 100)}
    >
      <span style={{ width: `${Math.min(1, value) * 100}%` }} />
    </div>
  );
}
