// Small things that the browser does for a page.
import { tell, tellProblem } from "./toast";

export function download(content: Blob | string, name: string, type = "text/plain"): void {
  const blob = typeof content === "string" ? new Blob([content], { type }) : content;
  const url = URL.createObjectURL(blob);
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  link.click();
  // The browser has taken the blob by the next turn at the latest.
  setTimeout(() => URL.revokeObjectURL(url), 1_000);
}

export async function copy(text: string, what: string): Promise<void> {
  try {
    await navigator.clipboard.writeText(text);
    tell(`${what} copied`);
  } catch {
    tellProblem(
      `${what} could not be copied`,
      "The browser allows it on https and localhost only. Select it and copy it by hand.",
    );
  }
}
