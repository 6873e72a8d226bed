import {
  Braces,
  ClipboardList,
  FileSpreadsheet,
  Filter,
  Link2,
  Share2,
  Sheet,
  Terminal,
  Download,
} from "lucide-react";
import { getResultFile, sentenceOf, type ResultFormat } from "../api/client";
import type { JobDetails } from "../domain/types";
import { backendAddress, settings } from "../state/settings";
import { linkFor } from "../state/shared";
import { copy, download } from "../ui/browser";
import { plural, wholePercent } from "../domain/format";
import { Menu, type MenuItem } from "../ui/Menu";
import { tellProblem } from "../ui/toast";
import { needsKeysFile, submitCommand, type CommandInput } from "../domain/command";
import { toCsv } from "./csv";
import type { Row } from "../domain/results";

interface Props {
  job: string;
  details: JobDetails | undefined;
  rows: readonly Row[];
  shown: readonly Row[]; // those that match the filters, in their order
  threshold: number;
}

export function Exports({ job, details, rows, shown, threshold }: Props) {
  const save = async (format: ResultFormat) => {
    try {
      download(await getResultFile(job, format), `${job}.${format === "json" ? format : "csv"}`);
    } catch (error) {
      tellProblem("Download failed", sentenceOf(error));
    }
  };
  const files: MenuItem[] = [
    {
      label: "CSV, whole result",
      hint: "as the job was run",
      icon: FileSpreadsheet,
      onSelect: () => void save("csv"),
    },
    {
      label: "CSV for Excel",
      hint: "the same, with the mark that Excel needs for UTF-8",
      icon: Sheet,
      onSelect: () => void save("excel"),
    },
    {
      label: "CSV, as shown",
      hint: `${plural(shown.length, "photo")} in this order, threshold ${wholePercent(threshold)}`,
      icon: Filter,
      onSelect: () => download(toCsv(shown, threshold), `${job}-shown.csv`, "text/csv"),
    },
    { label: "JSON, whole result", icon: Braces, onSelect: () => void save("json") },
  ];
  const command: CommandInput = {
    backend: backendAddress(),
    keys: rows.map(({ key }) => key),
    all: false,
    labels: details?.custom_labels ?? [],
    model: details?.model ?? "",
    topK: details?.top_k ?? 5,
    threshold: details?.confidence_threshold ?? 0.5,
  };
  const share: MenuItem[] = [
    {
      label: "Copy the link",
      hint: "with view, label and search",
      icon: Link2,
      onSelect: () => void copy(linkFor(location.href, settings.get().backend), "Link"),
    },
    {
      label: "Copy as a command",
      hint: "runs the same job from a shell",
      icon: Terminal,
      onSelect: () => void copy(submitCommand(command), "Command"),
    },
    ...(needsKeysFile(command)
      ? [
          {
            label: "Save keys.json",
            hint: "list of the photos for that command",
            icon: ClipboardList,
            onSelect: () => download(JSON.stringify(command.keys), "keys.json", "application/json"),
          },
        ]
      : []),
  ];
  return (
    <>
      <Menu label="Share" icon={Share2} items={share} />
      <Menu label="Export" icon={Download} items={files} />
    </>
  );
}
