import { useQueryClient } from "@tanstack/react-query";
import {
  BookOpen,
  CloudOff,
  History,
  Images,
  Settings as SettingsIcon,
  Sparkles,
  type LucideIcon,
} from "lucide-react";
import { lazy, Suspense, useEffect, useRef } from "react";
import { sentenceOf } from "./api/client";
import { useConnection } from "./api/queries";
import { GalleryPage } from "./gallery/GalleryPage";
import { HistoryPage } from "./history/HistoryPage";
import { JobPage } from "./job/JobPage";
import { AskBackend, useQuestion } from "./settings/AskBackend";
import { SettingsPage } from "./settings/SettingsPage";
import { Link, usePlace } from "./state/router";
import { settings } from "./state/settings";
import { useStore } from "./state/store";
import { SubmitPage } from "./submit/SubmitPage";
import { TrashPage } from "./gallery/TrashPage";
import { forgetBroken } from "./ui/Picture";
import { NewerPage } from "./ui/NewerPage";
import { EmptyState, Loading, Notice } from "./ui/States";
import { Whole } from "./ui/Whole";
import { DropLayer } from "./upload/DropLayer";
import { ReviewDialog } from "./upload/ReviewDialog";
import { UploadDock } from "./upload/UploadDock";
import "./App.css";

// Few people need it, so that it is not part of the first load.
const DuplicatesPage = lazy(() =>
  import("./gallery/DuplicatesPage").then((page) => ({ default: page.DuplicatesPage })),
);

const pages: { path: string; name: string; icon: LucideIcon }[] = [
  { path: "/", name: "Photos", icon: Images },
  { path: "/new", name: "New job", icon: Sparkles },
  { path: "/history", name: "History", icon: History },
  { path: "/settings", name: "Settings", icon: SettingsIcon },
];

// Pages that the navigation does not have.
const others: Record<string, string> = { "/deleted": "Trash", "/duplicate-photos": "Duplicates" };

function Page({ path }: { path: string }) {
  const job = /^\/job\/([^/]+)\/?$/.exec(path)?.[1];
  if (job !== undefined) return <JobPage key={job} id={decodeURIComponent(job)} />;
  if (path === "/") return <GalleryPage />;
  if (path === "/deleted") return <TrashPage />;
  if (path === "/duplicate-photos") {
    return (
      <Suspense fallback={<Loading what="duplicates" shape="page" />}>
        <DuplicatesPage />
      </Suspense>
    );
  }
  if (path === "/new") return <SubmitPage />;
  if (path === "/history") return <HistoryPage />;
  if (path === "/settings") return <SettingsPage />;
  return (
    <>
      <h1 className="visually-hidden" tabIndex={-1}>
        Not found
      </h1>
      <EmptyState
        icon={CloudOff}
        title="Page not found"
        actions={
          <Link href="/" className="button primary">
            Go to photos
          </Link>
        }
      />
    </>
  );
}

// Says that the backend cannot be reached and that the page is retrying; what was loaded stays. When the
// backend is back, the page requests again what failed.
function ConnectionNotice() {
  const client = useQueryClient();
  const connection = useConnection();
  const wasAway = useRef(false);
  useEffect(() => {
    if (wasAway.current && connection.isSuccess) {
      forgetBroken();
      void client.invalidateQueries({ predicate: ({ queryKey }) => queryKey[0] !== "ready" });
    }
    if (connection.status !== "pending") wasAway.current = connection.isError;
  }, [client, connection.status, connection.isSuccess, connection.isError]);
  if (!connection.isError) return null;
  return (
    <div role="alert">
      <Notice
        icon={CloudOff}
        tone="problem"
        action={
          <Link href="/settings" className="button plain">
            Settings
          </Link>
        }
      >
        <strong>No connection to the server.</strong> {sentenceOf(connection.error)} Retrying every
        few seconds.
      </Notice>
    </div>
  );
}

function Navigation({ path }: { path: string }) {
  const { backend } = useStore(settings);
  const current = path.startsWith("/job/")
    ? "/history"
    : ["/deleted", "/duplicate-photos"].includes(path)
      ? "/"
      : path;
  return (
    <nav className="nav" aria-label="Pages">
      <Link href="/" className="brand">
        <img src="/icon.svg" alt="" width={28} height={28} />
        <span>Classifier</span>
      </Link>
      <ul>
        {pages.map(({ path: to, name, icon: Icon }) => (
          <li key={to}>
            <Link href={to} aria-current={current === to ? "page" : undefined}>
              <Icon size={20} aria-hidden />
              {name}
            </Link>
          </li>
        ))}
      </ul>
      <div className="nav-foot">
        {backend && (
          <p className="hint" title={backend}>
            on {backend.replace(/^https?:\/\//, "")}
          </p>
        )}
        <a href={`${backend}/docs`} target="_blank" rel="noreferrer">
          <BookOpen size={16} aria-hidden />
          API
        </a>
      </div>
    </nav>
  );
}

// A new page sets the title, and its heading takes the focus from the link that led to it.
function useArrival(path: string, main: React.RefObject<HTMLElement | null>) {
  const first = useRef(true);
  useEffect(() => {
    const name =
      pages.find((page) => page.path === path)?.name ??
      (path.startsWith("/job/") ? "Job" : (others[path] ?? "Not found"));
    document.title = `${name} · Classifier`;
    if (!first.current)
      main.current?.querySelector<HTMLElement>("h1")?.focus({ preventScroll: true });
    first.current = false;
  }, [path, main]);
}

export function App() {
  const { path } = usePlace();
  const main = useRef<HTMLElement>(null);
  const question = useQuestion();
  useArrival(path, main);
  return (
    <div className="app">
      <a className="skip" href="#main">
        Skip to content
      </a>
      <Navigation path={path} />
      <main id="main" ref={main} tabIndex={-1}>
        {question ? (
          <>
            <h1 className="visually-hidden" tabIndex={-1}>
              Another server
            </h1>
            <AskBackend question={question} />
          </>
        ) : (
          <>
            <ConnectionNotice />
            <NewerPage />
            <Whole key={path} inside>
              <Page path={path} />
            </Whole>
          </>
        )}
      </main>
      <DropLayer />
      <ReviewDialog />
      <UploadDock />
    </div>
  );
}
