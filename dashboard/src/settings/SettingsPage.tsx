import { useMutation } from "@tanstack/react-query";
import { CircleAlert, CircleCheck, HeartPulse } from "lucide-react";
import { useId, useState, type SyntheticEvent } from "react";
import { checkHealth, sentenceOf, type Target } from "../api/client";
import { normalizeBackend, settings, switchBackend, type Theme } from "../state/settings";
import { useStore } from "../state/store";
import { Button } from "../ui/Button";
import { Segments } from "../ui/Fields";
import { formatDuration, plural } from "../domain/format";
import { Notice } from "../ui/States";
import { tell } from "../ui/toast";
import { queue } from "../upload/uploads";
import "./SettingsPage.css";

function HealthAnswer({
  check,
}: {
  check: { data?: { models: { error?: string }[]; ms: number } | undefined; error: unknown };
}) {
  if (check.error) {
    return (
      <Notice icon={CircleAlert} tone="problem">
        <strong>Not usable.</strong> {sentenceOf(check.error)}
      </Notice>
    );
  }
  if (!check.data) return null;
  const usable = check.data.models.filter(({ error }) => !error).length;
  return (
    <Notice icon={CircleCheck}>
      <strong>Healthy.</strong> It answered in {formatDuration(check.data.ms)}, its storage is
      ready, and {plural(usable, "model")} {usable === 1 ? "is" : "are"} installed.
    </Notice>
  );
}

export function SettingsPage() {
  const now = useStore(settings);
  const [backend, setBackend] = useState(now.backend);
  const [key, setKey] = useState(now.keys[now.backend] ?? "");
  const [mistake, setMistake] = useState("");
  const id = useId();
  const check = useMutation({ mutationFn: (target: Target) => checkHealth(target) });

  // The address as it will be stored; undefined where it is not valid.
  const read = (): string | undefined => {
    try {
      setMistake("");
      const address = normalizeBackend(backend);
      return address === location.origin ? "" : address;
    } catch (error) {
      setMistake(sentenceOf(error));
      return undefined;
    }
  };

  const save = (event: SyntheticEvent) => {
    event.preventDefault();
    const address = read();
    if (address === undefined) return;
    if (address !== now.backend && queue.get().active) {
      setMistake(
        "Photos are being uploaded. Wait for the upload to finish, or cancel it, before you change the server.",
      );
      return;
    }
    switchBackend(address, key.trim());
    setBackend(address);
    check.mutate({ backend: address, key: key.trim() });
    tell("Settings saved");
  };

  return (
    <>
      <header className="page-head">
        <div>
          <h1 tabIndex={-1}>Settings</h1>
          <p className="page-sub">Stored in this browser only.</p>
        </div>
      </header>
      <div className="stack narrow">
        <form className="card" onSubmit={save}>
          <header className="card-head">
            <h2>Server</h2>
          </header>
          <div className="field">
            <label htmlFor={`${id}-backend`}>Address</label>
            <input
              id={`${id}-backend`}
              className="input"
              type="text"
              inputMode="url"
              autoComplete="url"
              spellCheck={false}
              placeholder={`${location.origin} (this server)`}
              value={backend}
              aria-invalid={mistake !== ""}
              aria-describedby={`${id}-backend-hint`}
              onChange={(event) => setBackend(event.target.value)}
            />
            <p
              id={`${id}-backend-hint`}
              className={mistake ? "problem-text" : "hint"}
              role={mistake ? "alert" : undefined}
            >
              {mistake || "Leave it empty to use the server that this page came from."}
            </p>
          </div>
          <div className="field">
            <label htmlFor={`${id}-key`}>API key</label>
            <input
              id={`${id}-key`}
              className="input"
              type="password"
              autoComplete="off"
              value={key}
              aria-describedby={`${id}-key-hint`}
              onChange={(event) => setKey(event.target.value)}
            />
            <p id={`${id}-key-hint`} className="hint">
              Needed if the server requires API keys. It is sent to this server only.
            </p>
          </div>
          <div className="buttons">
            <Button type="submit" look="primary">
              Save
            </Button>
            <Button
              icon={HeartPulse}
              busy={check.isPending}
              onClick={() => {
                const address = read();
                if (address !== undefined) check.mutate({ backend: address, key: key.trim() });
              }}
            >
              Check health
            </Button>
          </div>
          <div role="status">
            <HealthAnswer check={check} />
          </div>
        </form>
        <section className="card">
          <header className="card-head">
            <h2>Appearance</h2>
          </header>
          <Segments<Theme>
            label="Appearance"
            value={now.theme}
            options={[
              { value: "system", label: "Match system" },
              { value: "light", label: "Light" },
              { value: "dark", label: "Dark" },
            ]}
            onChange={(theme) => settings.set({ ...settings.get(), theme })}
          />
        </section>
        <section className="card">
          <header className="card-head">
            <h2>Keyboard</h2>
          </header>
          <dl className="keys">
            <dt>
              <kbd>←</kbd> <kbd>→</kbd> <kbd>↑</kbd> <kbd>↓</kbd>
            </dt>
            <dd>move through the gallery, or to the next photo in the preview</dd>
            <dt>
              <kbd>Space</kbd>
            </dt>
            <dd>select; hold Shift with the arrow keys for a range</dd>
            <dt>
              <kbd>Enter</kbd>
            </dt>
            <dd>open the photo</dd>
            <dt>
              <kbd>Ctrl</kbd> <kbd>A</kbd>, <kbd>Esc</kbd>
            </dt>
            <dd>select all, clear the selection</dd>
            <dt>
              <kbd>Delete</kbd>
            </dt>
            <dd>delete the selected photos</dd>
          </dl>
        </section>
      </div>
    </>
  );
}
