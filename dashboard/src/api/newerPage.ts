// Whether the server has another version of this page than the one that runs in the tab.

// Each build has its own name for the script, so that the name tells versions apart.
export const scriptOf = (html: string): string =>
  /<script\b[^>]*\bsrc="([^"]+)"/.exec(html)?.[1] ?? "";

// `running`: the address of the script that runs. Where the server cannot tell, nothing is newer.
export async function hasNewerPage(running: string): Promise<boolean> {
  try {
    const response = await fetch("/", { headers: { Accept: "text/html" }, cache: "no-cache" });
    const script = response.ok ? scriptOf(await response.text()) : "";
    return script !== "" && running !== "" && script !== running;
  } catch {
    return false;
  }
}
