import { Images } from "lucide-react";
import type { ReactNode } from "react";
import { useModels } from "../api/queries";
import { Link } from "../state/router";
import { useStore } from "../state/store";
import { EmptyState, ErrorState, Loading } from "../ui/States";
import { ChosenPhotos } from "./ChosenPhotos";
import { Details } from "./Details";
import { draft } from "../state/draft";
import { KindChoice } from "./KindChoice";
import { LabelEditor } from "./LabelEditor";
import { LabelSets } from "./LabelSets";
import { LabelWarnings } from "./LabelWarnings";
import { ModelChoice } from "./ModelChoice";
import { Plan } from "./Plan";
import { Section } from "./Section";
import { usePhotos } from "./usePhotos";

function WhatToLookFor() {
  const { type } = useStore(draft);
  return (
    <Section title="What to look for">
      <KindChoice />
      {type === "custom_classification" && (
        <>
          <LabelSets />
          <LabelEditor />
          <LabelWarnings />
        </>
      )}
      <ModelChoice />
    </Section>
  );
}

function NoPhotos() {
  return (
    <EmptyState
      icon={Images}
      title="No photos yet"
      actions={
        <Link href="/" className="button primary">
          Go to photos
        </Link>
      }
    >
      <p>Add some first: a job needs at least one.</p>
    </EmptyState>
  );
}

function Body(): ReactNode {
  const { photos, stored, error: listError, refetch } = usePhotos();
  const models = useModels();
  const error = models.error ?? listError;
  if (error) {
    const retry = () => {
      void models.refetch();
      refetch();
    };
    return <ErrorState error={error} onRetry={retry} />;
  }
  if (!photos || !models.data) return <Loading what="photos and models" shape="page" />;
  if (!stored && photos.count === 0) return <NoPhotos />;
  return (
    <div className="split">
      <div className="stack">
        <ChosenPhotos />
        <WhatToLookFor />
        <Details />
      </div>
      <Plan />
    </div>
  );
}

export function SubmitPage() {
  return (
    <>
      <header className="page-head">
        <div>
          <h1 tabIndex={-1}>New job</h1>
          <p className="page-sub">Choose what to look for, and start.</p>
        </div>
      </header>
      <Body />
    </>
  );
}
