// What is shown instead of content: while it loads, when there is none, when loading failed.
import { CloudOff, KeyRound, RotateCw, SearchX, type LucideIcon } from "lucide-react";
import { useEffect, useState, type ReactNode } from "react";
import { ApiError, sentenceOf } from "../api/client";
import { Link } from "../state/router";
import { Button } from "./Button";
import "./States.css";

interface EmptyProps {
  icon: LucideIcon;
  title: string;
  children?: ReactNode;
  actions?: ReactNode;
}

export function EmptyState({ icon: Icon, title, children, actions }: EmptyProps) {
  return (
    <div className="state">
      <span className="state-icon" aria-hidden>
        <Icon size={28} />
      </span>
      <h2>{title}</h2>
      {children && <div className="state-text">{children}</div>}
      {actions && <div className="state-actions">{actions}</div>}
    </div>
  );
}

const titles: Record<ApiError["kind"], string> = {
  unreachable: "The server cannot be reached",
  slow: "The server did not answer in time",
  access: "An API key is needed",
  missing: "Not found",
  refused: "That did not work",
  server: "The server has a problem",
};

export function ErrorState({ error, onRetry }: { error: unknown; onRetry?: () => void }) {
  const kind = error instanceof ApiError ? error.kind : "server";
  const icon = kind === "access" ? KeyRound : kind === "missing" ? SearchX : CloudOff;
  return (
    <div role="alert">
      <EmptyState
        icon={icon}
        title={titles[kind]}
        actions={
          <>
            {onRetry && (
              <Button look="primary" icon={RotateCw} onClick={onRetry}>
                Try again
              </Button>
            )}
            <Link href="/settings" className="button plain">
              Open settings
            </Link>
          </>
        }
      >
        <p>{sentenceOf(error)}</p>
      </EmptyState>
    </div>
  );
}

const slowAfterMs = 3_000;

// Grey shapes in the form of the content; after some seconds, a text that it takes longer than usual.
export function Loading({ what, shape }: { what: string; shape: "grid" | "rows" | "page" }) {
  const [slow, setSlow] = useState(false);
  useEffect(() => {
    const timer = setTimeout(() => setSlow(true), slowAfterMs);
    return () => clearTimeout(timer);
  }, []);
  const count = { grid: 24, rows: 8, page: 4 }[shape];
  return (
    <div className="loading" aria-busy>
      <p role="status" className={slow ? "loading-words" : "visually-hidden"}>
        {slow ? `Loading ${what} is taking longer than usual…` : `Loading ${what}…`}
      </p>
      <div className={`skeleton ${shape}`} aria-hidden>
        {Array.from({ length: count }, (_, i) => (
          <span key={i} />
        ))}
      </div>
    </div>
  );
}

export function Notice({
  icon: Icon,
  tone = "info",
  children,
  action,
}: {
  icon: LucideIcon;
  tone?: "info" | "warning" | "problem";
  children: ReactNode;
  action?: ReactNode;
}) {
  return (
    <div className={`notice ${tone}`}>
      <Icon size={18} aria-hidden />
      <div className="notice-words">{children}</div>
      {action}
    </div>
  );
}
