import { RotateCw } from "lucide-react";
import { useEffect, useRef, useState } from "react";
import { hasNewerPage } from "../api/newerPage";
import { useConnection } from "../api/queries";
import { Button } from "./Button";
import { Notice } from "./States";

const longAwayMs = 600_000;

const running = (): string => document.querySelector("script[src]")?.getAttribute("src") ?? "";

// A server that comes back, or a tab that was away for long, may have a newer page. Nothing is asked at
// other times.
function useNewerPage(): boolean {
  const { status } = useConnection();
  const [newer, setNewer] = useState(false);
  const wasAway = useRef(false);

  useEffect(() => {
    if (status === "success" && wasAway.current) void hasNewerPage(running()).then(setNewer);
    if (status !== "pending") wasAway.current = status === "error";
  }, [status]);

  useEffect(() => {
    let hiddenSince = NaN;
    const look = () => {
      if (document.hidden) hiddenSince = Date.now();
      else if (Date.now() - hiddenSince > longAwayMs) void hasNewerPage(running()).then(setNewer);
    };
    document.addEventListener("visibilitychange", look);
    return () => document.removeEventListener("visibilitychange", look);
  }, []);

  return newer;
}

// Offers to load the page anew after the server was upgraded.
export function NewerPage() {
  const newer = useNewerPage();
  return (
    <div role="status">
      {newer && (
        <Notice
          icon={RotateCw}
          action={
            <Button look="primary" onClick={() => location.reload()}>
              Reload
            </Button>
          }
        >
          <strong>The server has a newer version of this page.</strong> Reload to use it.
        </Notice>
      )}
    </div>
  );
}
