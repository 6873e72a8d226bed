import type { LucideIcon } from "lucide-react";
import type { ComponentProps } from "react";
import "./Button.css";

interface Looks {
  look?: "plain" | "primary" | "danger" | "quiet";
  icon?: LucideIcon;
  busy?: boolean;
}

// A button with text, and optionally an icon.
export function Button({
  look = "plain",
  icon: Icon,
  busy = false,
  children,
  className = "",
  disabled,
  ...rest
}: ComponentProps<"button"> & Looks) {
  return (
    <button
      type="button"
      className={`button ${look} ${className}`}
      disabled={disabled || busy}
      aria-busy={busy || undefined}
      {...rest}
    >
      {busy ? <span className="spinner" aria-hidden /> : Icon && <Icon size={16} aria-hidden />}
      {children}
    </button>
  );
}

// A button with only an icon; `label` is its name.
export function IconButton({
  icon: Icon,
  label,
  className = "",
  size = 18,
  ...rest
}: ComponentProps<"button"> & { icon: LucideIcon; label: string; size?: number }) {
  return (
    <button
      type="button"
      className={`icon-button ${className}`}
      aria-label={label}
      title={label}
      {...rest}
    >
      <Icon size={size} aria-hidden />
    </button>
  );
}
