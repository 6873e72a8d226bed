// Stands in the place of the page while a shared link waits for the user's word on its backend.
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

export interface Question {
  backend: string; // as in the settings; undefined where the link names none that could be used
  mistake: string; // why not; empty otherwise
}

// What the address asks for; undefined when there is nothing to ask.
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
        title="This link names no usable backend"
        actions={
          <Button look="primary" onClick={forgetQuestion}>
            Go on with {here}
          </Button>
        }
      >
        <p>{mistake} Ask whoever sent it for a new one.</p>
      </EmptyState>
    );
  }
  const there = backend || location.origin;
  return (
    <EmptyState
      icon={Link2}
      title="Open this link on another backend?"
      actions={
        <>
          <Button
            look="primary"
            onClick={() => {
              if (queue.get().active) {
                tellProblem(
                  "Photos are being uploaded",
                  "Wait for them, or cancel, before you change the backend.",
                );
                return;
              }
              switchBackend(backend, keys[backend] ?? "");
              forgetQuestion();
            }}
          >
            Switch to it
          </Button>
          <Button onClick={forgetQuestion}>Stay on mine</Button>
        </>
      }
    >
      <dl className="facts ask-facts">
        <dt>The link’s</dt>
        <dd className="mono">
          <bdi>{there}</bdi>
        </dd>
        <dt>Yours now</dt>
        <dd className="mono">
          <bdi>{here}</bdi>
        </dd>
      </dl>
      <p>
        {backend in keys || backend === ""
          ? "You have used it before."
          : "You have not used it before. Switch only if you trust who sent the link: photos that you upload afterwards go there."}{" "}
        An API key of another backend is never sent to it.
      </p>
    </EmptyState>
  );
}
