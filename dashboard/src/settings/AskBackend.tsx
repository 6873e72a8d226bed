// Replaces the page while a shared link waits for the user to confirm its backend.
import { Link2, Link2Off } from "lucide-react";
import { sentenceOf } from "../api/client";
import { backendAddress, settings, switchBackend } from "../state/settings";
import { setQuery, usePlace } from "../state/router";
import { backendOfLink } from "../state/shared";
import { useStore } from "../state/store";
import { Button } from "../ui/Button";
import { EmptyState } from "../ui/States";
import { tellProblem } from "../ui/toast";
import { queue } from "../upload/uploads";
import "./AskBackend.css";

export interface Question {
  backend: string; // as in the settings; empty where the link names no usable one
  mistake: string; // why it cannot be used; empty otherwise
}

// What the URL asks for; undefined when there is nothing to ask.
export function useQuestion(): Question | undefined {
  const { query } = usePlace();
  const { backend: current } = useStore(settings);
  try {
    const backend = backendOfLink(query, location.origin, current);
    return backend === undefined ? undefined : { backend, mistake: "" };
  } catch (error) {
    return { backend: "", mistake: sentenceOf(error) };
  }
}

const forgetQuestion = () => setQuery({ backend: "" });

export function AskBackend({ question }: { question: Question }) {
  const { keys } = useStore(settings);
  const { backend, mistake } = question;
  const here = backendAddress();
  if (mistake) {
    return (
      <EmptyState
        icon={Link2Off}
        title="The server in this link cannot be used"
        actions={
          <Button look="primary" onClick={forgetQuestion}>
            Continue with {here}
          </Button>
        }
      >
        <p>{mistake} Ask the sender for a new link.</p>
      </EmptyState>
    );
  }
  const there = backend || location.origin;
  return (
    <EmptyState
      icon={Link2}
      title="Open this link on another server?"
      actions={
        <>
          <Button
            look="primary"
            onClick={() => {
              if (queue.get().active) {
                tellProblem(
                  "Photos are being uploaded",
                  "Wait for the upload to finish, or cancel it, before you change the server.",
                );
                return;
              }
              switchBackend(backend, keys[backend] ?? "");
              forgetQuestion();
            }}
          >
            Switch server
          </Button>
          <Button onClick={forgetQuestion}>Keep my server</Button>
        </>
      }
    >
      <dl className="facts ask-facts">
        <dt>In the link</dt>
        <dd className="mono">
          <bdi>{there}</bdi>
        </dd>
        <dt>In use</dt>
        <dd className="mono">
          <bdi>{here}</bdi>
        </dd>
      </dl>
      <p>
        {backend in keys || backend === ""
          ? "You have used it before."
          : "You have not used it before. Switch only if you trust the sender of the link: photos that you upload afterwards go there."}{" "}
        Your API keys for other servers are never sent to it.
      </p>
    </EmptyState>
  );
}
